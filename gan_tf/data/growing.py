"""An array's file that is written entry by entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class Growing:
    """A file of an array whose length is known only at its end."""

    def __init__(self, path: Path, first: npt.NDArray[Any]) -> None:
        """Takes what its entries are like from the first of them."""
        self._file, self._number = path.open("wb"), 0
        self._dtype, self._shape = first.dtype, first.shape[1:]
        self._write_header()

    def __enter__(self) -> Growing:
        return self

    def append(self, array: npt.NDArray[Any]) -> None:
        """Writes entries behind those that are there."""
        assert (array.dtype, array.shape[1:]) == (self._dtype, self._shape)
        self._file.write(np.ascontiguousarray(array).data)
        self._number += len(array)

    def __exit__(self, *_: object) -> None:
        """Says at the file's beginning how many there are; NumPy left room for the number."""
        with self._file:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        about = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._number, *self._shape),
        }
        np.lib.format.write_array_header_1_0(self._file, about)
