"""When a run ends before its length, because no evaluation found a better generator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gan_tf.evaluation.figures import distance
from gan_tf.training.metrics import Line, is_judged, read_metrics
from gan_tf.training.run_directory import lasting_at, read_content


def waited(lines: Sequence[Line]) -> int:
    """Returns how many evaluations came after that of the best generator, the first such one; 0
    without any.

    Args:
      lines: lines of metrics, oldest first; those without an evaluation do not count.
    """
    distances = [distance(line) for line in filter(is_judged, lines)]
    return len(distances) - 1 - distances.index(min(distances)) if distances else 0


def waited_until(directory: Path, attempt: int, step: int) -> int:
    """Returns the same of what a run directory says of an attempt that stands at a step; 0 where
    no evaluation was due but because the run ended: it did not wait for that one."""
    lines = read_metrics(directory / "metrics.jsonl")
    lines = [each for each in lines if each["attempt"] == attempt and each["step"] <= step]
    lasting = lasting_at(directory, attempt, step)
    if lasting is not None:
        was_due = "evaluation" in lasting
    else:
        # As the run was until now; it may be going on with other cadences.
        every = read_content(directory)["config"].get("evaluate_every")
        was_due = bool(every) and step % every == 0
    return waited(lines) if was_due else 0


def words(number: int, step: int, total: int) -> str:
    """What is said of a run that ends at `step` after so many evaluations."""
    return (
        f"patience: no better generator in {number} evaluations, so the run ends at step {step:,} "
        f"of {total:,}; a larger --patience, or 0, goes on"
    )
