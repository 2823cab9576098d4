"""The generators of PRETRAINED: trained by the package's own commands, kept in float16.

    weights/<name>.json    what an export says of itself, see `servable`
    weights/<name>.npz     generator/NNN and discriminator/NNN: weights and batch statistics

scripts/pretrained makes them from a run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.host import archive, building, files, process
from gan_tf.models import networks
from gan_tf.serving import described, servable
from gan_tf.serving.servable import Servable
from gan_tf.serving.signatures import Endpoint

DIRECTORY = Path(__file__).parent / "weights"
_GROUPS = ("generator", "discriminator")


class Players(NamedTuple):
    """Networks that are trained."""

    generator: keras.Model
    discriminator: keras.Model


def metadata(name: str, directory: Path = DIRECTORY) -> dict[str, Any]:
    """Returns what is known of one of PRETRAINED, or of another that `write` put in a directory."""
    found = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
    return dict(found)


def arrays(name: str, directory: Path = DIRECTORY) -> dict[str, list[npt.NDArray[np.float32]]]:
    """Returns the weights of both networks, in the order of Keras."""
    kept = archive.load(directory / f"{name}.npz")
    return {
        group: [kept[each].astype(np.float32) for each in sorted(kept) if each.startswith(group)]
        for group in _GROUPS
    }


def load(name: str, directory: Path = DIRECTORY) -> Servable:
    """Returns a generator that draws as its export would, without one."""
    process.require_threads()
    process.require_own_compiler()
    about = metadata(name, directory)
    players, endpoints = _build(about, arrays(name, directory))
    draw, inputs = endpoints["serving_default"]
    # A tf.function keeps its lock after inputs of another type, and other threads wait for ever.
    signature = tf.function(draw, input_signature=inputs, autograph=False).get_concrete_function()
    return Servable(directory / f"{name}.npz", about, signature, players)


def export(name: str, directory: Path, formats: Sequence[str], card: str) -> Path:
    """Exports a generator as the next version below `directory`, with its card; returns its path;
    see `servable.export`."""
    about = metadata(name)
    players, endpoints = _build(about, arrays(name))
    return servable.export(endpoints, players._asdict(), about, directory, formats, card)


def write(about: dict[str, Any], players: Players, directory: Path, name: str) -> None:
    """Publishes networks as the generator of that name, in float16."""
    kept = {
        f"{group}/{index:03d}": weight.astype(np.float16)
        for group, network in players._asdict().items()
        for index, weight in enumerate(network.get_weights())
    }
    archive.write(directory / f"{name}.npz", kept, compressed=True)
    files.write_text(directory / f"{name}.json", json.dumps(about, indent=2) + "\n")


def _build(
    about: dict[str, Any], kept: dict[str, list[npt.NDArray[np.float32]]]
) -> tuple[Players, dict[str, Endpoint]]:
    """The networks with the weights that were kept, and what they can be asked."""
    config, classes = about["config"], len(about.get("classes", {}))
    height, width, channels = about["image_shape"]
    shape = (height, width, channels)
    pair = networks(config["arch"], config["width"], config["conditional"], classes)
    with building.computing_in("float32"), building.drawing_from(0):
        players = Players(pair.generator(about["latent_dim"], shape), pair.discriminator(shape))
    for network, weights in zip(players, kept.values(), strict=True):
        network.set_weights(weights)
    return players, described.endpoints(*players, about)
