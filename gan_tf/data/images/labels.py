"""Classes: from a file of labels, from sub-folders, or from IDX files of labels."""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gan_tf.data.images import idx, sources
from gan_tf.data.images.decoding import LeftOutError
from gan_tf.data.images.sources import Source
from gan_tf.data.images.survey import Survey
from gan_tf.data.images.wanted import Wanted
from gan_tf.host.errors import InputError
from gan_tf.host.listing import some

_CSV, _JSON, _IDX = "labels.csv", "dataset.json", "IDX files of labels"

Of = Callable[[str], "str | None"]


class Labels(NamedTuple):
    """The classes of a source.

    Attributes:
      classes: their names; a label is a place in here. None: no labels, all are 0.
      origin: where they come from.
      of: the name of a file's class; None where it has none.
      idx: the labels of the images in an IDX file, by its name.
      absent: what a file of labels names and is not there.
    """

    classes: tuple[str, ...]
    origin: str
    of: Of
    idx: dict[str, npt.NDArray[np.uint8]]
    absent: tuple[str, ...] = ()


NONE = Labels((), "none", lambda name: None, {})


def find(source: Source, names: Iterable[str], survey: Survey, wanted: Wanted) -> Labels:
    """Returns the labels of a source.

    Args:
      source: where the files are.
      names: those that hold images.
      survey: what is known of them.
      wanted: whether labels are.

    Raises:
      InputError: some images have a label and others have none, two classes look alike in print,
        or a file of labels is damaged.
    """
    if wanted.labels == "none":
        return NONE
    beside = {
        name: found
        for name, number in survey.idx.items()
        if (found := idx.labels(source, name, number)) is not None
    }
    origin, of, listed = _rule(source, survey)
    there = survey.left_out.keys() | survey.others.keys()
    classes = {str(value) for found in beside.values() for value in np.unique(found)}
    missing: list[str] = []
    ruled = False
    for name in names:
        if name in beside:
            continue
        if (label := of(name)) is not None:
            classes.add(label)
            there.add(name)
            ruled = True
        else:
            missing.append(name)
    if not classes:
        if origin == _CSV or listed:
            raise InputError(f"{origin} names none of the pictures: mend it, or give --labels=none")
        return NONE
    if missing:
        have = "has" if len(missing) == 1 else "have"
        raise InputError(
            f"{some([sources.shown(name) for name in missing])} {have} no label, as the others do "
            f"from {origin}: give them one, or all none with --labels=none"
        )
    shown: dict[str, str] = {}
    for name in sorted(classes):
        # Unicode has two ways to write an accent.
        if shown.setdefault(unicodedata.normalize("NFC", sources.shown(name)), name) != name:
            raise InputError(
                f"two classes are both shown as {sources.shown(name)}: rename one, or give "
                "--labels=none"
            )
    absent = [name for name in listed if name not in there]
    if origin == _CSV and absent[:1] == listed[:1]:
        del absent[:1]  # The line may be a header.
    return Labels(
        tuple(sorted(classes, key=_order)), origin if ruled else _IDX, of, beside, tuple(absent)
    )


def _order(name: str) -> tuple[int, int, str, str]:
    """Numbers by their value, then words."""
    if not (name.isascii() and name.isdigit()):
        return 1, 0, "", name
    digits = name.lstrip("0")  # Python makes no number of more than 4,300 digits.
    return 0, len(digits), digits, name


def _rule(source: Source, survey: Survey) -> tuple[str, Of, list[str]]:
    """Returns where labels come from, the function from a file's name to its class, and the names
    that a file of labels gives one; InputError if that is damaged."""
    above, there = "", survey.left_out | survey.others
    for folder in ("", *survey.top):
        above = f"{above}{folder}/" if folder else above
        for file, parse in ((_CSV, _from_csv), (_JSON, _from_json)):
            name = _found(above + file, there)
            if name is None:
                continue
            if there[name] != "is text":
                raise InputError(f"{name} {there[name]}: mend it, or give --labels=none")
            table = parse(_text(source, name))
            if table is not None:
                labels = {above + name: label for name, label in table.items()}
                return file, _by_table(labels), list(labels)
    start = len(survey.top)

    def by_folder(name: str) -> str | None:
        parts = name.split("/")
        return parts[start] if len(parts) > start + 1 else None

    return "sub-folders", by_folder, []


def _found(wanted: str, names: Iterable[str]) -> str | None:
    """The name that is wanted, or else one that has it in other letters, as Labels.csv."""
    alike = sorted(each for each in names if each.casefold() == wanted.casefold())
    return wanted if wanted in alike else next(iter(alike), None)


def _by_table(labels: dict[str, str]) -> Of:
    return lambda name: labels.get(name) or None


def _text(source: Source, name: str) -> str:
    try:
        return sources.read(source, name).decode("utf-8-sig")
    except (LeftOutError, UnicodeDecodeError) as error:
        told = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InputError(f"{name} {told}: mend it, or give --labels=none") from None


def _from_csv(text: str) -> dict[str, str]:
    """Reads lines of file and label. A header is a line whose file is not there."""
    first = text.partition("\n")[0]
    table: dict[str, str] = {}
    lines = csv.reader(io.StringIO(text), delimiter=";" if "," not in first else ",")
    try:
        for number, line in enumerate(lines, 1):
            if not any(line):
                continue
            if len(line) < 2 or any(each.strip() for each in line[2:]):
                raise csv.Error(f"line {number} must be file,label")
            name, label = _plain(line[0]), line[1].strip()
            if table.setdefault(name, label) != label:
                raise csv.Error(f"line {number} gives {name} another label than a line before")
    except csv.Error as error:
        raise InputError(f"{_CSV}: {error}: mend it, or give --labels=none") from None
    return table


def _from_json(text: str) -> dict[str, str] | None:
    """Reads {"labels": [[file, class], ...]}, as NVlabs' dataset_tool writes it; null is none.

    Returns:
      Labels by name; None if this is another kind of file.
    """
    try:
        content = json.loads(text)
        if not isinstance(content, dict) or "labels" not in content:
            return None
        pairs = content["labels"] or []
        pairs = list(pairs.items()) if isinstance(pairs, dict) else pairs
        table: dict[str, str] = {}
        for name, label in pairs:
            found = _whole(label, str(name))
            if table.setdefault(_plain(str(name)), found) != found:
                raise InputError(
                    f"{_JSON}: gives {sources.shown(str(name))} two classes: mend it, or give "
                    "--labels=none"
                )
        return table
    except RecursionError:
        return None
    except InputError:
        raise
    except (ValueError, TypeError, OverflowError):
        raise InputError(
            f'{_JSON}: must hold {{"labels": [["file", class number], ...]}}: mend it, or give '
            "--labels=none"
        ) from None


def _whole(label: Any, name: str) -> str:
    """Returns a class number as text; InputError if it is a fraction, which would be rounded."""
    if isinstance(label, float) and math.isfinite(label) and not label.is_integer():
        raise InputError(
            f"{_JSON}: the class of {sources.shown(name)} is {label}, and must be a whole number: "
            "mend it, or give --labels=none"
        )
    return str(int(label))


def _plain(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./")
