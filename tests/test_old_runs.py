"""A run directory and an export of version 0.1.0: read, sampled, evaluated, exported, resumed.

The fixture is a run that gave up its first attempt and failed in its second, with its newest
export; `samples.npy` is what 0.1.0 drew from it, `resumed.jsonl` what it logged when it went on.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from gan_tf.serving import servable
from gan_tf.training import run_directory
from gan_tf.training.metrics import read_metrics

from .conftest import Command, executed, metrics, one_line

PACKED = Path(__file__).parent / "fixtures" / "run-0.1.0.tar.xz"
RESUME = (
    *("--run_dir=run", "--arch=lightning_cnn", "--latent_dim=2", "--batch_size=8", "--seed=3"),
    *("--optimizer=sgd", "--generator_lr=0", "--discriminator_lr=0.01", "--ema_decay=0.9"),
    *("--update=generator_first", "--r1_gamma=0", "--log_every=1", "--sample_every=2"),
    *("--checkpoint_every=2", "--keep_checkpoints=1", "--evaluate_every=2"),
    *("--evaluate_images=100", "--max_restarts=1", "--on_collapse=ignore"),
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The unpacked run directory."""
    with tarfile.open(PACKED) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "run"


def test_what_is_on_record_is_understood(old: Path) -> None:
    run = run_directory.read(old)
    assert (run.config.arch, run.config.export, run.data.image_shape) == (
        "lightning_cnn",
        "best",
        (28, 28, 1),
    )
    assert (run.data.licence[:8], run.data.judge) == ("CC BY-SA", "mnist-v1")
    assert sorted({line["attempt"] for line in read_metrics(old / "metrics.jsonl")}) == [1, 2]
    (record,) = run_directory.attempts_given_up(old)
    assert (record["attempt"], record["seed"], record["step"]) == (1, 3, 6)


def test_its_export_is_sampled_and_evaluated(
    command: Command, tmp_path: Path, old: Path, data_dir: Path
) -> None:
    sampled = command("sample", "--run_dir=run", "--num=8", "--output=now.npy")
    assert sampled.returncode == 0, sampled.stderr
    before, now = (np.load(tmp_path / name) for name in ("samples.npy", "now.npy"))
    # Another type of processor may round otherwise.
    assert np.abs(before.astype(int) - now).max() <= 1
    flags = (f"--data_dir={data_dir}", "--num=100", "--seeds=0", "--output=scores.json")
    evaluated = command("evaluate", "--run_dir=run", *flags)
    assert evaluated.returncode == 0, evaluated.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["step"] == 4


def test_it_is_exported_anew(command: Command, tmp_path: Path, old: Path) -> None:
    finished = command("export", "--run_dir=run", "--checkpoint=last")
    assert (finished.returncode, finished.stdout) == (0, "run/export/2\n"), finished.stderr
    first, second = (servable.load(old / "export" / n) for n in ("1", "2"))
    assert (second.metadata["step"], second.metadata["attempt"]) == (4, 2)
    assert second.metadata["image_shape"] == [28, 28, 1]
    difference = first.sample(8, 0).astype(int) - second.sample(8, 0)
    assert np.abs(difference).max() <= 1


def test_it_goes_on_as_it_would_have_gone_on(
    command: Command, tmp_path: Path, old: Path, data_dir: Path
) -> None:
    finished = command("train", *RESUME, f"--data_dir={data_dir}", "--steps=8")
    assert finished.returncode == 0, finished.stderr
    assert "resumed at step 4" in finished.stderr
    assert executed(finished.stdout) == 4
    lines = [line for line in metrics(old) if line["attempt"] == 2 and line["step"] > 4]
    text = (tmp_path / "resumed.jsonl").read_text()
    expected = [json.loads(line) for line in text.splitlines()]
    assert [line["step"] for line in lines] == [line["step"] for line in expected] == [5, 6, 7, 8]
    for line, before in zip(lines, expected, strict=True):
        for name in ("discriminator_loss", "generator_loss", "d_real", "value"):
            assert line[name] == pytest.approx(before[name], rel=1e-4)
    content = json.loads((old / "config.json").read_text())
    assert content["format"] == run_directory.FORMAT
    assert content["data"]["image_shape"] == [28, 28, 1]


def test_a_knob_of_a_newer_version_is_refused_by_its_name(command: Command, old: Path) -> None:
    path = old / "config.json"
    content = json.loads(path.read_text())
    content["config"]["warp"] = 9
    path.write_text(json.dumps(content))
    line = one_line(command("export", "--run_dir=run"))
    assert line.endswith(
        "run/config.json: must not have warp; it was altered, or is a newer version's"
    )
