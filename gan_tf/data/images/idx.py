"""IDX files, as MNIST and its kin come in: http://yann.lecun.com/exdb/mnist/.

Four bytes say the type (8: unsigned bytes) and the number of dimensions, four more each dimension;
the entries follow. Packed with gzip or not.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt

from gan_tf.data.images import kinds
from gan_tf.data.images.decoding import MAX_PIXELS, LeftOutError, reason
from gan_tf.data.images.sources import Source


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
      LeftOutError: it ends early; those before it are good.
    """
    try:
        with source.open(name) as file:
            content = _unpacked(file)
            number, height, width = _header(content)
            for done in range(number):
                row = content.read(height * width)
                if len(row) < height * width:
                    raise LeftOutError(f"is truncated: {done:,} of {number:,} images are there")
                yield np.frombuffer(row, np.uint8).reshape(height, width)
    except (OSError, EOFError, ValueError) as error:
        raise reason(error) from None


def labels(source: Source, name: str, number: int) -> npt.NDArray[np.uint8] | None:
    """Returns the labels that lie beside `number` images, uint8 `[number]`; None if none do."""
    for candidate in labels_beside(name):
        try:
            with source.open(candidate) as file:
                content = _unpacked(file)
                if _header(content) == (number,):
                    found = np.frombuffer(content.read(number), np.uint8)
                    return found if len(found) == number else None
        except Exception:  # A file that is not there has as many errors as sources.
            continue
    return None


def labels_beside(name: str) -> tuple[str, ...]:
    """Returns what the file of labels beside a file of images may be called."""
    other = name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    return tuple(each for each in (other, f"{other}.gz") if each != name)


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """Returns the content, whatever packed it."""
    packed = kinds.kind(file.read(4)) == "gzip"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[return-value]


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
