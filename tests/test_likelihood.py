"""A run whose best generator is the one that makes held-out images likeliest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.dataset import open_dataset
from gan_tf.evaluation.parzen import Likelihood, in_unit_range, parzen
from gan_tf.training.metrics import best
from gan_tf.training.run import train

from .conftest import metrics


def mnist(data_dir: Path, split: str) -> Split:
    return open_dataset("mnist", data_dir).split(split)


def test_the_best_generator_is_the_likeliest(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    result = train(
        Config(
            arch="mlp",
            data_dir=str(data_dir),
            run_dir=str(run),
            steps=40,
            validation_images=500,
            best_by="log_likelihood",
            generator_lr=0.05,
            log_every=5,
            sample_every=40,
            checkpoint_every=5,
            evaluate_every=5,
            evaluate_images=100,
            on_collapse="ignore",
        )
    )
    lines = metrics(run)
    likelihoods = [line["log_likelihood"] for line in lines]
    found = lines[int(np.argmax(likelihoods))]
    # The first is not the last, nor that with the least Fréchet distance: the figure decides.
    assert found == best(lines) == result.best
    assert found != lines[-1]
    assert result.export
    about = json.loads((result.export / "assets.extra" / "gan_tf.json").read_text())
    assert about["step"] == found["step"]
    said = f"log-likelihood {found['log_likelihood']:.1f}; the last: {likelihoods[-1]:.1f}"
    assert said in str(result)
    shown = [line for line in str(result).splitlines() if "likelihood" in line or "nats" in line]
    assert len(shown) == 2
    assert all(len(line) <= 80 for line in shown)


def test_it_is_what_the_paper_reports(data_dir: Path) -> None:
    """Real images make others likely, by the sigma that serves them best."""
    train_images, test_images = (mnist(data_dir, name).images for name in ("train", "test"))
    held_out = test_images[:1_000]
    likelihood = Likelihood(held_out)
    found = likelihood(train_images[:2_000])
    rows = [in_unit_range(each) for each in (held_out, held_out, train_images[:2_000])]
    assert found == pytest.approx(parzen(*rows)[0])
    assert found > likelihood(train_images[:200]) > likelihood(255 - train_images[:200])
