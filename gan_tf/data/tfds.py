"""From TensorFlow Datasets to a cache, without a network if a dataset's files are at hand."""

from __future__ import annotations

import contextlib
import difflib
import io
import itertools
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds
from absl import logging
from PIL import Image

from gan_tf.data import cache
from gan_tf.data.cache import Part
from gan_tf.data.images import parallel
from gan_tf.data.images.decoding import fit
from gan_tf.data.images.wanted import Wanted
from gan_tf.host import files, progress
from gan_tf.host.errors import InputError
from gan_tf.host.files import sha256

# The files whose names TFDS registers for MNIST are part of this package.
_PACKAGED = {"mnist": Path(__file__).parent / "mnist"}
_NETWORK_TIMEOUT = 5.0  # seconds
_CHUNK = 1_000  # Images decoded at a time.
_CHANNELS = (1, 3, 4)
_TFDS_ERRORS = (
    tfds.download.DownloadError,
    tfds.core.download.download_manager.NonMatchingChecksumError,
)


def prepare(
    dataset: str, data_dir: Path, manual_dir: Path | None, directory: Path, wanted: Wanted | None
) -> None:
    """Publishes the cache of a TFDS dataset in `directory`, unless another process just did.

    Args:
      dataset: its TFDS name.
      data_dir: where TFDS keeps prepared datasets.
      manual_dir: where its own files are, if they are at hand.
      directory: where the cache is to be.
      wanted: what its images become; None leaves them as they are.

    Raises:
      InputError: see `gan_tf.data.dataset.open_dataset`.
    """
    builder = _builder(dataset, data_dir)
    _check_images(dataset, builder, wanted)
    with files.locked(directory.parent / f"{directory.name}.lock", f"prepares {dataset}"):
        files.remove_leftovers(directory.parent, re.escape(directory.name))
        if directory.exists():
            return
        if not builder.is_prepared():
            source = manual_dir or _PACKAGED.get(dataset.split(":")[0])
            _download(builder, dataset, data_dir, source or data_dir / "manual" / directory.name)
        parts = (part for split in builder.info.splits for part in _parts(builder, split, wanted))
        names = None
        if _has_classes(builder):
            names = getattr(builder.info.features["label"], "names", None)
        cache.write(directory, builder.info.full_name, parts, names or ())


def _download(builder: Any, dataset: str, data_dir: Path, manual_dir: Path) -> None:
    """Lets TFDS prepare the dataset, from files at hand or from its source."""
    _check_files(dataset, builder, manual_dir)
    print(f"Preparing {dataset} in {data_dir} (once) ...", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        # TFDS announces itself on standard output, which belongs to our commands.
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
            )
    except (OSError, AssertionError, *_TFDS_ERRORS) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{dataset} cannot be prepared in {data_dir}: {reason}") from None
    print(f"Prepared {dataset} in {time.monotonic() - start:.0f} s.", file=sys.stderr)


def _parts(builder: Any, split: str, wanted: Wanted | None) -> Iterator[Part]:
    """Yields the images and labels of a split, some at a time, in the dataset's own order."""
    try:
        if wanted:
            yield from _squares(builder, split, wanted)
            return
        examples = builder.as_dataset(split=split, batch_size=_CHUNK, shuffle_files=False)
        for each in tfds.as_numpy(examples):
            images = each["image"]
            labels = each["label"] if _has_classes(builder) else np.zeros(len(images))
            yield Part(split, images, labels.astype(np.int64))
    except MemoryError:  # Nothing is wrong with the files.
        raise
    except Exception as error:  # TensorFlow's and TFDS's reasons share no base.
        raise InputError(
            f"{builder.data_path} was truncated or altered: remove it and it is made "
            f"again ({type(error).__name__})"
        ) from None


def _has_classes(builder: Any) -> bool:
    """Whether each image has a class; labels that are texts, say, are none."""
    features = builder.info.features
    if "label" not in features:
        return False
    label = features["label"]
    return label.shape == () and np.dtype(label.np_dtype).kind in "iub"


def _squares(builder: Any, split: str, wanted: Wanted) -> Iterator[Part]:
    """Yields the images of a split as squares, and their labels."""
    side, _, channels = builder.info.features["image"].shape
    if wanted.channels != "auto":
        channels = int(wanted.channels)
    size, classes = wanted.image_size or side, _has_classes(builder)

    def square(example: Any) -> tuple[npt.NDArray[np.uint8], int]:
        image = example["image"]
        picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        label = int(example["label"]) if classes else 0
        return fit(picture, size, channels or 3, wanted).pixels, label

    examples = tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False))
    number = builder.info.splits[split].num_examples
    made = progress.shown(parallel.ordered(square, examples), f"Resizing {split}", number)
    while some := list(itertools.islice(made, _CHUNK)):
        images, labels = zip(*some, strict=True)
        yield Part(split, np.stack(images), np.array(labels, np.int64))


def _builder(dataset: str, data_dir: Path) -> Any:
    """Returns the dataset's builder; InputError if it is unknown or no network takes its images."""
    logging.set_verbosity(logging.ERROR)  # It warns of every dataset that is not there yet.
    tfds.disable_progress_bar()
    known = tfds.list_builders(with_community_datasets=False)
    name = dataset.split("/")[0].split(":")[0]
    if name not in known and not (data_dir / name).is_dir():
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise InputError(f"--dataset={dataset}: must be a name that TFDS has{hint}")
    try:
        return tfds.builder(dataset, data_dir=data_dir)
    except (ValueError, TypeError, AssertionError, tfds.core.registered.DatasetNotFoundError):
        if name not in known:
            raise InputError(f"--dataset={dataset}: TFDS cannot read {data_dir / name}") from None
        known = tfds.builder_cls(name)
        configs = ", ".join(known.builder_configs) or "no configs"
        raise InputError(
            f"--dataset={dataset}: no such config or version; {name} has {configs}, version "
            f"{known.VERSION}"
        ) from None


def _check_images(dataset: str, builder: Any, wanted: Wanted | None) -> None:
    """Raises InputError if no network takes a dataset's images, or what they become."""
    features = builder.info.features
    found = getattr(features["image"], "shape", None) if "image" in (features or {}) else None
    needs = "the networks need sides that are multiples of 4, and 1, 3 or 4 channels"
    if not found:
        raise InputError(f"--dataset={dataset}: has no images; {needs}")
    if builder.info.features["image"].dtype != np.uint8:
        raise InputError(f"--dataset={dataset}: has images that are not uint8; {needs}")
    if found[2] not in (None, *_CHANNELS):
        raise InputError(f"--dataset={dataset}: has images of {found[2]} channels; {needs}")
    if wanted and wanted.image_size:
        return
    remedy = "--image_size=64 makes squares of them"
    if None in found:
        raise InputError(f"--dataset={dataset}: has images of more than one size; {remedy}")
    if found[0] % 4 or found[1] % 4:
        size = "x".join(map(str, found[:2]))
        raise InputError(
            f"--dataset={dataset}: has images of {size}, and sides must be multiples of 4; {remedy}"
        )
    if wanted and found[0] != found[1]:
        size = "x".join(map(str, found[:2]))
        raise InputError(
            f"--dataset={dataset}: has images of {size}, and --channels, --fit and --background "
            f"want squares; {remedy}"
        )


def _check_files(dataset: str, builder: Any, manual_dir: Path) -> None:
    """Raises InputError if a file of the dataset is damaged, or neither here nor in reach."""
    missing = []
    for url, registered in builder.url_infos.items():
        file = manual_dir / registered.filename
        if not file.is_file():
            missing.append((url, registered.filename))
        elif file.stat().st_size != int(registered.size) or sha256(file) != registered.checksum:
            raise InputError(
                f"{file} was truncated or altered: it is not the file of {int(registered.size):,} "
                f"bytes from {url}"
            )
    if missing and not _answers(missing[0][0]):
        names = ", ".join(name for _, name in missing)
        source = missing[0][0].rpartition("/")[0]
        raise InputError(
            f"{dataset} is not on this disk and its source does not answer: "
            f"put {names} from {source}/ into {manual_dir.absolute()}"
        )


def _answers(url: str) -> bool:
    """Whether a server answers for `url` within a few seconds, name look-up included."""
    import requests

    answered = threading.Event()

    def ask() -> None:
        try:
            with requests.get(url, stream=True, timeout=_NETWORK_TIMEOUT):
                answered.set()
        except requests.RequestException:
            pass

    # A look-up in a dead network can hang beyond any timeout of the request itself.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(2 * _NETWORK_TIMEOUT)
    return answered.is_set()
