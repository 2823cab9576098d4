"""Scores generated images against a dataset, by every figure of `fidelity`.

The reals are images of the test split, which nothing is trained on; each figure is also
taken of training images, which shows what a perfect generator would score: the floor.
"""

from __future__ import annotations

import contextlib
import math
import sys

import numpy as np
import numpy.typing as npt
import scipy.special

from gan_tf.data.dataset import Dataset, Description
from gan_tf.data.rows import Rows
from gan_tf.evaluation import classifier, fidelity
from gan_tf.evaluation.classifier import Classifier, Judged
from gan_tf.evaluation.fidelity import NearCopies
from gan_tf.evaluation.figures import FIGURES
from gan_tf.host import archive
from gan_tf.host.errors import InputError
from gan_tf.host.files import sha256

Pixels = npt.NDArray[np.uint8]


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


def possible(data: Description, kind: str) -> bool:
    """Whether there is a classifier for a dataset, or one would be trained."""
    return kind == "train" or data.judge is not None


def kind_for(data: Dataset) -> str | None:
    """The kind of classifier that can judge samples of a dataset; None if none can."""
    if data.description.judge:
        return "auto"
    return "train" if data.classes > 1 else None


def find_classifier(data: Dataset, kind: str) -> Classifier:
    """Returns the classifier for a dataset, trained now if it has to be.

    Args:
      data: the dataset.
      kind: `auto` for the one in the package, `train` for one of the dataset's own labels,
        which is kept beside its cache and named by the dataset and the weights' digest.

    Raises:
      InputError: there is none in the package, or the dataset has no labels.
    """
    if kind == "auto":
        return classifier.packaged(data.description)
    path = data.directory / "classifier.npz"
    if not path.exists():
        train, test = data.split("train"), data.split("test")
        if data.classes < 2:
            raise InputError(
                f"--classifier=train: {data.name} has no labels to train a classifier on"
            )
        print(f"Training a classifier on {data.name} (once, minutes) ...", file=sys.stderr)
        classifier.train(path, train, test)
    name = f"{data.directory.name}-{sha256(path)[:8]}"
    return classifier.load(path, name, data.description.image_shape)


def some(images: Pixels, num: int) -> Pixels:
    """Returns `num` images of a split, or all if it has fewer: the same ones at each call.

    They are drawn from all of it: MNIST's first 5,000 test images are its easier half.
    """
    return Rows(images)[np.random.Generator(np.random.Philox(0)).permutation(len(images))[:num]]


def judged(judge: Classifier, data: Dataset, name: str, num: int) -> Judged:
    """Returns what a classifier makes of `some` images of a split, worked out once and kept."""
    path = data.directory / "features" / f"{judge.name}-{judge.digest}-{name}-{num}.npz"
    with contextlib.suppress(InputError):  # Missing or damaged, it is made again.
        arrays = archive.load(path)
        return Judged(arrays["features"], arrays["probabilities"])  # type: ignore[arg-type]
    images = some(data.split(name).images, num)
    print(f"{judge.name} judges {len(images):,} {name} images (once) ...", file=sys.stderr)
    found = judge(images)
    with contextlib.suppress(OSError):  # A data directory may be read-only.
        archive.write(path, found._asdict())
    return found


def _effective(histogram: npt.NDArray[np.float64]) -> float:
    """How many classes of equal shares have the entropy of these shares `[C]`."""
    return math.exp(scipy.special.entr(histogram).sum())
