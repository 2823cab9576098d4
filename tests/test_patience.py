"""A run that ends because nothing got better: at the same step however often it was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gan_tf.config import Config
from gan_tf.host.errors import InputError
from gan_tf.training import patience
from gan_tf.training.result import Result
from gan_tf.training.run import train

from .conftest import assert_same_bits, metrics


def test_evaluations_since_the_best() -> None:
    def lines(*distances: float) -> list[dict[str, float]]:
        return [{"step": 1.0}, *({"frechet_distance": each} for each in distances)]

    likely = [
        {"frechet_distance": 3.0 - at, "log_likelihood": each} for at, each in enumerate((1, 9, 5))
    ]
    assert patience.waited(likely) == 1

    waited = [patience.waited(lines(*each)) for each in ((), (3,), (3, 2), (2, 3, 2), (2, 3, 1, 4))]
    assert waited == [0, 0, 0, 2, 1]


def test_a_run_ends_after_so_many_evaluations_and_goes_on_exactly(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """G does not move: each evaluation finds the same, and the first one stays the best."""

    def go(name: str, patience: int, evaluate_every: int = 2) -> Result:
        capsys.readouterr()
        return train(
            Config(
                arch="mlp",
                data_dir=str(data_dir),
                run_dir=str(tmp_path / name),
                steps=12,
                patience=patience,
                batch_size=8,
                generator_lr=0.0,
                ema_decay=0.0,  # An average of equal weights differs in its last bits.
                log_every=2,
                sample_every=3,
                checkpoint_every=5,
                evaluate_every=evaluate_every,
                evaluate_images=100,
                on_collapse="ignore",
                export="none",
            )
        )

    ended, run = go("run", 3), tmp_path / "run"
    said = "patience: no better generator in 3 evaluations, so the run ends at step 8 of 12; "
    assert said in capsys.readouterr().err
    assert said in str(ended)
    assert said in json.loads((run / "result.json").read_text())["stopped"]
    assert (run / "samples" / "step-00000008.png").exists()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert go("run", 3).executed == 0
    assert said in capsys.readouterr().err
    assert go("run", 3, evaluate_every=3).executed == 0
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    longer = go("run", 9)
    assert (longer.executed, longer.stopped) == (4, None)
    go("whole", 0)
    assert_same_bits(tmp_path / "whole", run, 12)
    assert [line["step"] for line in metrics(run)] == [2, 4, 6, 8, 10, 12]
    drawn, expected = (
        [path.name for path in sorted((tmp_path / name / "samples").iterdir())]
        for name in ("run", "whole")
    )
    assert drawn == expected


def test_it_wants_evaluations() -> None:
    with pytest.raises(InputError, match=r"^--patience=2: counts evaluations, and --"):
        Config(patience=2, evaluate_every=0)
