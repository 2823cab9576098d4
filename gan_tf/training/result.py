"""How a run ended, and what is said of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import resource
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_tf.evaluation import copies
from gan_tf.evaluation.figures import COPIES, LIKELIHOOD
from gan_tf.host import files
from gan_tf.host.errors import TrainingFailedError
from gan_tf.training import metrics, reporting, resume, run_directory

_OF_THE_BEST = ("step", "frechet_distance")  # Version 0.1.0 counted attempts from 0.


@dataclasses.dataclass(frozen=True)
class Result:
    """Where a finished run has put what, and how it went.

    Attributes:
      run_dir: the run directory.
      samples: the last grid of samples, a PNG.
      evolution: the GIF of all grids.
      curves: losses and Fréchet distance over the steps, a PNG.
      report: the page that shows the run, HTML; None where it could not be written.
      export: the SavedModel's directory; None where none was asked for.
      steps: steps done in all, by the last attempt.
      executed: steps done by this call.
      parameters: learned parameters of the generator and of the discriminator.
      batch_size: reals in a batch.
      seconds: seconds of training in all, of the last attempt.
      evaluation_seconds: seconds of them that went into evaluations.
      discriminator_accuracy: share that D classifies correctly of held-out reals and as many
        fresh fakes.
      held_out: how many reals that were.
      in_pairs: whether it is the share of pairs in which D puts the real above the fake.
      best: the metrics line of the best generator, which is what is exported; None where nothing
        was evaluated.
      last: the last metrics line.
      classifier: the name of what judged them.
      judges: the `--classifier` of the run; None where nothing was judged.
      judged: how many samples it judged each time.
      health: what is wrong with where it ended, in words; None if nothing is.
      stopped: why it ended before its length, in words; None if it did not.
      attempts: what is on record of each attempt that was given up.
    """

    run_dir: Path
    samples: Path
    evolution: Path
    curves: Path
    report: Path | None
    export: Path | None
    steps: int
    executed: int
    parameters: dict[str, int]
    batch_size: int
    seconds: float
    evaluation_seconds: float
    discriminator_accuracy: float
    held_out: int
    in_pairs: bool
    best: dict[str, Any] | None
    last: dict[str, Any]
    classifier: str | None
    judges: str | None
    judged: int
    health: str | None
    stopped: str | None
    attempts: list[dict[str, Any]]

    def _of_d(self) -> str:
        share, number = f"{100 * self.discriminator_accuracy:.2f} %", f"{self.held_out:,}"
        if self.in_pairs:
            return f"D puts {share} of {number} held-out images above a fresh fake"
        return f"D classifies {share} correctly of {number} held-out images and as many fakes"

    def _of_judge(self, likelihood: bool) -> str:
        if likelihood:
            return "(Parzen window), in nats, the mean over held-out images"
        more = "; the 10,000 of gan_tf.evaluate score lower" if self.judged < 10_000 else ""
        return f"({self.classifier}){more}"

    def as_dict(self) -> dict[str, Any]:
        """Returns all of it as JSON has it."""
        values = dataclasses.asdict(self).items()
        return {name: str(v) if isinstance(v, Path) else v for name, v in values}

    def write(self) -> None:
        """Writes result.json, unless a sound one is there and says of the export of now, if there
        is any, what is said here; what that says of the training stays."""
        path, content = self.run_dir / "result.json", self.as_dict()
        with contextlib.suppress(OSError, ValueError, AttributeError, LookupError, TypeError):
            known = files.parse_json(path.read_bytes())
            if self.export is None:
                return
            bests = [each or {} for each in (known["best"], self.best)]
            is_same = Path(known["export"] or "").name == self.export.name
            if is_same and all(bests[0].get(n) == bests[1].get(n) for n in _OF_THE_BEST):
                return
            if known["steps"] == self.steps:
                content |= known | {name: content[name] for name in ("export", "best")}
        publish(self.run_dir, content)

    def __str__(self) -> str:
        """What a person reads at the end of a run."""
        speed = self.steps * self.batch_size / self.seconds if self.seconds else 0.0
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        said = [
            f"{self.steps:,} steps ({self.executed:,} of them now) in {self.seconds / 60:.1f} min, "
            f"{speed:,.0f} images/s, peak memory {memory:.2f} GiB",
            self._of_d(),
        ]
        if self.best:
            took = self.evaluation_seconds
            share = 100 * took / self.seconds if self.seconds else 0.0
            judged = metrics.is_judged(self.last)
            last = metrics.value(self.last) if judged else "not evaluated"
            said += [
                f"best generator: attempt {self.best['attempt']}, step {self.best['step']:,}, "
                f"{metrics.words(self.best)}; the last: {last}",
            ]
            if self.judged:  # Else it was evaluated before, and by what is not known here.
                said.append(
                    f"  of {self.judged:,} samples {self._of_judge(LIKELIHOOD in self.best)}"
                )
            said += [
                f"  evaluations took {took:.1f} s, {share:.1f} % of the training",
            ]
        place = shlex.quote(str(self.run_dir))
        if self.best and self.best.get(COPIES, 0.0) >= copies.COPYING:
            said += [
                f"copies: {100 * self.best[COPIES]:.1f} % of its samples are like copies of "
                "training images; to see them:",
                f"  python -m gan_tf.evaluate --run_dir={place} --copies=copies.png",
            ]
        if self.stopped:
            said.append(self.stopped)
        if self.health:
            said.append(f"health: {self.health}; lower learning rates are the usual remedy")
        paths = {
            "report": self.report,
            "samples": self.samples,
            "SavedModel": self.export,
            "run directory": self.run_dir,
        }
        said += ["", *(f"  {name:<14} {path}" for name, path in paths.items() if path)]
        return "\n".join([*said, "", "next:", *(f"  {each}" for each in self._next())])

    def _next(self) -> Iterator[str]:
        """Yields the commands that go on from here."""
        place = shlex.quote(str(self.run_dir))
        if not self.export:
            yield f"python -m gan_tf.export --run_dir={place}"
            return
        yield f"python -m gan_tf.sample --run_dir={place} --output=samples.png"
        if self.judges:
            judge = "" if self.judges == "auto" else f" --classifier={self.judges}"
            yield f"python -m gan_tf.evaluate --run_dir={place}{judge}"
        yield f"python -m gan_tf.report --run_dirs={place}"


def publish(directory: Path, content: dict[str, Any]) -> None:
    """Publishes a run's result.json. Its page goes first: it may be of another result, or be one
    that was asked for while the run still went on."""
    (directory / reporting.NAME).unlink(missing_ok=True)
    files.write_text(directory / "result.json", json.dumps(content, indent=2) + "\n")


def cannot_write(directory: Path, error: OSError) -> str:
    """What is said when the disk is full, or fails."""
    saved = resume.paths(directory / run_directory.CHECKPOINTS)
    remains = f"step {max(saved):,} is saved" if saved else "no checkpoint was saved"
    return (
        f"{error.filename or directory}: {error.strerror or error}; {remains}, and the same "
        "command goes on"
    )


def check_result(directory: Path, attempt: int, step: int) -> None:
    """Raises TrainingFailedError if what a run came to is a failure, beyond the step of an attempt
    at which it is to end now: what lies there is of the longer run."""
    record = run_directory.failed(directory)
    if record and (record["attempt"], record["step"]) > (attempt, step):
        raise TrainingFailedError(f"a longer run here failed: {failure(directory, record)}")


def failure(directory: Path, record: dict[str, Any]) -> str:
    """What is said of a run that has no attempt left."""
    good = list(resume.paths(directory / run_directory.CHECKPOINTS).values())
    kept = metrics.best(metrics.read_metrics(directory / "metrics.jsonl"))
    remains = (
        f"the best generator, of attempt {kept['attempt']}, step {kept['step']:,} "
        f"({metrics.words(kept)}), is kept: python -m gan_tf.export "
        f"--run_dir={shlex.quote(str(directory))}"
        if kept
        else f"the last good checkpoint is {good[-1]}"
        if good
        else "no checkpoint was saved"
    )
    return (
        f"{record['kind']} at step {record['step']:,} of attempt {record['attempt']}: "
        f"{record['reason']}; {remains}; lower learning rates are the usual remedy"
    )
