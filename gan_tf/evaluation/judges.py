"""Who judges samples of which dataset."""

from __future__ import annotations

import sys
from pathlib import Path

from gan_tf.data.dataset import Dataset, Description
from gan_tf.evaluation import classifier, random_network, reals
from gan_tf.evaluation.classifier import Classifier
from gan_tf.host import files
from gan_tf.host.errors import InputError

# From what on labels make a classifier that is worth more than a random network, in minutes.
_TRAINING = 10_000  # Images: mnist-v1's network has 200,000 weights behind its convolutions.
_OF_A_CLASS = 100  # Training images, on average.
_TEST = 1_000  # Images, which show how good it is to a percent.
CLASSIFIER = "classifier.npz"  # Beside a dataset's cache: the one of its labels.
_NUMBERS = 2**26  # Pixels times channels of all training images; 60,000 of 32x32 have that many.


def usual(data: Description) -> str:
    """Returns the name of what judges a dataset in training unless a flag says otherwise: what the
    package has.

    No classifier is trained for that. It would take minutes before the first step, and which judge
    a run has must not depend on what lies beside the data when it goes on.
    """
    return data.judge or random_network.NAME


def to_evaluate(data: Dataset, kind: str) -> str:
    """Returns what `auto` means to who evaluates a trained generator: `train` where the labels
    make a better judge than the package has, in minutes. Any other kind means itself."""
    training = data.split("train").images
    labels_are_worth_it = (
        data.description.judge is None
        and data.classes > 1
        and len(training) >= max(_TRAINING, _OF_A_CLASS * data.classes)
        and training.size <= _NUMBERS
        and reals.held_out(data) >= _TEST
    )
    return "train" if kind == "auto" and labels_are_worth_it else kind


def find(data: Dataset, kind: str, kept: Path | None = None) -> Classifier:
    """Returns what judges a dataset, trained now if it has to be.

    Args:
      data: the dataset.
      kind: `auto` for the usual one, `random` for a random network, `train` for one of the
        dataset's own labels, which is kept beside its cache and named by the dataset and the
        weights' digest.
      kept: a classifier of the dataset's labels, in place of the one beside its cache.

    Raises:
      InputError: the dataset has no labels, or too few images for any figure.
    """
    if reason := reals.lack(data):
        raise InputError(reason)
    if kind == "auto" and data.description.judge:
        return classifier.packaged(data.description)
    if kind in ("auto", "random"):
        return random_network.judge(data)
    path = kept or data.directory / CLASSIFIER
    if not path.exists():
        train, test = data.split("train"), data.split("test")
        if data.classes < 2:
            raise InputError(
                f"--classifier=train: {data.name} has no labels to train a classifier on; "
                "--classifier=random needs none"
            )
        if (test.labels < 0).any():
            raise InputError(
                f"--classifier=train: images of {data.name}'s test split have no class to measure "
                "it by; --classifier=random needs none"
            )
        if len(train.images) < classifier.LEAST:
            raise InputError(
                f"--classifier=train: {data.name} has {len(train.images)} training images, and "
                f"{classifier.LEAST} are needed to train a classifier; --classifier=random does "
                "without"
            )
        with files.locked(path.with_suffix(".lock"), f"trains a classifier on {data.name}"):
            if not path.exists():
                print(f"Training a classifier on {data.name} (once, minutes) ...", file=sys.stderr)
                classifier.train(path, train, test)
    name = f"{data.directory.name}-{files.sha256(path)[:8]}"
    return classifier.load(path, name, data.description.image_shape)
