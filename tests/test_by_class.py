"""A conditional generator's figures by class: what they say of samples that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_tf.data.dataset import Dataset, open_dataset
from gan_tf.evaluation import class_table, judges, reals, scorecard
from gan_tf.evaluation.by_class import ByClass, Labelled, worst
from gan_tf.evaluation.classifier import Classifier, Judged
from gan_tf.training import health

NAMES = [str(digit) for digit in range(10)]
NUM = 1_000


@pytest.fixture(scope="module")
def data(data_dir: Path) -> Dataset:
    return open_dataset("mnist", data_dir)


@pytest.fixture(scope="module")
def judge(data: Dataset) -> Classifier:
    return judges.find(data, "auto")


@pytest.fixture(scope="module")
def by_class(judge: Classifier, data: Dataset) -> ByClass:
    compared = reals.compared(judge, data, NUM)
    return ByClass(Labelled(compared.judged, compared.labels), NAMES)


@pytest.fixture(scope="module")
def others(judge: Classifier, data: Dataset) -> Labelled:
    """Real images that a perfect generator could have drawn."""
    return Labelled(reals.judged(judge, data, "train", NUM), reals.labels(data, "train", NUM))


def alike(samples: Labelled, label: int) -> Labelled:
    """The same samples, those of one class all alike."""
    features, mine = samples.judged.features.copy(), samples.labels == label
    features[mine] = features[mine][0]
    return Labelled(samples.judged._replace(features=features), samples.labels)


def test_other_reals_are_right_and_as_various_in_every_class(
    by_class: ByClass, others: Labelled
) -> None:
    found = by_class.summary(others)
    assert found["label_accuracy"] > 0.98
    assert 0.9 < found["label_effect"] < 1.1
    assert found["class_spread"] > 0.6
    rows = by_class.table(others)
    assert list(rows) == NAMES
    for row in rows.values():
        assert row["accuracy"] > 0.93
        assert row["coverage"] > 0.85
        assert 0.6 < row["spread"] < 1.6
    name, share = worst(rows, rows) or ("", 0.0)
    assert share == pytest.approx(1.0)
    assert name in NAMES


def test_a_judge_of_other_classes_says_nothing_of_labels(
    judge: Classifier, data: Dataset, others: Labelled
) -> None:
    compared = reals.compared(judge, data, NUM)
    stranger = ByClass(Labelled(compared.judged, compared.labels), NAMES, of_labels=False)
    assert "label_accuracy" not in stranger.summary(others)
    assert not any("accuracy" in row for row in stranger.table(others).values())


def test_labels_that_mean_nothing_are_seen(by_class: ByClass, others: Labelled) -> None:
    shuffled = others._replace(labels=np.random.default_rng(0).permutation(others.labels))
    found = by_class.summary(shuffled)
    assert found["label_accuracy"] < 0.2
    assert found["label_effect"] < 0.01
    history = [found] * (health.PATIENCE + 1)
    assert (health.labels_ignored(history) or "").startswith("labels change the samples 0.0")
    assert health.labels_ignored(history[1:]) is None, "too early"
    assert health.labels_ignored([by_class.summary(others)] * 6) is None


def test_a_class_that_is_always_alike_is_named(by_class: ByClass, others: Labelled) -> None:
    found = by_class.summary(alike(others, 8))
    assert (found["narrowest_class"], round(found["class_spread"], 6)) == ("8", 0.0)
    assert found["label_accuracy"] > 0.95, "accuracy alone does not see it"
    history = [found] * (health.PATIENCE + 1)
    assert "class 8 vary 0.00 times" in (health.class_collapsed(history) or "")
    rows, floor = by_class.table(alike(others, 8)), by_class.table(others)
    name, share = worst(rows, floor) or ("", 1.0)
    assert name == "8"
    assert share < 0.3


def test_a_class_of_few_images_has_no_figures(by_class: ByClass, others: Labelled) -> None:
    few = np.flatnonzero(others.labels == 3)[:39]
    kept = np.sort(np.concatenate([np.flatnonzero(others.labels != 3), few]))
    features, probabilities = others.judged
    assert probabilities is not None
    part = Labelled(Judged(features[kept], probabilities[kept]), others.labels[kept])
    rows = by_class.table(part)
    assert set(rows["3"]) == {"accuracy"}
    assert {"coverage", "spread"} <= set(rows["4"])
    # A class without a figure of real images is compared with none.
    floor = {"4": {"coverage": 0.9}, "5": {"coverage": 0.5}, "6": {}}
    mine = {"4": {"coverage": 0.8}, "5": {"coverage": 0.5}, "6": {"coverage": 0.1}}
    name, share = worst(mine, floor) or ("", 0.0)
    assert (name, round(share, 3)) == ("4", 0.889)
    assert worst(mine, {}) is None


def test_the_table_and_the_picture_of_a_scorecard(
    judge: Classifier, data: Dataset, tmp_path: Path
) -> None:
    """The samples are real images of the classes that were asked for, but that one class is always
    the same image."""
    train = data.split("train")

    def sample(num: int, seed: int) -> tuple[Any, Any]:
        images, labels = np.array(train.images[seed:][:num]), train.labels[seed:][:num]
        images[labels == 5] = images[labels == 5][0]
        return images, labels

    card = scorecard.scorecard(sample, judge, data, num=NUM, seeds=[0, 7], names=NAMES)
    assert card["worst_class"]["name"] == "5"
    assert card["label_accuracy"]["floor"] > 0.98
    text = scorecard.table(card)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\nworst class: 5, with" in text
    assert "\nlabel_accuracy" in text
    row = next(line for line in text.splitlines() if line.startswith("5 "))
    assert row.split()[1:3] == ["1.000", f"({card['classes']['5']['real']['accuracy']:.3f})"]
    images = np.concatenate([train.images[train.labels == digit][:8] for digit in range(10)])
    class_table.write(tmp_path / "rows.png", images, NAMES, card)
    assert (tmp_path / "rows.png").stat().st_size > 5_000
