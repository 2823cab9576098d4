"""Prepares a TFDS dataset once, without a network if its files are at hand.

TFDS decodes and checks the files; what it gives is kept as plain arrays that later
runs map into memory, without importing TFDS at all:

    DATA_DIR/gan_tf/<dataset>/{train,test,...}-{images,labels}.npy, cache.json
"""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from gan_tf import files
from gan_tf.errors import InputError
from gan_tf.files import published, sha256

# The files whose names TFDS registers for MNIST are part of this package.
_PACKAGED = {"mnist": Path(__file__).parent / "datasets" / "mnist"}
_LICENCES = {"mnist": "CC BY-SA 3.0, https://creativecommons.org/licenses/by-sa/3.0/"}
_NETWORK_TIMEOUT = 5.0  # seconds

Cache = dict[str, tuple[Path, Path]]


def cached(
    dataset: str, data_dir: Path, manual_dir: Path | None, shape: tuple[int, int, int]
) -> Cache:
    """Returns {split: (images file, labels file)}, preparing the cache if there is none.

    Raises:
      InputError: see `gan_tf.data.load`.
    """
    cache = directory(dataset, data_dir)
    if data_dir.exists() and not data_dir.is_dir():
        raise InputError(f"--data_dir={data_dir}: is a file, not a directory")
    if not cache.exists():
        import tensorflow_datasets as tfds  # Slow to import, and needed here alone.

        builder = _builder(tfds, dataset, data_dir, shape)
        with files.locked(cache.parent / f"{cache.name}.lock", f"prepares {dataset}"):
            files.remove_leftovers(cache.parent, re.escape(cache.name))
            if not cache.exists():
                _prepare(tfds, builder, dataset, data_dir, manual_dir, cache)
    try:
        digests = json.loads((cache / "cache.json").read_text(encoding="utf-8"))["sha256"]
        for name, digest in digests.items():
            if sha256(cache / name) != digest:
                raise InputError(f"{cache / name} was truncated or altered")
        splits = {name.rpartition("-")[0] for name in digests}
        if not splits:
            raise ValueError
        return {
            split: (cache / f"{split}-images.npy", cache / f"{split}-labels.npy")
            for split in splits
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        reason = str(error) if isinstance(error, InputError) else f"{cache} is no cache"
        raise InputError(f"{reason}: remove {cache} and it is made again") from None


def directory(dataset: str, data_dir: Path) -> Path:
    """Returns where a dataset's arrays are kept, and what is worked out from them."""
    return data_dir / "gan_tf" / _safe_name(dataset)


def licence(dataset: str) -> str:
    """Returns under what licence a dataset's images are, or where that is said."""
    name = dataset.replace(":", "/").split("/")[0]
    return _LICENCES.get(name, f"see https://www.tensorflow.org/datasets/catalog/{name}")


def _safe_name(dataset: str) -> str:
    """A dataset's name as a path below the cache, never above it."""
    parts = dataset.replace(":", "/").split("/")
    if not all(part.replace("_", "").replace(".", "").replace("-", "").isalnum() for part in parts):
        raise InputError(f"--dataset={dataset}: must be a TFDS name such as mnist")
    return "-".join(parts)


def _prepare(
    tfds: Any,
    builder: Any,
    dataset: str,
    data_dir: Path,
    manual_dir: Path | None,
    directory: Path,
) -> None:
    """Has TFDS prepare the dataset, and publishes its splits as arrays in `directory`."""
    if not builder.is_prepared():
        manual_dir = (
            manual_dir
            or _PACKAGED.get(dataset.split(":")[0])
            or data_dir / "manual" / directory.name
        )
        _check_files(dataset, builder, manual_dir)
        print(f"Preparing {dataset} in {data_dir} (once) ...", file=sys.stderr, flush=True)
        start = time.monotonic()
        try:
            # TFDS announces itself on standard output, which belongs to our commands.
            with contextlib.redirect_stdout(io.StringIO()):
                builder.download_and_prepare(
                    download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
                )
        except (OSError, tfds.download.DownloadError) as error:
            raise InputError(f"{dataset} cannot be prepared in {data_dir}: {error}") from None
        print(f"Prepared {dataset} in {time.monotonic() - start:.0f} s.", file=sys.stderr)
    with published(directory) as temporary:
        temporary.mkdir()
        for split in builder.info.splits:
            try:
                examples = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
            except Exception as error:  # TensorFlow's and TFDS's reasons share no base.
                raise InputError(
                    f"{builder.data_path} was truncated or altered: remove it and it is made "
                    f"again ({type(error).__name__})"
                ) from None
            images = examples["image"]
            labels = examples.get("label", np.zeros(len(images), np.int64))
            np.save(temporary / f"{split}-images.npy", images)
            np.save(temporary / f"{split}-labels.npy", labels.astype(np.int64))
        digests = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        about = {"dataset": builder.info.full_name, "sha256": digests}
        (temporary / "cache.json").write_text(json.dumps(about, indent=2), encoding="utf-8")


def _builder(tfds: Any, dataset: str, data_dir: Path, shape: tuple[int, int, int]) -> Any:
    """Returns the dataset's builder, or InputError if it is unknown or of another shape."""
    logging.set_verbosity(logging.ERROR)  # It warns of every dataset that is not there yet.
    tfds.disable_progress_bar()
    known = tfds.list_builders(with_community_datasets=False)
    name = dataset.split("/")[0].split(":")[0]
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise InputError(f"--dataset={dataset}: must be a name that TFDS has{hint}")
    try:
        builder = tfds.builder(dataset, data_dir=data_dir)
    except (ValueError, TypeError, AssertionError, tfds.core.registered.DatasetNotFoundError):
        known = tfds.builder_cls(name)
        configs = ", ".join(known.builder_configs) or "no configs"
        raise InputError(
            f"--dataset={dataset}: no such config or version; {name} has {configs}, version "
            f"{known.VERSION}"
        ) from None
    features = builder.info.features
    found = getattr(features["image"], "shape", None) if "image" in (features or {}) else None
    if found != shape:
        has = "x".join(map(str, found)) if found else "no"
        wants = "x".join(map(str, shape))
        raise InputError(f"--dataset={dataset}: has {has} images; the networks need {wants}")
    return builder


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
        files = ", ".join(name for _, name in missing)
        source = missing[0][0].rpartition("/")[0]
        raise InputError(
            f"{dataset} is not on this disk and its source does not answer: "
            f"put {files} from {source}/ into {manual_dir}"
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
