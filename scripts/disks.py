"""Disks that are full: for real, as root; else a limit to the size of the files of a process."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

FILLER = "filler"  # The file that fills a disk; without it there is space again.
FULL = "(?:No space left on device|File too large)"  # What is said then.


@contextlib.contextmanager
def small(disk: Path, mebibytes: int) -> Iterator[bool]:
    """Mounts a file system of so many MiB at a directory, which it makes; False if this process may
    not, and nothing is mounted."""
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(disk)]
    mounted = not subprocess.run(mount, capture_output=True, check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path, leave: int) -> None:
    """Fills a file system up to some bytes."""
    found = os.statvfs(disk)
    with (disk / FILLER).open("wb") as file:
        file.truncate(0)
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - leave or 1)


def limit(process: int, size: int) -> None:
    """Lets a process write no file beyond so many bytes, from now on."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, size))
