"""Datasets that cannot be had: one line that says what would help, and nothing built."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from gan_tf import prepare

from .conftest import Command, one_line

MNIST = Path(prepare.__file__).parent / "datasets" / "mnist"


def train(command: Command, tmp_path: Path, *flags: str) -> str:
    """Tries to train in an empty data directory; returns the one line of its failure."""
    line = one_line(command("train", "--steps=1", f"--data_dir={tmp_path / 'data'}", *flags))
    assert not (tmp_path / "runs").exists()
    assert not list((tmp_path / "data").rglob("*.npy"))
    return line


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_a_damaged_file_is_refused_by_name(command: Command, tmp_path: Path, damage: str) -> None:
    files = tmp_path / "files"
    shutil.copytree(MNIST, files)
    victim = files / "t10k-images-idx3-ubyte.gz"
    content = bytearray(victim.read_bytes())
    if damage == "truncated":
        del content[-1:]
    else:
        content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    line = train(command, tmp_path, f"--manual_dir={files}")
    assert f"{victim} was truncated or altered" in line


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


def test_another_shape_is_refused_before_anything_is_built(
    command: Command, tmp_path: Path
) -> None:
    line = train(command, tmp_path, "--dataset=cifar10")
    assert "--dataset=cifar10: has 32x32x3 images; the networks need 28x28x1" in line


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mnsit", "did you mean mnist?"),
        ("iris", "has no images"),
        ("emnist/nonesuch", "no such config or version; emnist has byclass, bymerge, "),
        ("MNIST", "did you mean mnist?"),
        ("../../etc", "must be a TFDS name"),
    ],
)
def test_an_unknown_dataset_is_refused(
    command: Command, tmp_path: Path, name: str, reason: str
) -> None:
    assert reason in train(command, tmp_path, f"--dataset={name}")


@pytest.mark.parametrize("damage", ["truncated", "altered", "no index"])
def test_a_damaged_cache_is_refused_by_name(
    command: Command, tmp_path: Path, data_dir: Path, damage: str
) -> None:
    cache = tmp_path / "data" / "gan_tf" / "mnist"
    shutil.copytree(data_dir / "gan_tf" / "mnist", cache)
    victim = cache / "train-images.npy"
    if damage == "no index":
        victim = cache / "cache.json"
        victim.write_text("{")
    else:
        content = bytearray(victim.read_bytes())
        content[-1] ^= 1
        victim.write_bytes(content[:-9] if damage == "truncated" else content)
    before = victim.read_bytes()
    line = one_line(command("train", "--steps=1", f"--data_dir={tmp_path / 'data'}"))
    assert f"remove {cache} and it is made again" in line
    assert damage == "no index" or f"{victim} was truncated or altered" in line
    assert victim.read_bytes() == before
