"""One declaration a knob: a dataclass field with its default, bounds, unit and help.

Everything else about a knob (its absl flag, the check of its value, its line in
`--help`, its JSON) is derived from that declaration.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import typing
from collections.abc import Collection
from typing import Any

from gan_tf.game import schedules
from gan_tf.host.errors import InputError

Value = bool | int | float | str | None

MAX_STEPS = 100_000_000  # Bound of every number of steps.


@dataclasses.dataclass(frozen=True)
class Knob:
    """What one knob allows.

    Attributes:
      name: the field's and the flag's name.
      kind: bool, int, float or str.
      default: the value without a flag; None means that the help says what happens then.
      help: what it does, for `--help`.
      unit: what a number counts ("steps"), or what a text names ("a path").
      low, high: inclusive bounds of a number.
      choices: the names allowed, where they are a fixed list.
      scheduled: whether a number may change over the run: then it may also be a text that
        `schedules.read` takes, whose ends are within the bounds.
      resumable: whether a run may go on with another value of it.
      instead_of: the knob that is not given, if this one is given behind it: the last one counts.
      older: what a configuration means that was written before this knob was, where that is not
        the default.
      kept: whether the default leaves the value open: it is found out when a run begins, and kept
        when it goes on.
    """

    name: str
    kind: type
    default: Value
    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: Collection[str] = ()
    scheduled: bool = False
    resumable: bool = False
    instead_of: str = ""
    older: Value = None
    kept: bool = False

    @property
    def before(self) -> Value:
        """What a configuration means that was written before this knob was."""
        return self.default if self.older is None else self.older

    @property
    def allowed(self) -> str:
        """The allowed values in words: "a whole number of steps from 1 to 100"."""
        if self.kind is bool:
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind is str:
            return self.unit or "a name"
        if self.kind is int:
            unit = f" of {self.unit}" if self.unit else ""
            return f"a whole number{unit} from {self.low:,} to {self.high:,}"
        unit = f" of {self.unit}" if self.unit else ""
        number = f"a number{unit} from {self.low:g} to {self.high:g}"
        if not self.scheduled:
            return number
        return f"{number}, or a cosine by images between two, such as {schedules.EXAMPLE}"

    def parse(self, text: str) -> Value:
        """Returns the value that a flag's text stands for; raises ValueError in its words."""
        try:
            if self.kind is bool:
                return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
            if self.scheduled and "@" in text:
                return self.check(text)
            return self.check(self.kind(text))
        except (ValueError, KeyError, OverflowError):
            raise ValueError(self.refusal(text)) from None

    def check(self, value: Any) -> Value:
        """Returns the value, in the knob's own kind, if it is allowed; raises ValueError in the
        knob's words otherwise."""
        if hasattr(value, "item"):
            value = value.item()  # NumPy's numbers, of one value.
        elif self.kind is str and isinstance(value, os.PathLike):
            value = os.fspath(value)
        if value is None and self.default is None:
            return None
        if self.scheduled and isinstance(value, str):
            return self._check_schedule(value)
        if self.kind is float and type(value) is int:
            value = float(value)
        fits = type(value) is self.kind
        if fits and self.kind in (int, float):
            fits = self.low <= value <= self.high  # NaN fails both.
        elif fits and self.choices:
            fits = value in self.choices
        elif fits and self.kind is str:
            # Bytes of the command line that are no UTF-8 arrive as lone surrogates.
            fits = bool(value) and "\0" not in value and value.isprintable()
        if not fits:
            raise ValueError(self.refusal(value))
        return typing.cast(Value, value)

    def _check_schedule(self, text: str) -> Value:
        """A schedule in its one spelling; a number, if it does not change."""
        try:
            cosine = schedules.read(text)
        except ValueError:
            raise ValueError(self.refusal(text)) from None
        if not all(self.low <= each <= self.high for each in cosine[:2]):
            raise ValueError(self.refusal(text))
        return cosine.start if cosine.start == cosine.end else str(cosine)

    def refusal(self, value: object) -> str:
        """What to say of a value that is not allowed."""
        near = difflib.get_close_matches(str(value), self.choices, n=1)
        if isinstance(value, str) and not value.isprintable():
            return f"must be {self.allowed}, in printable characters"
        return f"must be {self.allowed}" + (f" (did you mean {near[0]}?)" if near else "")


def knob(default: Value, help: str, **limits: Any) -> Any:
    """Declares a knob as a dataclass field; see Knob for `limits`."""
    return dataclasses.field(default=default, metadata={"help": help, **limits})


def knobs(options: type) -> list[Knob]:
    """Returns the knobs of a dataclass, in the order of their declaration."""
    kinds = typing.get_type_hints(options)
    return [
        Knob(
            field.name,
            _kind(kinds[field.name]),
            typing.cast(Value, field.default),
            **field.metadata,
        )
        for field in dataclasses.fields(options)
    ]


def _kind(annotation: Any) -> type:
    """`int` for `int` and for `int | None`."""
    arguments = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    return typing.cast(type, arguments[0] if arguments else annotation)


def check_all(options: Any) -> None:
    """Gives every knob of a dataclass instance its own kind; InputError for the first one that is
    out of bounds."""
    for each in knobs(type(options)):
        value = getattr(options, each.name)
        try:
            # Frozen for everybody else: a path becomes a text here, NumPy's numbers Python's.
            object.__setattr__(options, each.name, each.check(value))
        except ValueError as refusal:
            shown = repr(value) if isinstance(value, str) and each.kind is not str else value
            raise InputError(f"--{each.name}={shown}: {refusal}") from None
