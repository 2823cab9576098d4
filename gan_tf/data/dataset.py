"""A dataset as the rest of the package sees it, opened by its name or its place.

Opening needs no TensorFlow: the arrays are mapped into memory from a cache that the first
opening prepares (`cache`, `tfds`, `stacked`, `images`).
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gan_tf.data import cache, stacked
from gan_tf.data.cache import ImageShape, Split
from gan_tf.data.images import importing, record
from gan_tf.data.images.arrays import Arrays
from gan_tf.data.images.wanted import Wanted
from gan_tf.host.errors import InputError

_CC_BY_SA = "CC BY-SA 3.0, https://creativecommons.org/licenses/by-sa/3.0/"
_LICENCES = {"mnist": _CC_BY_SA, stacked.NAME: _CC_BY_SA}
_JUDGES = {"mnist": "mnist-v1"}
_AS_THEY_ARE = Wanted()


@dataclass(frozen=True)
class Description:
    """What is known of a dataset without its images; a run and an export keep it.

    Attributes:
      name: a TFDS name, or what the source of imported images is called.
      image_shape: (H, W, C) of every image.
      licence: under what licence the images are, or where that is said.
      judge: the classifier in this package that knows these images, if there is one.
      digest: of all images and labels, hexadecimal; empty in what an older version wrote.
      classes: how many training images each class has, by its name, in the order of the labels;
        only a conditional run keeps it.
    """

    name: str
    image_shape: ImageShape
    licence: str
    judge: str | None
    digest: str = ""
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Prepared images, and what is known of them.

    Attributes:
      description: its name, image shape, licence and judge.
      directory: where its arrays are kept, and what is worked out from them.
      splits: images and labels by the split's name, mapped into memory.
      names: of the classes, in the order of the labels; empty where they are numbers.
      imported: whether they are somebody's own, which lie in the order of their classes.
    """

    description: Description
    directory: Path
    splits: Mapping[str, Split]
    names: Sequence[str] = ()
    imported: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        return self.description.name

    @property
    def classes(self) -> int:
        """How many classes its labels have; 1 where there are no labels."""
        if self.names:
            return len(self.names)
        return 1 + max(int(split.labels.max()) for split in self.splits.values())

    def counted(self, validation_images: int = 0) -> dict[str, int]:
        """Returns how many training images each class has: of imported ones, those of `reals`.

        Raises:
          InputError: there are no classes to tell apart.
        """
        if self.classes < 2:
            raise InputError(
                f"{self.name} has one class for all images, and --conditional needs two or more; "
                "sub-folders, labels.csv or dataset.json give them"
            )
        cut = self.imported and validation_images
        labels = (self.reals(validation_images)[0] if cut else self.split("train")).labels
        names = self.names or [str(number) for number in range(self.classes)]
        return dict(zip(names, np.bincount(labels, minlength=self.classes).tolist(), strict=True))

    def split(self, name: str) -> Split:
        """Returns one split; InputError if there is none of that name."""
        if name not in self.splits:
            has = ", ".join(sorted(self.splits))
            raise InputError(f"{self.name} has no split {name!r}; it has {has}")
        return self.splits[name]

    def reals(self, validation_images: int) -> tuple[Split, Split]:
        """Returns the images to train on, and those that no step sees.

        Args:
          validation_images: how many of the training images to hold out, from their end, or
            drawn from all if they are imported; 0 holds out the test split.
        """
        train = self.split("train")
        if not validation_images:
            try:
                return train, self.split("test")
            except InputError as error:
                raise InputError(f"{error}; --validation_images=1000 keeps some apart") from None
        if validation_images >= len(train.images):
            raise InputError(
                f"--validation_images={validation_images}: must leave some of the "
                f"{len(train.images):,} images of {self.name} to train on"
            )
        if self.imported:
            return train.drawn(validation_images)
        return train.part(stop=-validation_images), train.part(start=-validation_images)


def describe(name: str, image_shape: ImageShape, digest: str = "") -> Description:
    """Returns the description of a TFDS dataset whose image shape is known."""
    base = name.replace(":", "/").split("/")[0]
    elsewhere = f"see https://www.tensorflow.org/datasets/catalog/{base}"
    licence = _LICENCES.get(base, elsewhere)
    return Description(name, image_shape, licence, _JUDGES.get(name), digest)


def is_prepared(name: str, data_dir: Path, wanted: Wanted = _AS_THEY_ARE) -> bool:
    """Whether opening a dataset only maps what is there."""
    return _directory(name, data_dir, wanted).exists()


def open_dataset(
    name: str,
    data_dir: Path,
    manual_dir: Path | None = None,
    verify: bool = False,
    wanted: Wanted = _AS_THEY_ARE,
) -> Dataset:
    """Returns a dataset of TFDS, or stacked MNIST, prepared now if this is its first use.

    Args:
      name: a TFDS name, with its config behind a slash if it has several; or `stacked_mnist`.
      data_dir: TFDS's own directory of prepared datasets; the cache lies in it.
      manual_dir: where the dataset's own files are; None for MNIST's in this package, and
        for `data_dir/manual/<dataset>` otherwise.
      verify: compare every byte of the cache with its digest.
      wanted: what its images become, where it says anything of that.

    Raises:
      InputError: the dataset is unknown, out of reach, of images that no network takes, or one
        of its files is truncated or altered.
    """
    directory = _directory(name, data_dir, wanted)
    if importing.holds(directory, data_dir):
        raise InputError(
            f"--dataset={name}: {directory} is where your own images are kept, for --images"
        )
    if data_dir.exists() and not data_dir.is_dir():
        raise InputError(f"--data_dir={data_dir}: is a file, not a directory")
    if name == stacked.NAME and wanted.resizes:
        raise InputError(f"--dataset={name}: is 28x28x3; --image_size and the like are for others")
    if not directory.exists() and name == stacked.NAME:
        stacked.prepare(open_dataset("mnist", data_dir, manual_dir, verify).splits, directory)
    elif not directory.exists():
        from gan_tf.data import tfds  # Slow to import, and needed here alone.

        tfds.prepare(name, data_dir, manual_dir, directory, wanted if wanted.resizes else None)
    splits = cache.read(directory, verify)
    about = describe(name, _shape(splits), cache.digest(directory))
    if wanted.resizes:  # It is not what a judge in this package knows.
        about = dataclasses.replace(about, judge=None)
    return Dataset(about, directory, splits, cache.classes(directory))


def _directory(name: str, data_dir: Path, wanted: Wanted) -> Path:
    """Where a dataset's cache is; each wish has one of its own."""
    plain = cache.directory(name, data_dir)
    if not wanted.resizes:
        return plain
    colour = "".join(f"{value:02x}" for value in wanted.colour)
    size = wanted.image_size or "own"
    return plain.with_name(f"{plain.name}-{size}-{wanted.channels}-{wanted.fit}-{colour}")


def open_images(
    source: Path | Arrays,
    wanted: Wanted,
    data_dir: Path,
    *,
    verify: bool = False,
    began: Description | None = None,
) -> Dataset:
    """Returns somebody's own images, imported now if that is their first use.

    Args:
      source: a directory, a zip, an .npy or IDX file, or arrays.
      wanted: what the images shall become.
      data_dir: where caches lie.
      verify: compare every byte of the cache with its digest.
      began: what a run that goes on was trained on: it is opened as it was then, if it is still
        there, whatever a folder or a file holds now. Arrays are taken as they are.

    Raises:
      InputError: there is nothing to import, or the cache is truncated or altered.
    """
    kept = began and importing.directory(began.name, began.digest, data_dir).exists()
    if began and kept and isinstance(source, Path):
        if changed := importing.changes(source, wanted, data_dir, began.digest):
            print(
                f"{source} has changed since it was imported ({changed}); this run goes on with "
                "the images that it began with",
                file=sys.stderr,
            )
        return open_imported(began.name, began.digest, data_dir, verify)
    found = importing.import_images(source, wanted, data_dir)
    if found.changed:
        print(f"{source} has changed since its last import: {found.changed}", file=sys.stderr)
    return open_imported(found.name, found.digest, data_dir, verify)


def last_images(source: Path, wanted: Wanted, data_dir: Path) -> Dataset | None:
    """Returns what was imported of a source the last time, whatever it holds now; None if nothing
    was."""
    found = importing.last(source, wanted, data_dir)
    return open_imported(found.name, found.digest, data_dir) if found else None


def open_imported(name: str, digest: str, data_dir: Path, verify: bool = False) -> Dataset:
    """Returns images that were imported, by the name and the digest that they got then.

    Raises:
      InputError: they are not there any more, or were altered.
    """
    splits = importing.open_imported(name, digest, data_dir, verify)
    about = Description(name, _shape(splits), "not stated", None, digest)
    directory = importing.directory(name, digest, data_dir)
    return Dataset(about, directory, splits, record.read(directory)["classes"], imported=True)


def _shape(splits: Mapping[str, Split]) -> ImageShape:
    return next(iter(splits.values())).image_shape
