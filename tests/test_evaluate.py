"""`python -m gan_tf.evaluate`: every figure, its interval and its floor, by a named judge."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf import evaluate
from gan_tf.data import pixels
from gan_tf.data.cache import Split
from gan_tf.data.dataset import describe
from gan_tf.evaluation import brought, classifier, fidelity, scorecard
from gan_tf.evaluation.figures import FIGURES
from gan_tf.host import files
from gan_tf.training.result import Result

from .conftest import MNIST_SHAPE, Command, dataset_of, one_line
from .processes import Finished


def scores(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@pytest.fixture(scope="module")
def small(mnist: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a labelled dataset that has no classifier yet."""
    directory = tmp_path_factory.mktemp("small")
    some = {n: a[: 1_500 if n.startswith("train") else 600] for n, a in mnist.items()}
    dataset_of(directory, "small", **some)
    return directory


def test_a_classifier_leaves_the_seed_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(train: bool) -> list[float]:
        tf.random.set_seed(7)
        first = tf.random.uniform([])
        if train:
            classifier.train(tmp_path / "new.npz", split, split)
        return [float(first), float(tf.random.uniform([]))]

    monkeypatch.setattr(classifier, "_EPOCHS", 1)
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (64, 8, 8, 1), np.uint8), rng.integers(0, 3, 64))
    assert drawn(train=True) == drawn(train=False)


def test_every_figure_has_its_interval_and_its_floor(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    def evaluate() -> Finished:
        flags = ("--num=500", "--seeds=0,1,2", "--output=scores.json")
        finished = command("evaluate", f"--run_dir={trained}", *flags)
        assert finished.returncode == 0, finished.stderr
        return finished

    first = evaluate()
    card = scores(tmp_path / "scores.json")
    assert list(card)[: len(FIGURES)] == list(FIGURES)
    for name in FIGURES:
        figure = card[name]
        assert set(figure) == {"value", "low", "high", "floor"}
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert card["frechet_distance"]["floor"] < 1 < card["frechet_distance"]["low"]
    assert abs(card["kid"]["floor"]) < 0.01 < card["kid"]["low"]
    assert card["classifier_score"]["floor"] > 9 > card["classifier_score"]["value"] > 1
    for name in ("confident_share", "precision", "recall", "coverage"):
        assert card[name]["floor"] > 0.9 > card[name]["value"]
    assert (card["classifier"], card["num"], card["seeds"]) == ("mnist-v1", 500, [0, 1, 2])
    lines = first.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "500 samples of each of 3 seeds, against 500 test images of mnist," in lines
    assert "judged by mnist-v1, which classifies 99.42 % of held-out images correctly" in lines
    assert [line.split()[0] for line in lines[-len(FIGURES) :]] == list(FIGURES)
    worst = scorecard.table(card | {"classifier_accuracy": 0.0})
    assert "which classifies 0.00 % of held-out images correctly" in worst
    # Once more: the real images' features are kept, and the figures are the same.
    second = evaluate()
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert scores(tmp_path / "scores.json") == card


def test_a_full_disk_does_not_cost_the_table(
    tmp_path: Path,
    trained: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(files, "write_text", full)
    options = evaluate.Options(
        saved_model=str(trained / "export" / "1"),
        data_dir=str(data_dir),
        num=200,
        seeds="0",
        output=str(tmp_path / "scores.json"),
    )
    with pytest.raises(OSError, match="No space left"):
        evaluate.main(options)
    assert "\ncoverage " in capsys.readouterr().out


def test_one_seed_has_no_interval(command: Command, tmp_path: Path, trained: Path) -> None:
    flags = ("--num=200", "--seeds=5", "--output=one.json")
    finished = command("evaluate", f"--saved_model={trained / 'export' / '1'}", *flags)
    assert "200 samples of 1 seed, against 200 test images" in finished.stdout
    figure = scores(tmp_path / "one.json")["recall"]
    assert (figure["low"], figure["high"]) == (None, None)


def test_real_images_are_judged_in_equal_numbers(
    command: Command, tmp_path: Path, trained: Path, small: Path
) -> None:
    """A few held-out images cover a few of many training images, and are no worse for that."""
    flags = ("--dataset=small", f"--data_dir={small}", "--classifier=random", "--num=2000")
    finished = command("evaluate", f"--run_dir={trained}", *flags, "--seeds=0", "--output=few.json")
    assert finished.returncode == 0, finished.stderr
    card = scores(tmp_path / "few.json")
    assert (card["against"], card["reals"], card["held_out"]) == ("training", 1_500, 600)
    assert card["coverage"]["floor"] > 0.9
    assert card["recall"]["floor"] > 0.8


def test_classes_of_another_dataset_are_not_taken_for_the_models(
    command: Command, tmp_path: Path, conditional: Path, mnist: dict[str, np.ndarray]
) -> None:
    halves = {n: a[:800] // 2 if n.endswith("labels") else a[:800] for n, a in mnist.items()}
    dataset_of(tmp_path / "data", "halves", **halves)
    flags = ("--dataset=halves", "--data_dir=data", "--num=200", "--seeds=0", "--output=a.json")
    finished = command("evaluate", f"--run_dir={conditional}", *flags)
    assert finished.returncode == 0, finished.stderr
    said = "halves has not the classes of the model, in their order"
    assert finished.stdout.splitlines()[-1] == f"no figures by class: {said}"
    refused = one_line(
        command("evaluate", f"--run_dir={conditional}", *flags, "--classes=rows.png")
    )
    assert refused.endswith(f"--classes=rows.png: {said}")
    assert not {"label_accuracy", "classes", "worst_class"} & scores(tmp_path / "a.json").keys()


def test_other_images_of_the_same_name_are_compared_with_on_demand_alone(
    command: Command, tmp_path: Path, trained: Path, mnist: dict[str, np.ndarray]
) -> None:
    dataset_of(tmp_path / "data", "mnist", **{name: array[:800] for name, array in mnist.items()})
    flags = (f"--run_dir={trained}", "--data_dir=data", "--num=200", "--seeds=0")
    refused = one_line(command("evaluate", *flags))
    assert "data/gan_tf/mnist holds other images than those that" in refused
    assert refused.endswith("was trained on; --dataset=mnist compares with them nevertheless")
    compared = command("evaluate", *flags, "--dataset=mnist", "--output=a.json")
    assert compared.returncode == 0, compared.stderr
    assert scores(tmp_path / "a.json")["num"] == 200


def test_the_log_has_the_same_figures(trained: Path) -> None:
    lines = [json.loads(text) for text in (trained / "metrics.jsonl").read_text().splitlines()]
    evaluated = [line for line in lines if "frechet_distance" in line]
    assert [line["step"] for line in evaluated] == [150]
    assert set(FIGURES) <= set(evaluated[0])
    result = scores(trained / "result.json")
    assert result["best"] == result["last"] == evaluated[0]
    assert result["classifier"] == "mnist-v1"
    said = (trained / "stdout.txt").read_text()
    assert re.search(r"evaluations took \d+\.\d s, \d+\.\d % of the training", said)
    started = (trained / "stderr.txt").read_text()
    assert "evaluation: 2,000 samples every 1,000 steps, judged by mnist-v1" in started
    few = Result(**result)
    assert "(mnist-v1); the 10,000 of gan_tf.evaluate score lower" in str(few)
    assert "score lower" not in str(dataclasses.replace(few, judged=10_000))


def test_the_packaged_classifier_is_as_good_as_it_says(mnist: dict[str, np.ndarray]) -> None:
    judge = classifier.packaged(describe("mnist", MNIST_SHAPE))
    judged = judge(mnist["test_images"])
    assert judged.probabilities is not None
    accuracy = np.mean(judged.probabilities.argmax(axis=1) == mnist["test_labels"])
    assert accuracy == pytest.approx(judge.accuracy, abs=2e-4)
    assert accuracy >= 0.993
    assert np.mean(np.square(judged.features)) == pytest.approx(1.0, abs=0.05)
    # What it makes of an image does not depend on the others.
    alone = [judge(mnist["test_images"][i : i + 1]).features[0] for i in range(3)]
    np.testing.assert_allclose(alone, judged.features[:3], atol=1e-5)


def test_another_dataset_trains_its_own_classifier_once(
    command: Command, tmp_path: Path, trained: Path, small: Path
) -> None:
    common = (f"--run_dir={trained}", "--dataset=small", f"--data_dir={small}")
    flags = (*common, "--num=500", "--seeds=0", "--output=scores.json")
    usual = command("evaluate", *flags)
    assert usual.returncode == 0, usual.stderr
    assert scores(tmp_path / "scores.json")["classifier"] == "random-v1"  # So few are labelled.
    first = command("evaluate", *flags, "--classifier=train")
    assert first.returncode == 0, first.stderr
    assert "classifier: epoch 12 of 12" in first.stderr
    card = scores(tmp_path / "scores.json")
    assert re.fullmatch(r"small-[0-9a-f]{8}", card["classifier"])
    assert card["classifier_accuracy"] > 0.9
    second = command("evaluate", *flags, "--classifier=train")
    assert (second.stdout, second.stderr) == (first.stdout, "")
    # Training is judged by it as well.
    run = (*common[1:], "--arch=mlp", "--run_dir=run", "--steps=2")
    assert "judged by random-v1" in command("train", *run).stderr
    assert (
        f"judged by {card['classifier']}"
        in command("train", *run, "--classifier=train", "--run_dir=other").stderr
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own.
def test_inception_judges_grey_images_and_colour_for_who_has_its_weights(
    tmp_path: Path, mnist: dict[str, np.ndarray]
) -> None:
    full = keras.applications.InceptionV3(weights=None)
    full.save_weights(tmp_path / "some.weights.h5")
    judge = brought.inception(tmp_path / "some.weights.h5")
    assert (judge.name, judge.accuracy) == ("inception-v3", None)
    grey = mnist["test_images"][:4]
    judged, coloured = judge(grey), judge(grey.repeat(3, axis=-1))
    assert judged.probabilities is not None
    assert (judged.features.shape, judged.probabilities.shape) == ((4, 2048), (4, 1000))
    np.testing.assert_allclose(judged.probabilities.sum(axis=1), 1.0, rtol=1e-4)
    np.testing.assert_allclose(judged.features, coloured.features, rtol=1e-4, atol=1e-6)
    # What is transparent is white, whatever its colour.
    alpha = np.where(grey > 100, 0, 255).astype(np.uint8)
    cleared = np.where(alpha, grey, 255).repeat(3, axis=-1)
    transparent = judge(np.concatenate([grey, grey, grey, alpha], axis=-1))
    np.testing.assert_allclose(transparent.features, judge(cleared).features, rtol=1e-4, atol=1e-6)
    assert not np.allclose(transparent.features, judged.features, rtol=1e-2, atol=1e-5)
    # As the network itself sees them: whole, and no two images alike.
    resized = tf.image.resize(tf.image.grayscale_to_rgb(pixels.scale(grey)), [299, 299])
    pooled = keras.Model(full.inputs, full.get_layer("avg_pool").output)
    expected = pooled(resized, training=False).numpy()
    np.testing.assert_allclose(judged.features, expected, rtol=1e-3, atol=1e-6)
    assert not np.allclose(expected[0], expected[1], rtol=1e-2, atol=1e-5)


def test_training_images_are_near_copies_of_themselves(mnist: dict[str, np.ndarray]) -> None:
    finder = fidelity.NearCopies(mnist["train_images"])
    assert finder.share(mnist["train_images"][:200]) == 1.0
    assert finder.share(mnist["test_images"][:2_000]) < 0.01
    noisy = pixels.scale(mnist["train_images"][:200]).numpy()
    noisy += np.random.default_rng(0).normal(size=noisy.shape) * 0.05
    assert finder.share(pixels.unscale(noisy)) > 0.99


def test_help_says_what_every_figure_means(command: Command) -> None:
    usage = command("evaluate", "--help").stdout
    assert max(map(len, usage.splitlines())) <= 80
    for name in FIGURES:
        assert re.search(rf"^  .*\b{name}\b", usage, re.MULTILINE)
    for number in (fidelity.CONFIDENT, fidelity.NEAR_COPY, f"{fidelity.NEIGHBOURS}-neighbour"):
        assert str(number) in usage


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own.
def test_dinov2_judges_for_who_has_its_weights(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    from keras_hub.models import DINOV2Backbone

    keras.utils.set_random_seed(0)
    DINOV2Backbone(
        patch_size=14,
        num_layers=1,
        hidden_dim=32,
        num_heads=2,
        intermediate_dim=64,
        image_shape=(518, 518, 3),
    ).save_to_preset(str(tmp_path / "dinov2"))
    flags = ("--dinov2_weights=dinov2", "--num=100", "--seeds=0", "--output=scores.json")
    finished = command("evaluate", f"--run_dir={trained}", "--classifier=dinov2", *flags)
    assert finished.returncode == 0, finished.stderr
    assert "judged by dinov2-32" in finished.stdout
    card = scores(tmp_path / "scores.json")
    assert card["frechet_distance"]["value"] > card["frechet_distance"]["floor"]
    assert "confident_share" not in card  # It knows no classes.
    # Its features are the class token's, of pixels as ImageNet's were standardised.
    network = DINOV2Backbone.from_preset(str(tmp_path / "dinov2"), image_shape=(224, 224, 3))
    colours = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    standard = (colours / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    tokens = np.asarray(network({"images": tf.constant(standard, tf.float32)}))
    features = brought.dinov2(tmp_path / "dinov2")(colours).features
    np.testing.assert_allclose(features, tokens[:, 0], rtol=1e-3, atol=1e-4)
    assert np.abs(features[0] - features[1]).max() > 1e-2
