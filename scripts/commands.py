"""Commands of the package, run by scripts as a user would run them."""

from __future__ import annotations

import shlex
import subprocess
import sys

from gan_tf.host.errors import InputError, InterruptedRunError, TrainingFailedError

FAILED = TrainingFailedError.status


def flags_in(text: str | None) -> list[str]:
    """Returns what a script's own --flags holds; InputError if a quote in it has no end."""
    try:
        return shlex.split(text or "")
    except ValueError as problem:
        raise InputError(f"--flags={text}: {problem}; quote each part whole") from problem


def run(module: str, *flags: str) -> int:
    """Runs a command of the package to its end, and returns its status if a training failed. What
    it prints goes to standard error."""
    command = [sys.executable, "-m", f"gan_tf.{module}", *flags]
    with subprocess.Popen(command, stdout=sys.stderr) as child:
        try:
            status = child.wait()
        except KeyboardInterrupt:
            child.wait()  # It got the signal, too, and saves first.
            raise
    if status == InterruptedRunError.status:
        raise InterruptedRunError("the run was interrupted and saved; the same command goes on")
    if status and (module, status) != ("train", FAILED):
        raise TrainingFailedError(f"{' '.join(command[2:])} failed with status {status}")
    return status
