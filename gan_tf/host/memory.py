"""How much memory there is for this process, as Linux says."""

from __future__ import annotations

from pathlib import Path

_NO_LIMIT = 2**60  # Version 1 of control groups says a number near 2^63 for it.


def available(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Returns the bytes of RAM that can be taken without swapping."""
    lines = meminfo.read_text(encoding="ascii").splitlines()
    values = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(values["MemAvailable"].split()[0]) * 1024


def limits(
    groups: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """Returns the limits in bytes of the control groups that this process is in.

    Args:
      groups: what names them: `hierarchy:controllers:path` a line.
      mounted: where they are mounted, versions 1 and 2.
    """
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers == "":
            root, name = mounted, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = mounted / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        # A limit holds for the groups below it. In a container the path may be the host's; its own
        # group is then the root.
        for each in [group, *group.parents]:
            found += _limit(each / name)
            if each == root:
                break
    return [limit for limit in found if limit < _NO_LIMIT]


def _limit(file: Path) -> list[int]:
    """The number in a file; none if it says `max`, or is not there."""
    try:
        return [int(file.read_text(encoding="ascii"))]
    except (OSError, ValueError):
        return []
