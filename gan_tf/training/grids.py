"""The grids of samples of a run: where they lie, and how many are kept."""

from __future__ import annotations

from pathlib import Path

from gan_tf.host import files

_MOST = 100


def path(directory: Path, step: int) -> Path:
    """Returns where the grid of samples of a step lies."""
    return directory / "samples" / f"step-{step:08d}.png"


def found(directory: Path) -> dict[int, Path]:
    """Returns {step: path} of the grids of samples, oldest first."""
    return files.by_step(directory / "samples", ".png")


def spacing(every: int, step: int) -> int:
    """Returns the steps between two grids that are kept at a step: their spacing doubles whenever
    there would be more than 100. It depends on the step alone, so a resumed run keeps the same."""
    steps = every
    while step // steps > _MOST:
        steps *= 2
    return steps


def thin(directory: Path, every: int, step: int) -> None:
    """Removes the grids that are too many at a step; see `spacing`. Those at steps that are none of
    this cadence, drawn before a resume, stay."""
    kept = spacing(every, step)
    for drawn, picture in found(directory).items():
        if drawn % every == 0 and drawn % kept and drawn != step:
            picture.unlink(missing_ok=True)


def forget(directory: Path, step: int, *, lasts: bool) -> None:
    """Removes the grids of later steps, which will be drawn again, and that of this step unless it
    lasts: it was drawn only because a run ended here."""
    for drawn, picture in found(directory).items():
        if drawn > step or (drawn == step and not lasts):
            picture.unlink()
