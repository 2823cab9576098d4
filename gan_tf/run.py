"""The composition root: from a `Config` to a trained, recorded and exported generator.

Below the commands only this module, `build` and `artefact` see a `Config`; whatever they
call takes plain arguments.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_tf import artefact, build, checkpoints, devices, files, images, run_directory, signals
from gan_tf.attempt import Attempt, epochs
from gan_tf.config import Config
from gan_tf.errors import InterruptedRunError, TrainingFailedError
from gan_tf.evaluation import Evaluation
from gan_tf.records import best, read_metrics

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Result:
    """Where a finished run has put what, and how it went.

    Attributes:
      run_dir: the run directory.
      samples: the last grid of samples, a PNG.
      evolution: the GIF of all grids.
      curves: losses and Fréchet distance over the steps, a PNG.
      export: the SavedModel's directory.
      steps: steps done in all, by the last attempt.
      executed: steps done by this call.
      seconds: seconds of training in all, of the last attempt.
      evaluation_seconds: seconds of them that went into evaluations.
      discriminator_accuracy: share that D tells right of all held-out reals and as many
        fresh fakes.
      held_out: how many reals that were.
      best: the metrics line of the best generator, which is what was exported; None where
        nothing was evaluated.
      last: the last metrics line.
      classifier: the name of what judged them.
      attempts: what is on record of each attempt that was given up.
    """

    run_dir: Path
    samples: Path
    evolution: Path
    curves: Path
    export: Path
    steps: int
    executed: int
    seconds: float
    evaluation_seconds: float
    discriminator_accuracy: float
    held_out: int
    best: dict[str, Any] | None
    last: dict[str, Any]
    classifier: str | None
    attempts: list[dict[str, Any]]


def train(config: Config) -> Result:
    """Trains the configuration, or goes on with it where its run directory stands.

    Raises:
      InputError: the data or the run directory cannot be used; nothing was changed.
      TrainingFailedError: the run turned out ill, and no attempt is left.
      InterruptedRunError: SIGINT or SIGTERM came; the state is saved.
    """
    directory = files.user_path("run_dir", str(config.resolved().run_dir))
    config = run_directory.with_its_precision(directory, config).resolved()
    run_directory.check(directory, config)
    read_metrics(directory / "metrics.jsonl")
    if config.deterministic:
        devices.compute_deterministically()
    reals, held_out = build.images(config)
    with run_directory.locked(directory):
        run_directory.check(directory, config)
        try:
            return _train_locked(config, directory, reals, held_out)
        except OSError as error:
            raise TrainingFailedError(_cannot_write(directory, error)) from None


def _train_locked(config: Config, directory: Path, reals: Pixels, held_out: Pixels) -> Result:
    """Trains in a run directory that is this process's alone, attempt after attempt."""
    judge = build.evaluation(config)
    with signals.deferred() as stop_requested:
        return _attempts(config, directory, reals, held_out, judge, stop_requested)


def _attempts(
    config: Config,
    directory: Path,
    reals: Pixels,
    held_out: Pixels,
    judge: Evaluation | None,
    stop_requested: Callable[[], bool],
) -> Result:
    """Makes attempts until one comes to its end, or none is left."""
    executed = 0
    while True:
        attempts = run_directory.attempts_given_up(directory)
        attempt = Attempt(config, len(attempts), directory, reals, held_out, judge)
        _announce(config, directory, reals, attempt, judge)
        verdict = None
        if attempt.step < attempt.total:
            run_directory.write_config(directory, config)
            with closing(attempt.records()) as records:
                verdict = attempt.train(records, stop_requested)
        else:
            _say(f"already at step {attempt.step:,}: a larger --steps or --epochs goes on")
        executed += attempt.loop.executed
        if verdict is None:
            return _finish(config, directory, attempt, executed, attempts, judge)
        record = {
            "attempt": attempt.number,
            "seed": config.of_attempt(attempt.number).seed,
            "step": attempt.step,
            "seconds": round(attempt.seconds, 3),
            "kind": verdict.kind,
            "reason": verdict.reason,
        }
        if config.on_collapse in ("stop", "ignore") or attempt.number >= config.max_restarts:
            files.write_text(
                directory / "result.json",
                json.dumps({"failed": True, "attempts": [*attempts, record]}, indent=2) + "\n",
            )
            raise TrainingFailedError(_failure(directory, record))
        run_directory.give_up(directory, attempt.number, record)
        back = config.on_collapse == "rollback" and (directory / run_directory.BEST).exists()
        _say(
            f"attempt {attempt.number + 2} of at most {config.max_restarts + 1}: "
            f"{'back to the best' if back else 'anew'} "
            f"with seed {config.of_attempt(attempt.number + 1).seed}"
        )
        if stop_requested():
            raise InterruptedRunError("stopped between two attempts; the same command goes on")


def _announce(
    config: Config, directory: Path, reals: Pixels, attempt: Attempt, judge: Evaluation | None
) -> None:
    """Says what is trained on what, where, and who judges it."""
    _say(
        f"{config.arch} on {config.dataset}: {len(reals):,} images, {attempt.total:,} steps of "
        f"{config.batch_size} images ({epochs(config, attempt.total, reals):.3g} epochs)"
    )
    _say(f"device: {devices.description()}, {config.precision}")
    if judge:
        _say(
            f"evaluation: {judge.reals:,} samples every {config.evaluate_every:,} "
            f"steps, judged by {judge.classifier.name}"
        )
    elif config.evaluate_every and config.generator_steps:
        _say(f"evaluation: none; --classifier=train makes a judge of {config.dataset}")
    resumed = f", resumed at step {attempt.step:,}" if attempt.step else ""
    _say(f"run directory: {directory}{resumed}")


def _finish(
    config: Config,
    directory: Path,
    attempt: Attempt,
    executed: int,
    attempts: list[dict[str, Any]],
    judge: Evaluation | None,
) -> Result:
    """Exports the best generator, draws the run and records its result."""
    export = artefact.export_best(config, directory)  # What counts comes first.
    grids = list(run_directory.grids(directory).values())
    curves, evolution = directory / "curves.png", directory / "samples.gif"
    everything = read_metrics(directory / "metrics.jsonl")
    lines = [
        line
        for line in everything
        if line["attempt"] == attempt.number and line["step"] <= attempt.step
    ]
    images.write_curves(curves, lines)
    images.write_gif(evolution, grids)
    result = Result(
        run_dir=directory,
        samples=grids[-1] if grids else run_directory.grid(directory, attempt.step),
        evolution=evolution,
        curves=curves,
        export=export,
        steps=attempt.step,
        executed=executed,
        seconds=attempt.seconds,
        evaluation_seconds=sum(line.get("evaluation_seconds", 0.0) for line in lines),
        discriminator_accuracy=attempt.measure.accuracy(),
        held_out=attempt.measure.held_out,
        best=best(everything),
        last=lines[-1] if lines else {},
        classifier=judge.classifier.name if judge else None,
        attempts=attempts,
    )
    content = dataclasses.asdict(result)
    content = {n: str(v) if isinstance(v, Path) else v for n, v in content.items()}
    files.write_text(directory / "result.json", json.dumps(content, indent=2) + "\n")
    return result


def _cannot_write(directory: Path, error: OSError) -> str:
    """What is said when the disk is full, or fails."""
    saved = checkpoints.paths(directory / "checkpoints")
    remains = f"step {max(saved):,} is saved" if saved else "no checkpoint was saved"
    return (
        f"{error.filename or directory}: {error.strerror or error}; {remains}, and the same "
        "command goes on"
    )


def _failure(directory: Path, record: dict[str, Any]) -> str:
    """What is said of a run that has no attempt left."""
    good = list(checkpoints.paths(directory / "checkpoints").values())
    kept = best(read_metrics(directory / "metrics.jsonl"))
    remains = (
        f"the best generator, of attempt {kept['attempt'] + 1}, step {kept['step']:,} (Fréchet "
        f"distance {kept['frechet_distance']:.2f}), is kept: python -m gan_tf.export "
        f"--run_dir={directory}"
        if kept
        else f"the last good checkpoint is {good[-1]}"
        if good
        else "no checkpoint was saved"
    )
    return (
        f"{record['kind']} at step {record['step']:,} of attempt {record['attempt'] + 1}: "
        f"{record['reason']}; {remains}; lower learning rates are the usual remedy"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
