"""The page of the 2014 paper: its theory in one dimension, and its digits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import paper_2014
import paper_2014_differences as differing
import paper_2014_toy as toy
import pytest
import tensorflow as tf
from PIL import Image

from gan_tf.config import Config
from gan_tf.host.errors import InputError
from gan_tf.training import run_directory
from gan_tf.training.metrics import read_metrics
from gan_tf.training.run import train


def test_known_divergences() -> None:
    one, other = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert toy.divergence(one, one) == 0.0
    assert toy.divergence(one, other) == pytest.approx(math.log(2.0))


def test_the_toy_goes_where_the_theorem_says(tmp_path: Path) -> None:
    """Ten times the spread of an estimate from 100,000 reals and fakes is 0.02."""
    record = tmp_path / "docs" / "paper.json"
    options = paper_2014.Options(parts="toy", toy_steps=600, record=str(record))
    assert paper_2014.main(options) == str(record.with_suffix(".md"))
    found = json.loads(record.read_text())["toy"]
    assert found["steps"] == 600
    assert found["bound"] == pytest.approx(-math.log(4.0), abs=0.05)
    assert found["value"] < found["bound"] + 0.02
    assert found["accuracy"] == pytest.approx(0.5, abs=0.05)
    page = record.with_suffix(".md").read_text()
    assert f"V is {found['value']:.3f}" in page
    for name in ("figure-1.png", "value.png", "figure-1.gif"):
        assert f"paper/{name}" in page
        with Image.open(record.with_suffix("") / name) as shown:
            assert shown.size[0] > 300


def test_the_course_of_a_run_is_shown_before_its_end(tmp_path: Path, data_dir: Path) -> None:
    config = Config(
        arch="mlp",
        data_dir=str(data_dir),
        run_dir=str(tmp_path / "paper_2014-0"),
        batch_size=8,
        steps=6,
        best_by="log_likelihood",
        evaluate_images=100,
        evaluate_every=2,
        export="none",
    )
    train(config)
    record = tmp_path / "page" / "paper.json"
    record.parent.mkdir()
    paper_2014.main(paper_2014.Options(parts="course", runs_dir=str(tmp_path), record=str(record)))
    lines = read_metrics(tmp_path / "paper_2014-0" / "metrics.jsonl")
    found = json.loads(record.read_text())["course"]
    assert found["log_likelihoods"] == [line["log_likelihood"] for line in lines[-3:]]
    said = f"1,000 validation images have {lines[-1]['log_likelihood']:.1f} nats"
    assert said in " ".join(record.with_suffix(".md").read_text().split())
    with Image.open(record.with_suffix("") / "likelihood.png") as shown:
        assert shown.size[0] > 300


@pytest.mark.release
def test_the_digits_are_judged_by_what_no_step_saw(tmp_path: Path, data_dir: Path) -> None:
    record = tmp_path / "paper.json"
    options = paper_2014.Options(
        parts="digits",
        epochs=4,
        runs_dir=str(tmp_path / "runs"),
        data_dir=str(data_dir),
        record=str(record),
    )
    paper_2014.main(options)
    found = json.loads(record.read_text())["digits"]
    assert found["training images"]["log_likelihood"] > 200.0
    assert -200.0 < found["paper_2014"]["log_likelihood"] < 225.0
    assert found["paper_2014"]["steps"] == 2_000
    for name in ("figure-2.png", "figure-3.png"):
        with Image.open(record.with_suffix("") / name) as shown:
            assert shown.mode == "L"


def test_networks_differ_from_the_authors_in_one_thing() -> None:
    shape, z = (28, 28, 1), tf.random.stateless_uniform([2, 100], [0, 1], -1.7, 1.7)
    whole = {name: each.networks for name, each in differing.DIFFERENCES.items()}
    generator = whole["slopes"].generator(100, shape)
    theirs = whole["as_is"].generator(100, shape)
    theirs.set_weights(generator.get_weights())
    for factor, least in ((1e-6, 0.1), (1.0, 1.0)):
        slopes = []
        for network in (generator, theirs):
            with tf.GradientTape() as tape:
                loss = factor * tf.reduce_sum(network(z))
            slopes.append(tape.gradient(loss, network.trainable_variables[-1]).numpy())
        ratio = least / factor / np.sqrt(2 * 28 * 28) if factor < 1 else 1.0
        np.testing.assert_allclose(slopes[0], ratio * slopes[1], rtol=1e-4)
    *_, dropout, unscaled = whole["scale"].discriminator(shape).layers[:4]
    seen = dropout(tf.ones([64, 784]), training=True)
    np.testing.assert_allclose(np.unique(seen), [0.0, 1.25])
    np.testing.assert_allclose(np.unique(unscaled(seen, training=True)), [0.0, 1.0])
    np.testing.assert_array_equal(unscaled(seen), seen)
    drops = differing.LIMITS["dropout"].networks.discriminator(shape)
    images = tf.random.stateless_normal([2, *shape], [0, 1])
    np.testing.assert_array_equal(drops(images, training=True), drops(images))
    kernels = whole["weights"].discriminator(shape).get_weights()[::2]
    assert all(0.045 < abs(kernel).max() <= 0.05 for kernel in kernels)


@pytest.mark.release
def test_a_run_goes_on_from_its_end_with_one_thing_changed(tmp_path: Path, data_dir: Path) -> None:
    record = tmp_path / "paper.json"
    options = paper_2014.Options(
        parts="limits",
        limits="dropout,adam",
        limit_after=10,
        difference_steps=10,
        runs_dir=str(tmp_path / "runs"),
        data_dir=str(data_dir),
        record=str(record),
    )
    paper_2014.main(options)
    found = json.loads(record.read_text())["limits"]
    assert list(found) == ["start", "dropout", "adam"]
    assert len({each["log_likelihood"] for each in found.values()}) == 3
    runs = tmp_path / "runs" / "limits"
    for name, optimizer in (("dropout", "sgd"), ("adam", "adam")):
        config = run_directory.read(runs / f"{name}-10").config
        assert config.optimizer == optimizer
        assert config.init_from == str(runs / "start-10")
    assert "| no dropout in D | 10 |" in record.with_suffix(".md").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"parts": "toys"}, "toys is none of toy, digits, course, order, differences, limits"),
        ({"parts": "differences", "differences": "noise"}, "noise is none of as_is, seed, scale"),
        ({"parts": "course", "runs_dir": "none"}, "has no likelihood of validation images yet"),
        ({"presets": "r3gan"}, "r3gan is not paper_2014, mlp or dcgan"),
        ({"record": "page.md"}, "must end in .json"),
        ({"parts": "none", "record": "nothing.json"}, "is not there, and --parts=none makes none"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        paper_2014.main(paper_2014.Options(**options))
