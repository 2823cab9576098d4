"""Lists in messages."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], *, most: int = 3) -> str:
    """Returns the first of some names, and how many more there are: `a, b, c and 5 more`.

    Args:
      names: as they are shown.
      most: how many are shown.
    """
    more = len(names) - most
    return ", ".join(names[:most]) + f" and {more:,} more" * (more > 0)
