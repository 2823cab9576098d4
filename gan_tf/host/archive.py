"""Archives: named arrays in one file that carries a digest of itself.

An archive is a NumPy `.npz`, followed by the SHA-256 of its bytes. The digest is
verified before anything is read, and nothing is ever unpickled; `np.load` opens the file as it
would any other.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gan_tf.host.errors import InputError
from gan_tf.host.files import published

Arrays = Mapping[str, npt.NDArray[np.generic]]

_DIGEST_BYTES = hashlib.sha256().digest_size


def write(path: Path, arrays: Arrays, compressed: bool = False) -> None:
    """Publishes arrays under their names as one file that `load` verifies. It is compressed only
    where its size matters more than the seconds that this takes."""
    with published(path) as temporary, temporary.open("wb") as file:
        content = io.BytesIO()
        save = np.savez_compressed if compressed else np.savez
        save(content, **arrays)  # type: ignore[arg-type]
        file.write(content.getbuffer())
        file.write(hashlib.sha256(content.getbuffer()).digest())


def load(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Returns the arrays of an archive; InputError if it was truncated or altered."""
    return load_digested(path)[0]


def load_digested(path: Path) -> tuple[dict[str, npt.NDArray[np.generic]], str]:
    """Returns the arrays of an archive, and the hexadecimal SHA-256 of the file that held them;
    InputError if it was truncated or altered."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    archive, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(archive).digest() != digest:
        raise InputError(f"{path} was truncated or altered")
    try:
        with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
            return dict(arrays), hashlib.sha256(content).hexdigest()
    except (ValueError, EOFError) as error:
        raise InputError(f"{path}: must hold plain arrays, nothing pickled ({error})") from None
