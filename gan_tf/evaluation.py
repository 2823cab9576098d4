"""Scores generated images against a dataset, by every figure of `fidelity`.

The reals are images of the test split, which nothing is trained on; each figure is also
taken of training images, which shows what a perfect generator would score: the floor.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.special

from gan_tf import checkpoints, classifier, fidelity, prepare
from gan_tf.classifier import Classifier, Judged
from gan_tf.data import LabelledImages
from gan_tf.errors import InputError
from gan_tf.fidelity import NearCopies
from gan_tf.figures import FIGURES
from gan_tf.files import sha256

Pixels = npt.NDArray[np.uint8]
Split = Callable[[str], LabelledImages]


class Evaluation:
    """Takes the figures of samples against a fixed set of reals.

    Attributes:
      classifier: what judges.
      reals: how many test images it judges against.
      near_copies: finds near copies of the training images.
    """

    def __init__(self, judge: Classifier, reals: Judged, training_images: Pixels) -> None:
        """Takes the reals to compare with.

        Args:
          judge: the classifier.
          reals: what it makes of images of the test split; as many as will be compared with
            them, because recall and coverage depend on the numbers of both.
          training_images: uint8 `[M, H, W, C]`, in which near copies are sought.
        """
        self.classifier, self.reals = judge, len(reals.features)
        self._features = reals.features
        self._radii = fidelity.neighbour_radii(self._features)
        self._histogram = fidelity.class_histogram(reals.probabilities)
        self._variance = self._features.var(axis=0).sum()
        self.near_copies = NearCopies(training_images)

    def __call__(self, images: Pixels) -> dict[str, float]:
        """Returns the figures of uint8 images `[N, H, W, C]`: FIGURES, then SPREAD."""
        return self.of_judged(self.classifier(images), self.near_copies.share(images))

    def of_judged(self, fakes: Judged, near_copies: float) -> dict[str, float]:
        """Returns the figures of images that were judged already."""
        histogram = fidelity.class_histogram(fakes.probabilities)
        found = {
            "frechet_distance": fidelity.frechet_distance(self._features, fakes.features),
            "kid": fidelity.kernel_distance(self._features, fakes.features),
            "classifier_score": fidelity.classifier_score(fakes.probabilities),
            "confident_share": fidelity.confident_share(fakes.probabilities),
            "class_total_variation": fidelity.total_variation(self._histogram, histogram),
            **fidelity.manifold_figures(self._features, fakes.features, self._radii),
            "near_copies": near_copies,
        }
        spread = {
            "classes": _effective(histogram) / _effective(self._histogram),
            "diversity": float(fakes.features.var(axis=0).sum() / self._variance),
        }
        return {name: found[name] for name in FIGURES} | spread


def possible(dataset: str, kind: str) -> bool:
    """Whether there is a classifier for a dataset, or one would be trained."""
    return kind == "train" or dataset in classifier.PACKAGED


def find_classifier(dataset: str, kind: str, data_dir: Path, split: Split) -> Classifier:
    """Returns the classifier for a dataset, trained now if it has to be.

    Args:
      dataset: a TFDS name.
      kind: `auto` for the one in the package, `train` for one of the dataset's own labels,
        which is kept beside its cache and named by the dataset and the weights' digest.
      data_dir: where prepared datasets are kept.
      split: gives a split of the dataset by name.

    Raises:
      InputError: there is none in the package, or the dataset has no labels.
    """
    if kind == "auto":
        return classifier.packaged(dataset)
    path = prepare.directory(dataset, data_dir) / "classifier.npz"
    if not path.exists():
        train, test = split("train"), split("test")
        if train.labels.max() < 1:
            raise InputError(f"--dataset={dataset}: has no labels to train a classifier on")
        print(f"Training a classifier on {dataset} (once, minutes) ...", file=sys.stderr)
        classifier.train(path, train, test)
    return classifier.load(path, f"{path.parent.name}-{sha256(path)[:8]}")


def some(images: Pixels, num: int) -> Pixels:
    """Returns `num` images of a split, or all if it has fewer: the same ones at each call.

    They are drawn from all of it: MNIST's first 5,000 test images are its easier half.
    """
    return images[np.random.Generator(np.random.Philox(0)).permutation(len(images))[:num]]


def judged(
    judge: Classifier, dataset: str, data_dir: Path, name: str, split: Split, num: int
) -> Judged:
    """Returns what a classifier makes of `some` images of a split, worked out once and kept."""
    directory = prepare.directory(dataset, data_dir) / "features"
    path = directory / f"{judge.name}-{judge.digest}-{name}-{num}.npz"
    with contextlib.suppress(InputError):  # Missing or damaged, it is made again.
        arrays = checkpoints.load(path)
        return Judged(arrays["features"], arrays["probabilities"])  # type: ignore[arg-type]
    images = some(split(name).images, num)
    print(f"{judge.name} judges {len(images):,} {name} images (once) ...", file=sys.stderr)
    found = judge(images)
    with contextlib.suppress(OSError):  # A data directory may be read-only.
        checkpoints.write(path, found._asdict())
    return found


def _effective(histogram: npt.NDArray[np.float64]) -> float:
    """How many classes of equal shares have the entropy of these shares `[C]`."""
    return math.exp(scipy.special.entr(histogram).sum())
