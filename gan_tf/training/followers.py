"""What the workers do that are not the chief: the same steps, and a share of each evaluation.

The chief decides what is trained, from which state, how many steps at a time and when it ends; it
alone reads and writes the run directory. So it does not matter whether the others see it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.dataset import Dataset, Description
from gan_tf.game.rules import Game
from gan_tf.game.step import step
from gan_tf.host import process, signals
from gan_tf.host.errors import InputError
from gan_tf.training import build, sharing
from gan_tf.training.loop import Loop
from gan_tf.workers.team import Team


def lead(team: Team, attempt: int, loop: Loop) -> None:
    """Gives all workers the state that an attempt stands at; the chief's part of `follow`."""
    arrays = {name: variable.numpy() for name, variable in loop.variables.items()}
    team.tell({"attempt": attempt}, arrays)


def propose(team: Team, config: Config, data: Dataset) -> None:
    """Tells all workers what is trained on what; the chief's part of `agree`.

    Raises:
      InputError: a worker has other images, or another kind of device.
    """
    about = data.description
    team.tell({"config": config.to_json(), "data": [about.name, about.digest]})
    mine = _about(data)
    for rank, theirs in enumerate(team.hear(), start=1):
        for name, value in mine.items():
            if theirs[name] != value:
                raise InputError(
                    f"{team.place.name(rank)} has another {name} ({theirs[name]}) than "
                    f"{team.place.name(0)} ({value}); all workers must have the same"
                )


def check_networks(game: Game) -> None:
    """Raises InputError if a layer would see the rows of one worker alone, where our own layers see
    the global batch."""
    for player in (game.state.generator, game.state.discriminator):
        for layer in _layers(player.network):
            mixes = isinstance(layer, keras.layers.BatchNormalization)
            if (mixes or hasattr(layer, "seed_generator")) and _is_of_keras(layer):
                raise InputError(
                    f"several workers: {type(layer).__name__} in the {player.network.name} would "
                    "see the images of one worker alone; take the layer of that name from "
                    "gan_tf.models.layers, or train as one process"
                )


def _layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in network.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _is_of_keras(layer: keras.layers.Layer) -> bool:
    return type(layer).__module__.split(".")[0] == "keras"


def follow(config: Config, team: Team) -> int:
    """Trains what the chief tells until the run is done; returns how many steps that were.

    Args:
      config: what this worker was started with, for where its data lie.
      team: the workers.

    Raises:
      InterruptedRunError: a worker was asked to stop; the state is saved.
    """
    here = config.resolved()
    words = team.told()
    told = Config.from_json(words["config"], "the chief's configuration")
    config = dataclasses.replace(told, data_dir=here.data_dir, manual_dir=here.manual_dir)
    name, digest = words["data"]  # Folders change; the chief knows what the run began with.
    data = build.dataset(config, Description(name, (0, 0, 0), "", None, digest))
    reals, _ = data.reals(config.validation_images)
    team.answer(_about(data))
    judging = sharing.Judging(config, data, reals, team)
    total = config.total_steps(len(reals.images))
    executed, words = 0, team.told()
    with (  # As the chief does: one setting decides how TensorFlow orders sums.
        process.reproducible(config.deterministic),
        signals.deferred_signals() as stop_requested,
    ):
        while words:
            attempt = config.of_attempt(words["attempt"])
            game = build.game(attempt, reals, len(data.description.classes))
            loop = _loop(attempt, game, reals, team)
            restore(loop, team)
            words = loop.follow(total, stop_requested)
            while words and "samples" in words:
                judging.answer(attempt, game.state.ema_generator, words["samples"])
                words = loop.follow(total, stop_requested)
            executed += loop.executed
    return executed


def _about(data: Dataset) -> dict[str, Any]:
    """What must be the same for all workers and is known only here."""
    devices = tf.config.list_physical_devices()
    kinds = {each.device_type for each in devices if "XLA" not in each.device_type}
    return {
        "dataset digest": str(data.description.digest)[:16],
        "image shape": "x".join(map(str, data.description.image_shape)),
        "kind of device": "GPU" if "GPU" in kinds else "CPU",
    }


def _loop(config: Config, game: Game, reals: Split, team: Team) -> Loop:
    feed = build.feed(config, reals, team.share)
    return Loop(lambda batch: step(game, batch), game.state, feed, team=team)


def restore(loop: Loop, team: Team) -> None:
    """Takes up the state that the chief sends in `lead`."""
    arrays = team.told()
    for name, variable in loop.variables.items():
        variable.assign(arrays[name])
