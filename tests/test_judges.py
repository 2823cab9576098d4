"""Who judges images that no classifier knows, and what it says of a generator that copies."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_tf.data.cache import Split
from gan_tf.data.dataset import Dataset, Description
from gan_tf.evaluation import classifier, judges, likeness, random_network, reals, scorecard
from gan_tf.evaluation.classifier import Classifier
from gan_tf.evaluation.copies import Copies
from gan_tf.evaluation.figures import COPIES, FIGURES
from gan_tf.host import files
from gan_tf.host.errors import InputError
from gan_tf.serving import servable

from .conftest import Command, assert_same_bits, executed, metrics

OF_CLASSES = {"classifier_score", "confident_share", "class_total_variation", "classes"}
DIGEST = "500e5404"
FEATURES = [0.1182, 0.5613, -0.8413]
FLAGS = (
    *("--images=photos", "--image_size=28", "--channels=1", "--data_dir=data", "--held_out=0.05"),
    *("--arch=mlp", "--batch_size=4"),
    *("--evaluate_every=2", "--evaluate_images=100", "--checkpoint_every=2", "--sample_every=10"),
)


def shapes(number: int, seed: int, size: int = 32, channels: int = 3) -> np.ndarray:
    """Rectangles of any colour on any ground, uint8 `[number, size, size, channels]`."""
    rng = np.random.default_rng(seed)
    images = np.zeros((number, size, size, channels), np.uint8)
    for image in images:
        image[:] = rng.integers(0, 256, channels)
        (top, left), (height, width) = rng.integers(0, size // 2, 2), rng.integers(4, size // 2, 2)
        image[top : top + height, left : left + width] = rng.integers(0, 256, channels)
    return images


def dataset(place: Path, training: np.ndarray, held_out: np.ndarray | None = None) -> Dataset:
    """A dataset without labels, in memory."""
    splits = {"train": Split(training, np.zeros(len(training), np.int64))}
    if held_out is not None:
        splits["test"] = Split(held_out, np.zeros(len(held_out), np.int64))
    shape = splits["train"].image_shape
    return Dataset(Description("shapes", shape, "ours", None), place, splits)


def test_more_held_out_images_than_training_ones_are_not_compared_with(tmp_path: Path) -> None:
    """Samples would be as few, and without a Frechet distance a run's health is not known."""
    data = dataset(tmp_path, shapes(50, seed=0), shapes(150, seed=1))
    against = reals.compared(random_network.judge(data), data, 100)
    assert (against.against, against.samples) == ("training", 100)


@pytest.fixture
def photos(tmp_path: Path) -> None:
    """A folder of sixty pictures without classes."""
    (tmp_path / "photos").mkdir()
    for number, pixels in enumerate(shapes(60, seed=0)):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")


@pytest.mark.usefixtures("photos")
def test_sixty_pictures_without_classes_are_judged(command: Command, tmp_path: Path) -> None:
    for run_dir, steps in (("whole", 4), ("parts", 2), ("parts", 4)):
        finished = command("train", *FLAGS, f"--run_dir={run_dir}", f"--steps={steps}")
        assert finished.returncode == 0, finished.stderr
    assert executed(finished.stdout) == 2
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 4)
    assert re.search(
        r"evaluation: 100 samples every 2 steps against 5\d training images, judged by random-v1",
        finished.stderr,
    )
    line = metrics(tmp_path / "whole")[-1]
    assert line.keys() >= {*FIGURES, "diversity", COPIES} - OF_CLASSES
    assert not line.keys() & OF_CLASSES
    assert (tmp_path / "whole" / "best.npz").exists()
    assert f"100 samples ({random_network.NAME})" in finished.stdout
    assert json.loads((tmp_path / "whole" / "result.json").read_text())["classifier"] == "random-v1"
    about = servable.read_metadata(tmp_path / "whole" / "export" / "1")
    assert about["classifier"] == "random-v1"

    flags = ("--run_dir=whole", "--num=200", "--output=scores.json", "--copies=copies.png")
    judged = command("evaluate", *flags)
    assert judged.returncode == 0, judged.stderr
    lines = judged.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "judged by random-v1, whose weights are random, and which knows no classes" in lines
    assert any("images are held out (--held_out)" in line for line in lines)
    assert any(line.startswith("copies: ") for line in lines)
    card = json.loads((tmp_path / "scores.json").read_text())
    assert set(card) & {*FIGURES, COPIES} == {*FIGURES, COPIES} - OF_CLASSES
    assert (card["num"], card["against"], card["recall"]["floor"]) == (200, "training", None)
    with Image.open(tmp_path / "copies.png") as drawn:
        assert drawn.width > 5 * 112 > 5 * drawn.width / 7, "a sample, three training, one held out"
    told = command("report", "--run_dirs=whole")
    assert told.returncode == 0, told.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "some of the images that the run was trained on. They are the user's own." in page


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize("then", ["restart", "rollback"])
def test_their_run_is_watched(command: Command, tmp_path: Path, then: str) -> None:
    flags = ("--run_dir=run", "--steps=12", "--generator_lr=0", "--max_restarts=1")
    finished = command("train", *FLAGS, *flags, f"--on_collapse={then}")
    assert finished.returncode == 1, finished.stderr
    assert "no progress: the same samples as at the evaluation before" in finished.stderr
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [each["kind"] for each in record["attempts"]] == ["no progress"] * 2


def test_a_generator_that_copies_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    training, held_out, fresh = (shapes(n, seed) for n, seed in ((50, 1), (60, 2), (300, 3)))
    rng = np.random.default_rng(0)

    def memorised(num: int, seed: int) -> np.ndarray:
        noise = rng.normal(0.0, 8.0, (num, *training.shape[1:]))
        return (training[rng.integers(0, 50, num)] + noise).clip(0, 255).astype(np.uint8)

    def average(num: int, seed: int) -> np.ndarray:
        few = training[rng.integers(0, 50, (num, 12))]
        return np.asarray(few.mean(axis=1), np.uint8)

    def new(num: int, seed: int) -> np.ndarray:
        return fresh[:num]

    def copies(sample: Any, data: Dataset) -> tuple[float, str]:
        judge = judges.find(data, "auto")
        card = scorecard.scorecard(
            lambda num, seed: (sample(num, seed), None), judge, data, num=300, seeds=[0]
        )
        return card[COPIES]["value"], scorecard.table(card)

    for place, data in (
        ("few", dataset(tmp_path / "few", training)),
        ("held", dataset(tmp_path / "held", training, held_out)),
    ):
        share, said = copies(memorised, data)
        assert share > 0.9, place
        assert "copies: the generator copies training images" in said
        assert max(map(len, said.splitlines())) <= 80
        for sample in (average, new):
            share, said = copies(sample, data)
            assert share < 0.2, (place, sample)
            assert "the generator copies" not in said


def test_copies_are_sought_among_more_images_than_samples_are_compared_with(tmp_path: Path) -> None:
    """Of MNIST's 60,000 images, 10,000 were not looked at, and copies of them not found."""
    rng = np.random.default_rng(0)
    training = rng.integers(0, 256, (reals.MOST + 2_000, 4, 4, 1), np.uint8)
    data = dataset(tmp_path, training, rng.integers(0, 256, (100, 4, 4, 1), np.uint8))
    others = np.setdiff1d(np.arange(len(training)), reals.chosen(len(training), reals.MOST))

    def as_they_are(images: tf.Tensor) -> tuple[tf.Tensor, None]:
        return tf.reshape(tf.cast(images, tf.float32), [-1, 16]), None

    pixels = Classifier("pixels", "0", None, as_they_are)
    assert reals.copies(pixels, data).share(pixels(training[others]).features) == 1.0
    found = likeness.find(training[others], pixels, data)
    assert {row[1].split()[0] for row in found.distances} == {"0.00"}


@pytest.mark.parametrize("size", [28, 64, 128])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_random_network_takes_any_images(tmp_path: Path, size: int, channels: int) -> None:
    data = dataset(tmp_path, shapes(60, 0, size, channels))
    judge = judges.find(data, "random")
    judged = judge(data.split("train").images)
    assert (judged.features.shape, judged.probabilities) == ((60, 64), None)
    np.testing.assert_allclose(judged.features.mean(axis=0), 0.0, atol=1e-3)
    assert np.mean(np.square(judged.features)) == pytest.approx(1.0, abs=1e-3)
    again = judges.find(data, "random")  # With what was kept.
    np.testing.assert_array_equal(again(data.split("train").images).features, judged.features)
    if channels == 4:
        clear = data.split("train").images[:4].copy()
        clear[..., 3] = 0
        other = np.where([False, False, False, True], clear, 255 - clear)
        np.testing.assert_array_equal(judge(clear).features, judge(other).features)


def test_the_random_network_is_always_the_same(tmp_path: Path) -> None:
    """A network that gives other figures must have another name."""
    data = dataset(tmp_path, shapes(60, 0))
    judge = judges.find(data, "random")
    assert (judge.name, judge.digest) == ("random-v1", DIGEST)
    np.testing.assert_allclose(
        judge(data.split("train").images[:1]).features[0, :3], FEATURES, 1e-3
    )


def test_a_class_of_held_out_images_alone_is_one_of_the_classifiers(tmp_path: Path) -> None:
    training, held_out = shapes(64, seed=0), shapes(6, seed=1)
    splits = Split(training, np.arange(64) % 2), Split(held_out, np.arange(6) % 3)
    classifier.train(tmp_path / "judge.npz", *splits)
    judge = classifier.load(tmp_path / "judge.npz", "judge", splits[0].image_shape)
    found = judge(held_out).probabilities
    assert found is not None
    assert found.shape == (6, 3)


def test_a_classifier_is_trained_by_one_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two that train it at once would judge one run by two."""
    plain = dataset(tmp_path, shapes(1_000, seed=0), shapes(6, seed=1))
    about = dataclasses.replace(plain.description, classes={"a": 500, "b": 500})
    splits = {
        name: Split(each.images, np.arange(len(each.images)) % 2)
        for name, each in plain.splits.items()
    }
    data = dataclasses.replace(plain, description=about, splits=splits)
    path, found = data.directory / judges.CLASSIFIER, []
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.locked(path.with_suffix(".lock")):
        thread = threading.Thread(target=lambda: found.append(judges.find(data, "train")))
        thread.start()
        said, until = "", time.monotonic() + 30.0
        while "Waiting for another process that trains a classifier" not in said:
            assert time.monotonic() < until, said
            said += capsys.readouterr().err
            time.sleep(0.05)
        classifier.train(path, data.split("train"), data.split("test"))
        made = path.read_bytes()
    thread.join(60.0)
    assert found[0].name.endswith(hashlib.sha256(made).hexdigest()[:8])
    assert path.read_bytes() == made


def test_held_out_images_without_a_class_are_refused_where_classes_are_wanted(
    tmp_path: Path,
) -> None:
    """As those of the test split of imagenet2012."""
    plain = dataset(tmp_path, shapes(1_000, seed=0), shapes(6, seed=1))
    labels = {"train": np.arange(1_000) % 2, "test": np.full(6, -1)}
    splits = {name: Split(each.images, labels[name]) for name, each in plain.splits.items()}
    data = dataclasses.replace(plain, splits=splits)
    with pytest.raises(InputError, match="--classifier=train: images of shapes's test split"):
        judges.find(data, "train")
    assert len(reals.unseen(data, data.split("test")).images) == 6
    about = dataclasses.replace(data.description, classes={"a": 500, "b": 500})
    with pytest.raises(InputError, match="have no class; --validation_images=1000"):
        reals.unseen(dataclasses.replace(data, description=about), data.split("test"))


def test_labels_decide_who_evaluates(tmp_path: Path) -> None:
    images = np.zeros((10_000, 28, 28, 1), np.uint8)

    def meant(training: int = 10_000, test: int = 1_000, classes: int = 10) -> str:
        plain = dataset(tmp_path, images[:training], images[:test])
        splits = {
            name: Split(split.images, np.arange(len(split.images)) % classes)
            for name, split in plain.splits.items()
        }
        return judges.to_evaluate(dataclasses.replace(plain, splits=splits), "auto")

    assert meant() == "train"
    for few in (meant(training=9_999), meant(test=999), meant(classes=101), meant(classes=1)):
        assert few == "auto"


def test_many_held_out_images_are_compared_with_as_before(tmp_path: Path) -> None:
    data = dataset(tmp_path, shapes(150, 0), shapes(120, 1))
    judge = judges.find(data, "auto")
    for number, against in ((100, "test"), (121, "training")):
        found = reals.compared(judge, data, number)
        assert (found.against, found.samples) == (against, number)


def test_one_odd_image_makes_no_copier_of_what_is_far_from_all() -> None:
    """Noise among flat images is nearest to all noise, and no copy of it."""
    rng = np.random.default_rng(0)
    features = rng.normal(0.0, 1.0, (60, 64))
    features[0] = 40.0
    finder = Copies(features, features[:0])
    far = 40.0 + 20.0 * rng.normal(0.0, 1.0, (200, 64)) / 8.0
    assert finder.share(far) == 0.0
    assert finder.share(features[rng.integers(1, 60, 200)] + 0.01) == 1.0


def test_images_that_are_all_the_same_are_not_judged(command: Command, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (32, 32), (200, 20, 20)).save(tmp_path / "red.png")
    for number in range(50):  # Of other bytes, but the same look.
        content = (tmp_path / "red.png").read_bytes() + bytes([number])
        (tmp_path / "photos" / f"{number}.png").write_bytes(content)
    finished = command("train", *FLAGS, "--run_dir=run", "--steps=1", "--export=none")
    assert finished.returncode == 0, finished.stderr
    assert "are all the same, so there is nothing to judge by" in finished.stderr
    refused = command("train", *FLAGS, "--run_dir=other", "--steps=1", "--classifier=random")
    assert refused.returncode == 2
    assert "--classifier=random: the images of photos are all the same" in refused.stderr
