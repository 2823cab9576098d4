"""Which real images samples are compared with, and what a judge makes of them.

Where there are enough held-out images, they are what samples are compared with, in equal numbers.
A small set has few of them or none: there the training images are, all of them, for they are the
distribution that a generator has to learn, and the held-out ones show what a perfect one scores.
"""

from __future__ import annotations

import contextlib
import sys
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gan_tf.data.cache import Split
from gan_tf.data.dataset import Dataset
from gan_tf.data.rows import Rows
from gan_tf.evaluation.classifier import Classifier, Judged
from gan_tf.evaluation.copies import Copies
from gan_tf.evaluation.figures import MANY, NEEDED
from gan_tf.host import archive
from gan_tf.host.errors import InputError

Pixels = npt.NDArray[np.uint8]

MOST = 50_000  # Training images that samples are compared with.
SEARCHED = 100_000  # Training images among which copies are sought.

_PART = 1_000  # Images read at a time: a multiple of any judge's batch.


class Reals(NamedTuple):
    """Reals to compare samples with.

    Attributes:
      against: `test` or `training`, whose images they are.
      judged: what the judge makes of them.
      labels: their classes `[N]`.
      samples: how many samples are compared with them.
    """

    against: str
    judged: Judged
    labels: npt.NDArray[np.int64]
    samples: int

    def part(self, number: int) -> Judged:
        """Returns what the judge makes of the first of them, or of all if they are fewer."""
        features, probabilities = self.judged
        return Judged(features[:number], None if probabilities is None else probabilities[:number])


def held_out(data: Dataset) -> int:
    """Returns how many images of a dataset are held out from training."""
    return len(data.splits["test"].images) if "test" in data.splits else 0


def are_many(data: Dataset, num: int) -> bool:
    """Whether a dataset has held-out images enough to compare `num` samples with them, and as many
    training images."""
    return min(held_out(data), len(data.split("train").images)) >= min(num, MANY)


def lack(data: Dataset) -> str | None:
    """Returns why nothing can be said of a dataset's images; None if something can."""
    images = len(data.split("train").images)
    if images < NEEDED:
        return f"{data.name} has {images} training images, and {NEEDED} are needed to judge by"
    seen = some(data.split("train").images, _PART)
    if (seen == seen[:1]).all():
        return f"the images of {data.name} are all the same, so there is nothing to judge by"
    return None


def compared(judge: Classifier, data: Dataset, num: int) -> Reals:
    """Returns what `num` samples are compared with.

    Args:
      judge: what judges.
      data: the dataset.
      num: how many samples are wanted; where held-out images are compared with, there are no more
        samples than of them, nor than training images.

    Raises:
      InputError: there are too few images for any figure.
    """
    if reason := lack(data):
        raise InputError(reason)
    if are_many(data, num):
        num = min(num, held_out(data), len(data.split("train").images))
        return Reals("test", judged(judge, data, "test", num), labels(data, "test", num), num)
    images = of_training(judge, data)
    return Reals("training", images, labels(data, "train", len(images.features)), num)


def of_training(judge: Classifier, data: Dataset, most: int = MOST) -> Judged:
    """Returns what a judge makes of the training images, of `most` at most."""
    return judged(judge, data, "train", min(most, len(data.split("train").images)))


def of_held_out(judge: Classifier, data: Dataset) -> Judged | None:
    """Returns what a judge makes of the held-out images, of MANY at most; None without any."""
    number = min(MANY, held_out(data))
    return judged(judge, data, "test", number) if number else None


def copies(judge: Classifier, data: Dataset) -> Copies:
    """Returns what finds copies of the training images."""
    features, other = of_training(judge, data, SEARCHED).features, of_held_out(judge, data)
    return Copies(features, features[:0] if other is None else other.features)


class Unseen(NamedTuple):
    """Images that no step sees, in an order of which any beginning says something of all.

    Attributes:
      images: uint8 `[N, H, W, C]`.
      labels: int64 `[N]`.
    """

    images: Rows
    labels: npt.NDArray[np.int64]


def unseen(data: Dataset, held_out: Split) -> Unseen:
    """Returns the held-out images of a dataset: somebody's own, which lie in the order of their
    files and so of their classes, in the order of `chosen`; others as they lie.

    Raises:
      InputError: a run asks for classes, and some of these have none.
    """
    if data.description.classes and (held_out.labels < 0).any():
        raise InputError(
            f"{data.name}: images of its test split have no class; --validation_images=1000 holds "
            "out some of its training images instead"
        )
    if not data.imported:
        return Unseen(Rows(held_out.images), held_out.labels)
    order = chosen(len(held_out.images), len(held_out.images))
    return Unseen(Rows(held_out.images, order), held_out.labels[order])


def chosen(images: int, num: int) -> npt.NDArray[np.intp]:
    """Returns `num` places of so many images, or all if there are fewer: the same at each call,
    and the first of those that a larger `num` gives.

    They are drawn from all of it: MNIST's first 5,000 test images are its easier half.
    """
    return np.random.Generator(np.random.Philox(0)).permutation(images)[:num]


def some(images: Pixels, num: int) -> Pixels:
    """Returns the images `[num, H, W, C]` of a split at the `chosen` places."""
    return Rows(images)[chosen(len(images), num)]


def labels(data: Dataset, name: str, num: int) -> npt.NDArray[np.int64]:
    """Returns the classes of `some` images of a split `[num]`."""
    every = data.split(name).labels
    return every[chosen(len(every), num)]


def judged(judge: Classifier, data: Dataset, name: str, num: int) -> Judged:
    """Returns what a judge makes of `some` images of a split, worked out once and kept."""
    images = data.split(name).images
    rows, places = Rows(images), chosen(len(images), num)
    file = f"{judge.name}-{judge.digest}-{name}-{len(places)}.npz"
    path = data.directory / "features" / file
    with contextlib.suppress(InputError):  # Missing or damaged, it is made again.
        arrays = archive.load(path)
        return Judged(arrays["features"], arrays.get("probabilities"))  # type: ignore[arg-type]
    print(f"{judge.name} judges {len(places):,} {name} images (once) ...", file=sys.stderr)
    found = Judged.joined(
        [judge(rows[places[start : start + _PART]]) for start in range(0, len(places), _PART)]
    )
    with contextlib.suppress(OSError):  # A data directory may be read-only.
        kept = {key: array for key, array in found._asdict().items() if array is not None}
        archive.write(path, kept)
    return found
