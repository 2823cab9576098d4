"""The composition root: from a `Config` to a trained, recorded and exported generator.

Below the commands only this module, `build` and `artefact` see a `Config`; whatever they
call takes plain arguments.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf import (
    artefact,
    build,
    checkpoints,
    data,
    devices,
    files,
    images,
    latents,
    run_directory,
    signals,
)
from gan_tf.config import Config
from gan_tf.errors import InputError, InterruptedRunError, TrainingFailedError
from gan_tf.loop import Loop, NotFiniteError
from gan_tf.measure import Measure
from gan_tf.records import Progress, Records, read_metrics
from gan_tf.steps import Game

_GRID_IMAGES = 64
_SECONDS = "timing/seconds"  # In a checkpoint, the one array that no two runs share.


@dataclass(frozen=True)
class Result:
    """Where a finished run has put what.

    Attributes:
      run_dir: the run directory.
      samples: the last grid of samples, a PNG.
      evolution: the GIF of all grids.
      curves: losses over the steps, a PNG.
      export: the SavedModel's directory.
      steps: steps done in all.
      executed: steps done by this call.
      seconds: seconds of training in all.
      discriminator_accuracy: share that D tells right of all held-out reals and as many
        fresh fakes.
      held_out: how many reals that were.
    """

    run_dir: Path
    samples: Path
    evolution: Path
    curves: Path
    export: Path
    steps: int
    executed: int
    seconds: float
    discriminator_accuracy: float
    held_out: int


def train(config: Config) -> Result:
    """Trains the configuration, or goes on with it where its run directory stands.

    Raises:
      InputError: the data or the run directory cannot be used; nothing was changed.
      TrainingFailedError: a metric was not finite; the last good checkpoint is named.
      InterruptedRunError: SIGINT or SIGTERM came; the state is saved.
    """
    directory = files.user_path("run_dir", str(config.resolved().run_dir))
    config = run_directory.with_its_precision(directory, config).resolved()
    run_directory.check(directory, config)
    reals, held_out = _load(config)
    with run_directory.locked(directory):
        return _train_locked(config, directory, reals, held_out)


def _train_locked(
    config: Config,
    directory: Path,
    reals: npt.NDArray[np.uint8],
    held_out: npt.NDArray[np.uint8],
) -> Result:
    """Trains in a run directory that is this process's alone."""
    run_directory.check(directory, config)
    game = build.game(config, reals)
    loop = Loop(game.step, game.state, reals, config.discriminator_steps, config.batch_size)
    step, seconds = _restore(directory, loop.variables)
    total = config.total_steps(len(reals))
    _say(
        f"{config.arch} on {config.dataset}: {len(reals):,} images, {total:,} steps of "
        f"{config.batch_size} images ({_epochs(config, total, reals):.3g} epochs)"
    )
    _say(f"device: {devices.description()}, {config.precision}")
    _say(f"run directory: {directory}{f', resumed at step {step:,}' if step else ''}")
    draw = latents.LATENTS[config.latents]
    measure = Measure(game.state, held_out, draw, config.latent_dim, config.seed, config.loss)
    if step < total:
        run_directory.write_config(directory, config)
        with closing(
            Records(directory, step, config.log_every, config.batch_size, seconds)
        ) as records:
            _train(config, directory, game, loop, measure, records, reals)
            seconds = records.seconds
    else:
        _say(f"already at step {step:,}: a larger --steps or --epochs goes on")
    export = artefact.export_newest(config, directory)  # What counts comes first.
    grids = sorted((directory / "samples").glob("step-*.png"))
    curves, evolution = directory / "curves.png", directory / "samples.gif"
    images.write_curves(curves, read_metrics(directory / "metrics.jsonl"))
    images.write_gif(evolution, grids)
    result = Result(
        run_dir=directory,
        samples=grids[-1] if grids else _grid_path(directory, step),
        evolution=evolution,
        curves=curves,
        export=export,
        steps=max(step, total),
        executed=loop.executed,
        seconds=seconds,
        discriminator_accuracy=measure.accuracy(),
        held_out=len(held_out),
    )
    content = {n: str(v) if isinstance(v, Path) else v for n, v in vars(result).items()}
    files.write_text(directory / "result.json", json.dumps(content, indent=2) + "\n")
    return result


def _load(config: Config) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Returns the images to train on, and those that no step sees."""
    manual_dir = Path(config.manual_dir) if config.manual_dir else None
    data_dir = Path(str(config.data_dir))
    reals = data.load(config.dataset, data_dir, manual_dir).images
    if not config.validation_images:
        try:
            return reals, data.load(config.dataset, data_dir, manual_dir, "test").images
        except InputError as error:
            raise InputError(f"{error}; --validation_images=1000 keeps some apart") from None
    if config.validation_images >= len(reals):
        raise InputError(
            f"--validation_images={config.validation_images}: must leave some of the "
            f"{len(reals):,} images of {config.dataset} to train on"
        )
    return reals[: -config.validation_images], reals[-config.validation_images :]


def _restore(directory: Path, variables: dict[str, tf.Variable]) -> tuple[int, float]:
    """Restores the newest checkpoint, if there is one; returns the step to go on from and the
    seconds of training behind it."""
    found = checkpoints.load_newest(directory / "checkpoints")
    if found is None:
        return 0, 0.0
    step, arrays = found
    seconds = float(arrays.pop(_SECONDS, np.float64(0.0)))
    if {n: a.shape for n, a in arrays.items()} != {n: v.shape for n, v in variables.items()}:
        raise InputError(f"{directory}: its checkpoints hold other networks than --arch builds")
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return step, seconds


def _train(
    config: Config,
    directory: Path,
    game: Game,
    loop: Loop,
    measure: Measure,
    records: Records,
    reals: npt.NDArray[np.uint8],
) -> None:
    """Runs the steps that are left, with logs, pictures and checkpoints at their cadence."""
    k, batch = config.discriminator_steps, config.batch_size
    total = config.total_steps(len(reals))
    seed = latents.stream_seed(config.seed, latents.GRID_STREAM)
    grid_latents = latents.LATENTS[config.latents]((_GRID_IMAGES, config.latent_dim), seed)

    def batches(first: int, steps: int) -> npt.NDArray[np.int32]:
        indices = data.batch_indices(first * k, steps * k, batch, len(reals), config.seed)
        return indices.reshape(steps, k, batch)

    def draw_grid(step: int) -> None:
        fakes = game.state.ema_generator(grid_latents, training=False).numpy()
        images.write_grid(_grid_path(directory, step), data.unscale(fakes))

    def save(step: int) -> None:
        arrays = {name: variable.numpy() for name, variable in loop.variables.items()}
        # A weight or a moment can overflow in a step whose metrics were still finite.
        if names := [name for name, array in arrays.items() if not np.isfinite(array).all()]:
            raise NotFiniteError(step, names[:1])
        arrays[_SECONDS] = np.float64(records.seconds)
        checkpoints.save(directory / "checkpoints", step, arrays, config.keep_checkpoints)

    first = int(game.state.step.numpy())
    if first == 0:
        draw_grid(0)
    pauses = (config.log_every, config.sample_every, config.checkpoint_every)
    with signals.deferred() as stop_requested, closing(Progress(first, total)) as progress:
        try:
            for step in loop.run_until(total, batches, pauses):
                progress.update(step)
                if step % config.log_every == 0 or step == total:
                    means = loop.means(step % config.log_every or config.log_every)
                    epoch = _epochs(config, step, reals)
                    progress.show(records.append(step, epoch, means | measure(step)))
                if step % config.log_every == 0:
                    loop.reset()
                if step % config.sample_every == 0 or step == total:
                    draw_grid(step)
                if step % config.checkpoint_every == 0 or step == total or stop_requested():
                    save(step)
                if stop_requested() and step < total:
                    raise InterruptedRunError(
                        f"saved at step {step:,} of {total:,}; the same command goes on from there"
                    )
        except NotFiniteError as error:
            step, names = error.args
            good = list(checkpoints.paths(directory / "checkpoints").values())
            last = f"the last good checkpoint is {good[-1]}" if good else "no checkpoint was saved"
            raise TrainingFailedError(
                f"{' and '.join(names)} not finite at step {step:,}; {last}; lower learning rates "
                "are the usual remedy"
            ) from None


def _grid_path(directory: Path, step: int) -> Path:
    return directory / "samples" / f"step-{step:08d}.png"


def _epochs(config: Config, step: int, reals: npt.NDArray[np.uint8]) -> float:
    """Passes over the reals after so many steps, counting every batch that D saw."""
    return step * config.discriminator_steps * config.batch_size / len(reals)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
