"""The generator that comes with the package, through the commands that take it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.models import PRETRAINED
from gan_tf.report import pictures
from gan_tf.serving import pretrained

from .conftest import Command


def test_the_package_draws_digits_without_a_run(command: Command, tmp_path: Path) -> None:
    finished = command("sample", "--text=2026", "--output=year.png")
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stderr
    drawn = pictures.read_png((tmp_path / "year.png").read_bytes(), most=100_000)
    assert drawn.shape == (2 * (28 + 2), 2 * (4 * 29 + 1), 1)
    named = command("sample", "--pretrained=mnist", "--labels=2,0,2,6", "--output=same.npy")
    assert named.returncode == 0, named.stderr
    # The picture has a border of 1 around each image, and draws each pixel twice.
    tiles = drawn[::2, ::2][1:-1].reshape(28, -1, 1)
    same = np.load(tmp_path / "same.npy")
    for place, image in enumerate(same):
        left = 1 + place * 29
        np.testing.assert_array_equal(tiles[:, left : left + 28], image)


def test_what_it_is_said_to_score_it_scores(command: Command, tmp_path: Path) -> None:
    flags = ("--pretrained=mnist", "--num=1000", "--seeds=0", "--output=scores.json")
    finished = command("evaluate", *flags)
    assert finished.returncode == 0, finished.stderr
    found = json.loads((tmp_path / "scores.json").read_text())
    said = pretrained.metadata("mnist")["figures"]
    # Those that do not depend on the number of samples.
    for name, near in (("label_accuracy", 0.015), ("confident_share", 0.02)):
        assert abs(found[name]["value"] - said[name]["value"]) < near, name
    assert found["label_accuracy"]["value"] > 0.97


def test_a_run_begins_with_it(command: Command, tmp_path: Path) -> None:
    flags = ("--conditional=projection", "--init_from=mnist", "--steps=1", "--run_dir=run")
    finished = command("train", *flags, "--batch_size=8", "--evaluate_every=0", "--export=none")
    assert finished.returncode == 0, finished.stderr
    assert "begins with the networks of mnist" in finished.stderr
    first = pictures.read_png((tmp_path / "run/samples/step-00000000.png").read_bytes(), 10**6)
    assert (first > 200).mean() > 0.05, "digits from the beginning"
    refused = command("train", "--init_from=mnist", "--steps=1", "--run_dir=other")
    assert refused.returncode == 2
    assert "labels by projection; this run trains dcgan for images" in refused.stderr


def test_a_wrong_call_leaves_no_other_thread_waiting() -> None:
    """A tf.function keeps its lock after one."""
    digits = pretrained.load("mnist")
    latents = digits.latents(4, 0)
    with pytest.raises((TypeError, ValueError, tf.errors.InvalidArgumentError)):
        digits.draw(latents.astype(np.float64), np.arange(4))
    drawn: list[np.ndarray] = []
    other = threading.Thread(target=lambda: drawn.append(digits.sample(4, 0)), daemon=True)
    other.start()
    other.join(60)
    assert not other.is_alive()
    np.testing.assert_array_equal(drawn[0], digits.sample(4, 0))


def test_its_weights_stay_small() -> None:
    for name in PRETRAINED:
        assert (pretrained.DIRECTORY / f"{name}.npz").stat().st_size < 3_000_000
        assert pretrained.metadata(name)["licence"].startswith("CC BY-SA")
