"""IDX files, as MNIST and its kin come in: http://yann.lecun.com/exdb/mnist/.

Four bytes say the type (8: unsigned bytes) and the number of dimensions, four more each dimension;
the entries follow. Packed with gzip or not.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt

from gan_tf.data.images import kinds
from gan_tf.data.images.decoding import MAX_PIXELS, LeftOutError, reason
from gan_tf.data.images.sources import Source, shown
from gan_tf.host.errors import InputError

_DAMAGED = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_WITHOUT = "mend it, or import without classes by --labels=none"


def shape(source: Source, name: str) -> tuple[int, ...]:
    """Returns the dimensions of an IDX file.

    Raises:
      LeftOutError: it is none of unsigned bytes.
    """
    with source.open(name) as file:
        return _header(_unpacked(file))


def images(source: Source, name: str) -> Iterator[npt.NDArray[np.uint8]]:
    """Yields the images uint8 `[H, W]` of an IDX file, one at a time.

    Raises:
      LeftOutError: it ends early, and those before it are good; or its checksum says that it was
        altered, and it yields none.
    """
    try:
        with source.open(name) as file:
            _check(_unpacked(file))
        with source.open(name) as file:
            content = _unpacked(file)
            number, height, width = _header(content)
            for done in range(number):
                row = content.read(height * width)
                if len(row) < height * width:
                    raise LeftOutError(f"is truncated: {done:,} of {number:,} images are there")
                yield np.frombuffer(row, np.uint8).reshape(height, width)
    except _DAMAGED as error:
        raise reason(error) from None


def labels(source: Source, name: str, number: int) -> npt.NDArray[np.uint8] | None:
    """Returns the labels that lie beside `number` images, uint8 `[number]`; None if none do.

    Raises:
      InputError: they are damaged, or not as many.
    """
    for candidate in labels_beside(name):
        try:
            file = source.open(candidate)
        except Exception:  # A file that is not there has as many errors as sources.
            continue
        with file:
            try:
                content = _unpacked(file)
                shape, found = _header(content), content.read(number)
                _end(content)
            except LeftOutError:
                said = "is no IDX file of labels"
                raise InputError(f"{shown(candidate)} {said}; {_WITHOUT}") from None
            except _DAMAGED as error:
                raise InputError(f"{shown(candidate)} {reason(error)}; {_WITHOUT}") from None
        if shape != (number,) or len(found) != number:
            raise InputError(
                f"{shown(candidate)} has not one label for each of the {number:,} images of "
                f"{shown(name)}; {_WITHOUT}"
            )
        return np.frombuffer(found, np.uint8)
    return None


def labels_beside(name: str) -> tuple[str, ...]:
    """Returns what the file of labels beside a file of images may be called."""
    folder, slash, file = name.rpartition("/")
    labels = file.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    if labels == file.removesuffix(".gz"):
        return ()
    return (f"{folder}{slash}{labels}", f"{folder}{slash}{labels}.gz")


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """Returns the content, whatever packed it."""
    packed = kinds.kind(file.read(4)) == "gzip"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[return-value]


def _check(content: IO[bytes]) -> None:
    """Reads all images, and to the end, where a packed file has its checksum. A plain one has none,
    and what ends early is not this function's matter."""
    if isinstance(content, io.BufferedReader):
        return
    left = math.prod(_header(content))
    with contextlib.suppress(EOFError):
        while left > 0 and (part := content.read(min(left, 2**20))):
            left -= len(part)
        _end(content)


def _end(content: IO[bytes]) -> None:
    """Reads on behind the entries, as far as the checksum. What follows it does no harm."""
    try:
        content.read(1)
    except gzip.BadGzipFile as error:
        if not str(error).startswith("Not a gzipped file"):
            raise


def _header(content: IO[bytes]) -> tuple[int, ...]:
    head = content.read(4)
    if kinds.kind(head) != "idx":
        raise LeftOutError("is packed with gzip" if head else "is empty")
    found = tuple(int.from_bytes(content.read(4), "big") for _ in range(head[3]))
    if math.prod(found[1:]) > MAX_PIXELS:
        raise LeftOutError(f"has more than {MAX_PIXELS // 1_000_000} million pixels an image")
    if 0 in found or not found:
        raise LeftOutError("is an IDX file of nothing")
    return found
