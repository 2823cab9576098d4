"""A run that begins with the networks of another one: what little data gains most by."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data.images import sources
from gan_tf.game.players import GanState
from gan_tf.host import archive, files
from gan_tf.host.errors import InputError
from gan_tf.host.listing import some
from gan_tf.models import ARCHITECTURES, PRETRAINED
from gan_tf.serving import pretrained, servable
from gan_tf.training import exporting, going_on, run_directory

Arrays = list[npt.NDArray[np.generic]]


class Source(NamedTuple):
    """Networks that were trained.

    Attributes:
      about: what they are, in words: "dcgan for images of 28x28x1, latents of 64".
      generator, discriminator, average: the arrays of their weights and batch statistics.
    """

    about: str
    generator: Arrays
    discriminator: Arrays
    average: Arrays


def begin(state: GanState, config: Config, number: int, about: str, run_dir: Path) -> None:
    """Gives the players, and the average, the weights of a run's best generator and of D then, or
    of an export, whose generator is the average alone. Optimisers begin anew.

    Args:
      state: the state before the first step.
      config: that of the attempt; its `init_from` is the absolute path of a run directory, or of a
        SavedModel of this package, or the name of a generator that comes with the package.
      number: which attempt it is.
      about: what the networks of `state` are; see `words`.
      run_dir: where `keep` put what a start or an attempt before, of the same configuration, began
        with. That counts if it is there: the source may be gone by now, or trained further.

    Raises:
      InputError: there are no such networks, or they are others.
    """
    given = str(config.init_from)
    path = files.seen_from_here(Path(given))
    source = _of_start(run_dir, config, number, about)
    if source is None:
        source = _of_package(given) if given in PRETRAINED else _read(path, state)
    networks = _networks(state)
    for name, network in networks.items():
        arrays: Arrays = getattr(source, name)
        alike = [each.shape for each in arrays] == [tuple(each.shape) for each in network.weights]
        # Some networks differ in what has no weights: in their activations, or the image's sides.
        if not alike or source.about != about:
            which = "" if alike else ", which have other weights"
            raise InputError(
                f"--init_from={path}: holds {source.about}; this run trains {about}{which}"
            )
    for name, network in networks.items():
        for weight, array in zip(network.weights, getattr(source, name), strict=True):
            weight.assign(array)


def keep(state: GanState, run_dir: Path) -> None:
    """Keeps what an attempt begins with, for those that may follow."""
    arrays = {
        f"{name}/{i:03d}": weight.numpy()
        for name, network in _networks(state).items()
        for i, weight in enumerate(network.weights)
    }
    archive.write(run_dir / run_directory.INIT, arrays)


def _of_start(run_dir: Path, config: Config, number: int, about: str) -> Source | None:
    """Returns what `keep` kept; None without, where it is damaged, or of another run: one of which
    nothing came may begin again otherwise."""
    path = run_dir / run_directory.INIT
    if not path.exists():
        return None
    began = run_directory.read(run_dir)
    if going_on.differences(began.config.of_attempt(number), config):
        return None
    if words(began.config.to_json(), began.data.image_shape) != about:
        return None
    try:
        arrays = archive.load(path)
    except InputError as error:
        print(f"warning: {error}; reading --init_from again", file=sys.stderr)
        return None
    found: dict[str, Arrays] = {"generator": [], "discriminator": [], "average": []}
    for name, array in sorted(arrays.items()):
        found[name.partition("/")[0]].append(array)
    return Source(about, **found)


def _networks(state: GanState) -> dict[str, keras.Model]:
    return {
        "generator": state.generator.network,
        "discriminator": state.discriminator.network,
        "average": state.ema_generator,
    }


def words(config: Mapping[str, Any], image_shape: Sequence[int]) -> str:
    """What networks are: their name, image shape, latents, and their width unless it is the usual
    one."""
    usual = config["arch"] in ARCHITECTURES and ARCHITECTURES[config["arch"]].width
    width = f", width {config['width']}" if config.get("width") not in (None, usual) else ""
    shape = "x".join(map(str, image_shape))
    way = config.get("conditional", "none")
    labels = "" if way == "none" else f", labels by {way}"
    latents = f"latents of {config['latent_dim']}"
    return f"{config['arch']}{width} for images of {shape}, {latents}{labels}"


def _read(path: Path, state: GanState) -> Source:
    """Returns the networks of a run or an export; see `begin`."""
    if (path / "config.json").is_file():
        return _of_run(path, state)
    if (path / "saved_model.pb").is_file():
        return _of_export(path)
    raise InputError(
        f"--init_from={path}: must be a run directory, a SavedModel such as RUN_DIR/export/1, or "
        f"one of {', '.join(PRETRAINED)}"
    )


def unlike(config: Config, classes: Sequence[str]) -> Iterator[str]:
    """Yields what has another meaning in the networks that a run begins with, and the same shape:
    their classes, and how their latents are distributed. Nothing, where they are gone."""
    given = str(config.init_from)
    path = files.seen_from_here(Path(given))
    try:
        if given not in PRETRAINED and (path / "config.json").is_file():
            run = run_directory.read(path)
            names, latents = [*run.data.classes], _latents(run.config.to_json())
        else:
            is_ours = given in PRETRAINED
            about = pretrained.metadata(given) if is_ours else servable.read_metadata(path)
            names, latents = (
                [*about.get("classes", {})],
                _latents({"latents": about["latents"]} | about["config"]),
            )
    except InputError:
        return
    if names and names != [*classes]:
        shown = some([sources.shown(name) for name in names])
        yield (
            f"warning: their classes were {shown}: each class here begins as the one that had its "
            "place"
        )
    if latents != (here := _latents(config.to_json())):
        yield f"warning: they were trained with --latents={latents}, not {here}"


def _latents(config: Mapping[str, Any]) -> str:
    codes = config.get("latent_codes")
    return f"mixture of {codes} codes" if config["latents"] == "mixture" else str(config["latents"])


def _of_package(name: str) -> Source:
    about, arrays = pretrained.metadata(name), pretrained.arrays(name)
    generator, discriminator = arrays["generator"], arrays["discriminator"]
    what = words(about["config"], about["image_shape"])
    return Source(what, list(generator), list(discriminator), list(generator))


def _of_run(path: Path, state: GanState) -> Source:
    run = run_directory.read(path)
    arrays = archive.load(exporting.find_checkpoint(path, "best"))
    groups = {
        "generator": state.generator.network,
        "discriminator": state.discriminator.network,
        "ema_generator": state.ema_generator,
    }
    found = [_weights(arrays, group, network) for group, network in groups.items()]
    return Source(words(run.config.to_json(), run.data.image_shape), *found)


def _weights(arrays: Mapping[str, Any], group: str, network: keras.Model) -> Arrays:
    """The arrays of a network's weights in a checkpoint, which also holds dropout's seeds and the
    optimiser's moments; none where the networks differ."""
    places = {id(variable): place for place, variable in enumerate(network.variables)}
    names = [f"{group}/{places[id(weight)]:03d}" for weight in network.weights]
    return [arrays[name] for name in names if name in arrays]


def _of_export(path: Path) -> Source:
    metadata = servable.read_metadata(path)
    try:
        reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
        generator, discriminator = (
            _numbered(reader, group) for group in ("generator", "discriminator")
        )
        shape = metadata["image_shape"]
        about = words(metadata["config"], shape)
    except (tf.errors.OpError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--init_from={path}: its weights cannot be read ({type(error).__name__}); export the "
            "run anew, or name its run directory"
        ) from None
    return Source(about, generator, discriminator, generator)


def _numbered(reader: Any, group: str) -> Arrays:
    """The arrays of a network in an export, in the order of its weights."""
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    found = {
        int(name.removeprefix(f"{group}/").removesuffix(suffix)): name
        for name in reader.get_variable_to_shape_map()
        if name.startswith(f"{group}/")
    }
    return [reader.get_tensor(found[index]) for index in sorted(found)]
