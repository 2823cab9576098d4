"""Datasets that cannot be had: one line that says what would help, and nothing built."""

from __future__ import annotations

import time
from pathlib import Path

from gan_tf.data import tfds

from .conftest import Command, one_line

MNIST = Path(tfds.__file__).parent / "mnist"


def train(command: Command, tmp_path: Path, *flags: str) -> str:
    """Tries to train in an empty data directory; returns the one line of its failure."""
    line = one_line(command("train", "--steps=1", f"--data_dir={tmp_path / 'data'}", *flags))
    assert not (tmp_path / "runs").exists()
    assert not list((tmp_path / "data").rglob("*.npy"))
    return line


def test_a_dataset_out_of_reach_names_its_files_source_and_place(
    command: Command, tmp_path: Path
) -> None:
    start = time.monotonic()
    line = train(command, tmp_path, f"--manual_dir={tmp_path / 'mine'}")
    assert time.monotonic() - start < 15
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        assert f"{name}-idx" in line
    assert "https://storage.googleapis.com/cvdf-datasets/mnist/" in line
    assert f"into {tmp_path / 'mine'}" in line
