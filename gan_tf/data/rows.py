"""Images read from their file, row by row, where an array is mapped from one."""

from __future__ import annotations

import errno
import os
import weakref
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class ReadError(OSError):
    """A file of images could not be read, or became shorter while it was in use."""


class Rows:
    """The images of an array. They are read from its file, if it is mapped from one.

    What is touched in a map counts as memory of this process for as long as the map is there, and a
    map of a file that became shorter ends the process. What is read counts only while it is used,
    and an error is an error. The file is kept open, so it may be removed or replaced meanwhile.

    Attributes:
      shape: (N, H, W, C).
      nbytes: the bytes of all images.
    """

    def __init__(self, images: Pixels, order: npt.NDArray[np.integer] | None = None) -> None:
        """Takes images, uint8 `[N, H, W, C]`: an array in memory, or a part of a mapped one; and
        the places of all of them, if they are to lie in another order."""
        self.shape, self.nbytes = images.shape, images.nbytes
        self._order = order
        self._array: Pixels | None = images
        if not isinstance(images, np.memmap) or not images.flags.c_contiguous:
            return
        whole = images
        while isinstance(whole.base, np.memmap):
            whole = whole.base
        if whole.filename is None:
            return
        self._array, self._path = None, Path(whole.filename)
        self._start = whole.offset + images.ctypes.data - whole.ctypes.data
        try:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ReadError(error.errno, error.strerror, str(self._path)) from None
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, which: slice | npt.NDArray[np.integer]) -> Pixels:
        """Returns the images of a slice without a stride, or those at indices `[...]`.

        Raises:
          ReadError: the file cannot be read.
        """
        if self._order is not None:
            which = self._order[which]
        if self._array is not None:
            return np.asarray(self._array[which])
        image, size = self.shape[1:], int(np.prod(self.shape[1:]))
        if isinstance(which, slice):
            start, stop, _ = which.indices(len(self))
            found = np.empty((max(0, stop - start), *image), np.uint8)
            self._read(start, found.reshape(-1))
            return found
        found = np.empty((*which.shape, *image), np.uint8)
        rows, indices = found.reshape(which.size, size), which.ravel()
        order = np.argsort(indices)
        for row in order:  # The disk may fetch all of them at once: a fifth of the time, measured.
            start = self._start + int(indices[row]) * size
            os.posix_fadvise(self._file, start, size, os.POSIX_FADV_WILLNEED)
        for row in order:
            self._read(int(indices[row]), rows[row])
        return found

    def _read(self, index: int, pixels: Pixels) -> None:
        """Fills `[bytes]` from the image at an index on."""
        position = self._start + index * int(np.prod(self.shape[1:]))
        left = pixels.data
        while left:
            try:
                done = os.preadv(self._file, [left], position)
            except OSError as error:
                raise ReadError(error.errno, error.strerror, str(self._path)) from None
            if not done:
                reason = f"was truncated (remove {self._path.parent} and it is made again)"
                raise ReadError(errno.EIO, reason, str(self._path))
            left, position = left[done:], position + done
