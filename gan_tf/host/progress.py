"""A bar on standard error for what takes longer than a moment."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

_Item = TypeVar("_Item")
_MOMENT = 2.0  # seconds


def shown(items: Iterable[_Item], what: str, total: int | None) -> Iterator[_Item]:
    """Yields the items; shows how many of how many went by, where that takes long."""
    with bar(what, total, items) as found:
        yield from found


def pace() -> dict[str, Any]:
    """Returns how often a bar is drawn, for `tqdm`: seldom where it goes into a log, never where a
    program has no standard error. What a program has put in its place may know no terminal."""
    is_terminal = getattr(sys.stderr, "isatty", bool)()
    return {"mininterval": 0.2 if is_terminal else 30.0, "disable": sys.stderr is None}


def bar(what: str, total: int | None, items: Iterable[Any] | None = None) -> Any:
    """Returns a bar whose `update` says that another of `total` went by, for a `with`."""
    known = "{percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"
    return tqdm(
        items,
        total=total,
        leave=False,
        position=0,  # One within another writes over it, not below.
        delay=_MOMENT,
        **pace(),
        bar_format=f"{what} {known if total else '{n_fmt} [{elapsed}]'}",
    )
