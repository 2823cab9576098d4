"""From a dataclass of knobs to a command: absl flags, `--help`, errors of one line.

absl parses, so `--flagfile` and the last of two equal flags work as in every absl
program; help and errors are worded here, because absl lists only the main module's
flags, exits 1 and takes two lines.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import io
import itertools
import os
import re
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

from absl import flags

from gan_tf.config import presets
from gan_tf.config.knobs import Knob, check_all, knobs
from gan_tf.host import process
from gan_tf.host.errors import (
    InputError,
    InterruptedRunError,
    InterruptedStartError,
    TrainingFailedError,
)

Options = TypeVar("Options")

# A path that cannot be is the user's to mend; a full or failing disk is not.
_WRONG_PATHS = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}

_LESS = "fewer images at once may fit, as by a smaller --num or --batch_size"


def run(main: Callable[[Options], str], options: type[Options], description: str) -> int:
    """Parses the command line, calls `main` and prints what it returns; returns the exit status.

    An expected failure becomes one line on standard error; a fault of the program
    keeps its traceback.
    """
    process.open_standard_streams()
    argv = sys.argv[1:]
    spec = getattr(sys.modules["__main__"], "__spec__", None)  # None unless run by `-m`.
    # A folder that is a command has it in its `__main__`.
    name = spec.name.removesuffix(".__main__") if spec else Path(sys.argv[0]).name
    try:
        process.require_linux()
        if {"-h", "--help", "-help", "--helpfull"} & set(argv):
            program = f"python -m {name}" if spec else f"python {sys.argv[0]}"
            said = _usage(options, program, description)
        else:
            said = main(parse(options, argv))
    except (
        InputError,
        TrainingFailedError,
        InterruptedRunError,
        InterruptedStartError,
    ) as error:
        return _fail(name, str(error), error.status)
    except KeyboardInterrupt:  # In a program of one's own.
        return _fail(name, "interrupted", 128 + signal.SIGINT)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            reason = "a part of this path is a file, not a directory"
        place = f"{error.filename}: " if error.filename else ""
        return _fail(name, place + reason, 2 if error.errno in _WRONG_PATHS else 1)
    except process.out_of_memory() as error:  # NumPy's and TensorFlow's say how much was wanted.
        said = re.sub(r".*(?=OOM when)| on /job.*|\n.*", "", str(error), flags=re.DOTALL)
        wanted = f": {said}" if said else ""
        return _fail(name, f"not enough memory{wanted}; {_LESS}", 1)
    return _print(name, said.removesuffix("\n"))


def _print(name: str, text: str) -> int:
    """Prints while it can still be said that this failed; returns the exit status."""
    try:
        print(text, flush=True)
    except OSError as error:
        _discard(sys.stdout)
        if isinstance(error, BrokenPipeError):
            return 0  # A `head`, say, has read enough.
        return _fail(name, f"standard output: {error.strerror}", 1)
    return 0


def _fail(name: str, reason: str, status: int) -> int:
    """Says why on standard error, if it is open; returns the exit status."""
    try:
        print(f"{name}: {_one_line(reason)}", file=sys.stderr)
    except OSError:
        _discard(sys.stderr)
    return status


def _discard(stream: TextIO) -> None:
    """Throws away what a stream still holds: Python would try to write it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _one_line(text: str) -> str:
    """The text without line breaks, nor anything else that a terminal would obey."""
    return "".join(
        each if each.isprintable() else repr(each)[1:-1] for each in " ".join(text.split())
    )


def parse(options: type[Options], argv: Sequence[str]) -> Options:
    """Returns the options that `argv` (without the program's name) gives.

    Raises:
      InputError: for an unknown flag, a value out of bounds or a stray argument.
    """
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    for knob in knobs(options):
        flags.DEFINE_flag(
            flags.Flag(
                _Parser(knob),
                flags.ArgumentSerializer(),
                knob.name,
                knob.default,
                knob.help,
                boolean=knob.kind is bool,
            ),
            values,
        )
    if any(each.lstrip("-") == "flagfile=" for each in argv):
        raise InputError("--flagfile=: must name a file")
    try:
        with contextlib.redirect_stderr(io.StringIO()) as warnings:
            argv = values.read_flags_from_files(list(argv), force_gnu=False)
            expanded = values.read_flags_from_files(_with_presets(argv), force_gnu=False)
            _, *rest = values(["", *expanded])
    except flags.UnrecognizedFlagError as error:
        near = difflib.get_close_matches(error.flagname, list(values), n=1)
        hint = f"did you mean --{near[0]}? " if near else ""
        given = (each for each in argv if each.lstrip("-").startswith(error.flagname))
        shown = next(given, f"--{error.flagname}")  # Not among them, it is from a flag file.
        raise InputError(f"{shown}: no such flag; {hint}--help lists them") from None
    except flags.CantOpenFlagFileError as error:
        cause = error.__context__
        reason = (
            f"--flagfile={cause.filename}: {cause.strerror}"
            if isinstance(cause, OSError)
            else error
        )
        raise InputError(str(reason)) from None
    except UnicodeDecodeError:
        files = " or ".join(each for each in argv if "flagfile" in each)
        raise InputError(f"{files}: a flag file must be UTF-8 text, one flag a line") from None
    except (flags.Error, ValueError) as error:
        reason = str(error).removeprefix("flag ").removeprefix("ERROR:: ")
        reason = re.sub("^Missing value for flag (.*)$", r"\1: must have a value", reason)
        raise InputError(reason) from None
    if warnings.getvalue():
        raise InputError(f"--flagfile={warnings.getvalue().split()[-1]}: includes itself")
    if rest and rest[0].startswith("\ufeff"):
        raise InputError("a flag file must begin with a flag, and not with a byte order mark")
    if rest:
        raise InputError(
            f"{rest[0]!r}: a flag must look like --name=value, a comment in a flag file "
            "must begin in its line's first column"
        )
    chosen = {knob.name: values[knob.name].value for knob in knobs(options)}
    for knob in knobs(options):
        if knob.instead_of and _last(expanded, knob.name) > _last(expanded, knob.instead_of):
            chosen[knob.instead_of] = values[knob.instead_of].default
    parsed = options(**chosen)
    check_all(parsed)
    return parsed


def _last(argv: Sequence[str], name: str) -> int:
    """The place of a flag among the arguments, the last one's; -1 if it is not there."""
    places = [i for i, each in enumerate(argv) if re.fullmatch(rf"--?{name}(=.*)?", each)]
    return max(places, default=-1)


def _with_presets(argv: Sequence[str]) -> list[str]:
    """The arguments, with a preset's flag file behind the flag that names it."""
    found: list[str] = []
    for before, argument in itertools.pairwise(["", *argv]):
        found.append(argument)
        match = re.fullmatch(r"--?preset=(.+)", argument)
        name = match[1] if match else argument if before in ("--preset", "-preset") else ""
        if name in presets.NAMES:
            found.append(f"--flagfile={presets.path(name)}")
    return found


class _Parser(flags.ArgumentParser):  # type: ignore[type-arg]
    """Lets a knob read its own flag."""

    def __init__(self, knob: Knob) -> None:
        self._knob = knob

    def parse(self, argument: Any) -> Any:
        return self._knob.parse(argument) if isinstance(argument, str) else argument

    def flag_type(self) -> str:
        return self._knob.kind.__name__


def _usage(options: type, program: str, description: str) -> str:
    """The text of `--help`, at 80 columns: every flag with its bounds, unit and default, then
    what the description says after its first line."""
    summary, *more = description.strip().split("\n\n")
    lines = [
        f"usage: {program} [--flag=value ...]",
        "",
        *textwrap.wrap(summary, 79),
        "",
        "The last of two equal flags wins. Flags can stand in a file, one a line:",
        "--flagfile=FILE.",
        "",
    ]
    for knob in knobs(options):
        default = "" if knob.default is None else f" Default {str(knob.default).lower()}."
        text = f"{knob.help} {knob.allowed[0].upper()}{knob.allowed[1:]}.{default}"
        lines.append(f"  --{knob.name}")
        lines += textwrap.wrap(text, 79, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join([*lines, *(f"\n{paragraph}" for paragraph in more)])
