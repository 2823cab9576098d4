"""The presets: a flag file for each published system that the package can train."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# An installed package has them inside; a checkout has them beside it.
_DIRECTORY = next(
    (place for place in (_PACKAGE / "presets", _PACKAGE.parent / "flags") if place.is_dir()),
    _PACKAGE / "presets",
)
NAMES = tuple(sorted(path.stem for path in _DIRECTORY.glob("*.flags")))


def path(name: str) -> Path:
    """Returns the flag file of a preset."""
    return _DIRECTORY / f"{name}.flags"


def summary(name: str) -> str:
    """Returns the first line of a preset's comment: what it is, in a line."""
    first = path(name).read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip().removesuffix(".")


def listing() -> str:
    """Returns a line for each preset, for `--help`."""
    width = max(map(len, NAMES), default=0)
    return "\n".join(["Presets:", "", *(f"  {each:<{width}}  {summary(each)}" for each in NAMES)])
