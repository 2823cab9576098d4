"""What a source holds: a folder's files or a ZIP archive's members, sorted by name.

Nothing is unpacked to the disk, so no member's name can lead anywhere.
"""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from gan_tf.data.images import kinds
from gan_tf.data.images.decoding import LeftOutError, reason
from gan_tf.host.errors import InputError

MAX_BYTES = 2**29  # Of one file.
# A member that grows beyond both is a trap: no picture does so, except of one colour.
_MAX_RATIO, _FREE_BYTES = 200, 2**24
IGNORED = "belongs to the system"
_OF_A_RUN = ("run.lock", "metrics.jsonl")  # What a run directory holds beside config.json.


class Entry(NamedTuple):
    """A file, without its content.

    Attributes:
      name: its path below the source, with slashes.
      size: in bytes.
      modified_ns: its modification time.
      problem: why it cannot be read, if that is plain from outside; `IGNORED` is none to mention.
    """

    name: str
    size: int
    modified_ns: int
    problem: str = ""


class Source(Protocol):
    """Files with names, in a folder or an archive."""

    def listing(self) -> Iterator[Entry]:
        """Yields what shows from outside that something changed, sorted by name."""

    def members(self) -> Iterator[Entry] | None:
        """Yields the files, sorted by name; None if the listing is just that."""

    def open(self, name: str) -> IO[bytes]:
        """Opens a file; an exception for `decoding.reason` if it cannot be."""


class Folder:
    """The files below a folder, or some of them."""

    def __init__(self, root: Path, names: Iterable[str] | None = None) -> None:
        """Takes the folder, and the files' names if they are not all."""
        self._root, self._names = root, names

    def listing(self) -> Iterator[Entry]:
        """Yields the files; names in a folder before those in the next."""
        if self._names is None:
            return _walk(str(self._root))
        return (_entry(str(self._root / name), name) for name in sorted(self._names))

    def members(self) -> None:
        """They are the listing."""
        return None

    def open(self, name: str) -> IO[bytes]:
        """Opens a file."""
        return (self._root / name).open("rb")


def _walk(root: str) -> Iterator[Entry]:
    """Yields the files below a folder, in the order of their whole names.

    It keeps its own stack, for folders can be nested deeper than Python's calls; and it enters
    each folder once, for links can lead in a circle.
    """
    entered: set[tuple[int, int]] = set()
    stack = [iter([""])]
    while stack:
        name = next(stack[-1], None)
        path = f"{root}/{name}"
        if name is None:
            stack.pop()
        elif kinds.is_ignored(name.rstrip("/").rpartition("/")[2]):
            yield Entry(name, 0, 0, IGNORED)
        elif name and not name.endswith("/"):
            yield _entry(path, name)
        else:
            try:
                found = Path(path).stat()
                if (found.st_dev, found.st_ino) in entered:
                    raise LeftOutError("leads to a folder that is read already")
                entered.add((found.st_dev, found.st_ino))
                inside = _inside(path, name)
                if f"{name}config.json" not in inside or not any(
                    f"{name}{each}" in inside for each in _OF_A_RUN
                ):
                    stack.append(iter(inside))
                elif name:  # A run that is trained on a folder lies in it, by default.
                    yield Entry(name, 0, 0, IGNORED)
                else:
                    raise LeftOutError("is a run directory, whose pictures are samples")
            except (OSError, LeftOutError) as error:
                yield Entry(name or "./", 0, 0, str(reason(error)))


def _inside(path: str, name: str) -> list[str]:
    """Returns the names in a folder, sorted; a folder's ends with a slash."""
    with os.scandir(path) as entries:
        return sorted(f"{name}{entry.name}{'/' * _is_folder(entry)}" for entry in entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link to itself.
        return False


def _entry(path: str, name: str) -> Entry:
    """Looks at a file from outside."""
    try:
        found = os.stat(path)  # noqa: PTH116 (a Path costs more than the look)
    except OSError as error:
        lost = error.errno in (errno.ENOENT, errno.ELOOP) and Path(path).is_symlink()
        return Entry(name, 0, 0, "is a link to nothing" if lost else str(reason(error)))
    if not stat.S_ISREG(found.st_mode):  # To open a pipe is to wait for ever.
        return Entry(name, 0, found.st_mtime_ns, "is no regular file")
    problem = _too_large(found.st_size)
    return Entry(name, found.st_size, found.st_mtime_ns, problem)


def _too_large(size: int) -> str:
    return f"is larger than {MAX_BYTES // 2**20} MiB" if size > MAX_BYTES else ""


class Archive:
    """The members of a ZIP archive."""

    def __init__(self, path: Path) -> None:
        """Opens it; InputError if it is damaged."""
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise InputError(f"--images={path}: is a damaged ZIP archive ({error})") from None
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._twice: set[str] = set()
        for member in self._zip.infolist():
            if not member.is_dir():
                name = _member_name(member.filename)
                self._twice |= {name} & self._members.keys()
                self._members.setdefault(name, member)

    def listing(self) -> Iterator[Entry]:
        """Yields the archive itself."""
        yield _entry(str(self._path), self._path.name)

    def members(self) -> Iterator[Entry]:
        """Yields what is packed."""
        for name in sorted(self._members):
            yield Entry(name, self._members[name].file_size, 0, self._problem(name))

    def open(self, name: str) -> IO[bytes]:
        """Opens a member."""
        return self._zip.open(self._members[name])

    def _problem(self, name: str) -> str:
        member = self._members[name]
        if any(kinds.is_ignored(part) for part in name.split("/")):
            return IGNORED
        if member.flag_bits & 1:
            return "is encrypted"
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            return "is a link"
        if name in self._twice:
            return "is packed twice"
        size, packed = member.file_size, max(1, member.compress_size)
        if size > _FREE_BYTES and size > _MAX_RATIO * packed:
            return f"grows to more than {_MAX_RATIO} times its packed size"
        return _too_large(size)


def _member_name(name: str) -> str:
    """A member's name, with slashes and without what would lead out of a folder."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def read(source: Source, name: str) -> bytes:
    """Returns a file's content; LeftOutError if it cannot be read, or has grown too large."""
    try:
        with source.open(name) as file:
            content = file.read(MAX_BYTES + 1)
    except Exception as error:  # zipfile's and zlib's share no base.
        raise reason(error) from None
    if problem := _too_large(len(content)):
        raise LeftOutError(problem)
    return content


def shown(name: str) -> str:
    """A name as a terminal and a UTF-8 file can show it."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in name
    )
