"""Silence while files are read that may be damaged: each is named once, by us."""

from __future__ import annotations

import contextlib
import ctypes
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import ImageFile


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Within it, neither Pillow nor libtiff says anything on standard error, and no picture that
    was cut off passes for a whole one, whatever a program asked of Pillow.

    The settings are the whole process's, so that they hold for the threads that read.
    """
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    with warnings.catch_warnings(), _libtiff():
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


@contextlib.contextmanager
def _libtiff() -> Iterator[None]:
    """Takes away libtiff's handler of errors, which Pillow leaves as it is, for a while."""
    try:
        loaded = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        path = re.search(r"/\S*/libtiff\b\S*", loaded)
        library = ctypes.CDLL(path[0]) if path else None
    except OSError:
        library = None
    if library is None:
        yield
        return
    handle = library.TIFFSetErrorHandler
    handle.restype, handle.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    before = handle(None)
    try:
        yield
    finally:
        handle(before)
