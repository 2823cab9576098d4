"""Reports of runs: what is gathered of them, drawn for them, and written."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gan_tf import __version__
from gan_tf.host import process
from gan_tf.host.files import write_text
from gan_tf.host.progress import shown
from gan_tf.report import comparison, page
from gan_tf.report.account import Account, Pixels
from gan_tf.training import accounts

NAME = "report.html"  # In a run directory.
_EVERY = 15  # Seconds between two reports of a run that goes on; page.js reads it as often.
_WORTH_DRAWING = 60.0  # Seconds of training, beside which it does not matter what is drawn then.
_DRAWN = 12  # Runs of which samples are drawn anew, each of which takes a second.
_SAMPLES = 36


def write(run_dir: Path, output: Path, *, training_images: bool) -> None:
    """Publishes the report of a run, with what its newest export draws.

    Args:
      run_dir: the run directory.
      output: the HTML file.
      training_images: whether it may hold images that the run was trained on.

    Raises:
      InputError: it is no run directory.
    """
    account = accounts.read(run_dir)
    if _has_export(run_dir):
        process.start_tensorflow()
        from gan_tf.training import showing

        account = showing.with_drawings(account, run_dir, training_images=training_images)
    write_text(output, page.page(account, _made()))


def write_at_the_end(run_dir: Path) -> Path | None:
    """Publishes a run's report in its own directory, if there is none; returns where, or None
    after one line of warning if that fails: the run itself has ended, and nothing depends on this.

    No training images are in it: nobody asked for them to be in a file that may be passed on.
    """
    output = run_dir / NAME
    if output.exists():
        return output
    try:
        account = accounts.read(run_dir)
        if account.seconds >= _WORTH_DRAWING and _has_export(run_dir):
            from gan_tf.training import showing

            account = showing.with_drawings(account, run_dir, training_images=False)
        write_text(output, page.page(account, _made()))
    except Exception as error:  # Whatever it is, a page must not cost the run its result.
        reason = " ".join(str(error).split()) or type(error).__name__
        print(f"warning: {output} was not written: {reason}", file=sys.stderr, flush=True)
        return None
    return output


def watch(run_dir: Path, output: Path) -> None:
    """Publishes the report of a run again and again until the run ends, or Ctrl-C comes."""
    while True:
        account = accounts.read(run_dir)
        goes_on = account.state == "under way"
        write_text(output, page.page(account, _made(), watched=goes_on))
        if not goes_on:
            return
        for _ in range(_EVERY):
            time.sleep(1.0)
            if not accounts.goes_on(run_dir):
                break


def compare(run_dirs: Sequence[Path], output: Path) -> None:
    """Publishes the report of several runs side by side.

    Raises:
      InputError: one of them is no run directory.
    """
    found = [accounts.read(each) for each in shown(run_dirs, "reading", len(run_dirs))]
    names = [each.name for each in found]
    named: list[Account] = [
        replace(each, name=str(path)) if names.count(each.name) > 1 else each
        for each, path in zip(found, run_dirs, strict=True)
    ]
    samples = _samples(run_dirs) if len(run_dirs) <= _DRAWN else {}
    write_text(output, comparison.comparison(named, _made(), samples))


def _samples(run_dirs: Sequence[Path]) -> dict[int, Pixels]:
    """Samples of the same seed of each run that has an export, by its place."""
    exported = {at: each for at, each in enumerate(run_dirs) if _has_export(each)}
    if not exported:
        return {}
    process.start_tensorflow()
    from gan_tf.training import showing

    found = {
        at: showing.samples(exported[at], _SAMPLES)
        for at in shown(list(exported), "sampling", len(exported))
    }
    return {at: pixels for at, pixels in found.items() if pixels is not None}


def _has_export(run_dir: Path) -> bool:
    return any(each.name.isdecimal() for each in run_dir.glob("export/*"))


def _made() -> str:
    when = time.strftime("%Y-%m-%d %H:%M")
    return f"Made by gan_tf {__version__} on {when}. Charts: uPlot 1.6.32, MIT licence."
