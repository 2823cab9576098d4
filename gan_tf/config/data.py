"""Which images; see the folder `data`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from gan_tf.config.knobs import knob
from gan_tf.data.images.wanted import CHANNELS, FITS, LABELS, SIZES, Wanted
from gan_tf.host.errors import InputError
from gan_tf.host.files import user_path

MNIST = "mnist"  # What is trained on unless something else is asked for.
IN_MEMORY = "<arrays>"  # As `images`: a program gave them.


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The data, and what of it is held out."""

    dataset: str | None = knob(
        None,
        "TensorFlow Datasets name of images of one shape, with sides that are multiples of 4 and "
        "1, 3 or 4 channels (emnist/letters has its config behind a slash). The default, mnist, "
        "comes with the package; stacked_mnist is made of it: three digits as red, green and blue, "
        "28x28x3.",
        unit="a TFDS name",
    )
    images: str | None = knob(
        None,
        "Your own images instead: a folder or a zip of pictures in any format and of any size, a "
        "uint8 array [N, H, W] or [N, H, W, C], or MNIST-like IDX files. They are imported once.",
        unit="a directory, a zip file or an .npy file",
    )
    image_size: int | None = knob(
        None,
        "Side of the square that each image becomes, a multiple of 4. By default your own become "
        "the median shorter side, at most 64, and those of a dataset keep their size.",
        unit="pixels",
        low=SIZES[0],
        high=SIZES[1],
    )
    channels: str = knob(
        "auto",
        "Channels that images get: 1 is grey, 3 colour, 4 colour and transparency; auto is 1 "
        "if every one is grey, else 3.",
        choices=CHANNELS,
    )
    fit: str = knob(
        "crop",
        "How an image that is not square becomes one: crop keeps the middle, pad adds background, "
        "stretch distorts.",
        choices=FITS,
    )
    background: str = knob(
        "white",
        "What lies under transparent images of 1 or 3 channels, and what --fit=pad adds.",
        unit="a colour such as white or #ffffff",
    )
    labels: str = knob(
        "auto",
        "Classes of your images: auto takes them from labels.csv, dataset.json or the first level "
        "of sub-folders; none has no classes.",
        choices=LABELS,
    )
    held_out: float = knob(
        0.05,
        "Share of your images that no step sees, by a hash of each one's content, so that more "
        "images move none of the others.",
        low=0.0,
        high=0.5,
    )
    licence: str | None = knob(
        None,
        "Under what licence the images are; it is kept with each export.",
        unit="a text",
        resumable=True,
        kept=True,
    )
    data_dir: str | None = knob(
        None,
        "Where prepared datasets are kept; $TFDS_DATA_DIR or ~/tensorflow_datasets by default.",
        unit="a directory",
        resumable=True,
    )
    manual_dir: str | None = knob(
        None,
        "Directory that holds the dataset's own files, for a machine without a network; "
        "DATA_DIR/manual/DATASET by default.",
        unit="a directory",
        resumable=True,
    )
    verify: bool = knob(
        False,
        "Compare every byte of the prepared data with its digest, not only sizes and times.",
        resumable=True,
    )
    placement: str = knob(
        "auto",
        "Where the training images are in a run: resident in the memory of the device, or streamed "
        "from the prepared data beside the steps, with the same bits. auto streams what takes more "
        "than a quarter of the memory available.",
        choices=("auto", "resident", "streamed"),
        resumable=True,
    )
    validation_images: int = knob(
        0,
        "Training images that no step sees, kept to measure D on; with 0 those held out are.",
        unit="images",
        low=0,
        high=10_000_000,
    )


_OF_SHAPES = ("image_size", "channels", "fit", "background")
_OF_IMPORTS = ("labels", "held_out")  # They say nothing of a dataset of TFDS.


def check_source(config: DataConfig) -> None:
    """Raises InputError if it is not clear which images are meant, or what they become."""
    if config.images and config.dataset:
        raise InputError(
            f"--images={config.images}: takes the place of --dataset={config.dataset}; give one of "
            "the two"
        )
    wanted(config)
    for name in _OF_IMPORTS:
        value = getattr(config, name)
        if not config.images and value != getattr(DataConfig, name):
            raise InputError(f"--{name}={value}: says how --images are imported; add --images=DIR")


def wanted(config: DataConfig) -> Wanted:
    """Returns what images become; InputError if that is no colour, or no side."""
    return Wanted(**{name: getattr(config, name) for name in (*_OF_SHAPES, *_OF_IMPORTS)})


def absolute_source(images: str) -> str:
    """Returns where images are, from whatever directory it is read."""
    return images if images == IN_MEMORY else str(user_path("images", images).absolute())


def source_name(config: DataConfig) -> str:
    """Returns what the data is called in the name of a run."""
    name = Path(config.images).stem if config.images else config.dataset or MNIST
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "images"
