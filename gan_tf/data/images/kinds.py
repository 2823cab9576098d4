"""What a file is, by its first bytes; endings lie."""

from __future__ import annotations

import functools
import re
from pathlib import PurePosixPath

from PIL import Image, features

HEAD = 4096  # Bytes that tell.
# The formats that Pillow may try; it knows others that can start programs, or that are documents.
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "HEIF")
_ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".svg"),
)
_IGNORED = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "picture",
    b"\xff\xd8\xff": "picture",
    b"GIF87a": "picture",
    b"GIF89a": "picture",
    b"II*\0": "picture",
    b"MM\0*": "picture",
    b"II+\0": "picture",
    b"MM\0+": "picture",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x93NUMPY": "npy",
    b"\x1f\x8b": "gzip",
    b"\0\0\x08": "idx",
}
_LACKS = {
    "heic": 'is HEIC, which needs pip install "gan_tf[heic]"',
    "avif": "is AVIF, which needs Pillow 11.3 or later",
}
_PNM = re.compile(rb"P[1-6](\s|#[^\n]*\n)+\d")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def kind(head: bytes) -> str:
    """Returns what a file is that begins so.

    Returns:
      picture, heic, avif, zip, npy, gzip, idx, text, empty or unknown.
    """
    if not head:
        return "empty"
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "picture"
    if _PNM.match(head):
        return "picture"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "picture"
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"avif", b"avis") or b"avif" in head[16:48]:
            return "avif"
        return "heic" if head[8:12] in _HEIC else "unknown"
    return "text" if _is_text(head) else "unknown"


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, as some editors write it.
        return True
    return not any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in head)


def looks_like_a_picture(name: str) -> bool:
    """Whether a file's ending promises a picture."""
    return PurePosixPath(name).suffix.lower() in _ENDINGS


def is_ignored(name: str) -> bool:
    """Whether the system put a file or folder of this name there, and not its owner."""
    return name.startswith(".") or name.lower() in _IGNORED


@functools.cache
def formats() -> tuple[str, ...]:
    """What Pillow can read here; pi_heif teaches it HEIC where it is installed."""
    try:
        import pi_heif
    except ImportError:
        pass
    else:
        pi_heif.register_heif_opener()
    Image.init()
    return tuple(each for each in _FORMATS if each in Image.OPEN)


def cannot_read(found: str) -> str | None:
    """Returns why pictures of a kind cannot be read here; None if they can."""
    if found == "heic" and "HEIF" in formats():
        return None
    if found == "avif" and "AVIF" in formats() and features.check("avif"):
        return None
    return _LACKS.get(found)


def can_be_read_by_now(reason: str) -> bool:
    """Whether `cannot_read` gave this reason, and does not any more."""
    return any(reason == lack and not cannot_read(found) for found, lack in _LACKS.items())
