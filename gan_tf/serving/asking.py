"""The classes that a user asks for: names, numbers or a text, and which images they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gan_tf.host.errors import InputError
from gan_tf.host.listing import some

ALL = "all"
COLUMNS = 8  # Images of each class, where all are asked for.
_SHOWN = 20  # The most names that an error lists.


class Asked(NamedTuple):
    """Images that are asked for, in their order.

    Attributes:
      labels: the class of each, by its number.
      places: which of the latents, or of the seeds, each is of.
      columns: of the grid that they make; None for as square as it goes.
    """

    labels: list[int]
    places: list[int]
    columns: int | None


def check(labels: str | None, text: str | None) -> None:
    """Raises InputError if both flags are given."""
    if labels is not None and text is not None:
        raise InputError("--labels and --text both say which classes; give one of them")


def find(
    labels: str | None,
    text: str | None,
    names: Sequence[str],
    num: int | None = None,
    columns: int = COLUMNS,
) -> Asked:
    """Returns the images that --labels or --text asks for; one of both is given.

    Args:
      labels: names or numbers with commas between them, or ALL. A class that is called like the
        whole of it is meant first.
      text: its characters are names.
      names: of the classes, in the order of the labels.
      num: how many images: labels are taken in turn. None for as many as there are labels, and of
        ALL a row a class, all rows of the same latents.
      columns: how long those rows are.

    Raises:
      InputError: something is asked for that is no class.
    """
    if labels == ALL and ALL not in names and num is None:
        return every(names, columns)
    found = _spelled(text, names) if text is not None else _named(str(labels), names)
    num = num or len(found)
    width = len(found) if text is not None else None
    return Asked([found[i % len(found)] for i in range(num)], list(range(num)), width)


def every(names: Sequence[str], columns: int = COLUMNS) -> Asked:
    """Returns a row of images of each class, all rows of the same latents."""
    number = len(names) * columns
    each = [index // columns for index in range(number)]
    return Asked(each, [index % columns for index in range(number)], columns)


def _named(labels: str, names: Sequence[str]) -> list[int]:
    """The numbers of classes given by name; or by number, unless a name is a number."""
    known = {name: number for number, name in enumerate(names)}
    if not any(name.isdecimal() for name in names):
        known = {str(number): number for number in range(len(names))} | known
    if labels in known:  # A name may hold a comma, or be ALL.
        return [known[labels]]
    asked = list(names) if labels == ALL else labels.split(",")
    for each in asked:
        if each not in known:
            raise InputError(f"--labels={labels}: no class is called {each!r}; {_list(names)}")
    return [known[each] for each in asked]


def _spelled(text: str, names: Sequence[str]) -> list[int]:
    """The numbers of the classes whose names are the characters of a text."""
    known = {name: number for number, name in enumerate(names) if len(name) == 1}
    if not known:
        raise InputError(
            f"--text={text}: needs classes that are called by one character; {_list(names)}"
        )
    for each in text:
        if each not in known:
            raise InputError(
                f"--text={text}: no class is called {each!r}; the characters that there are: "
                f"{''.join(known)}"
            )
    return [known[each] for each in text]


def _list(names: Sequence[str]) -> str:
    """What the classes are called, in words."""
    return f"there are {some(names, most=_SHOWN)}"
