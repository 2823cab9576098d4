"""Trains the authors' networks of 2014 with one thing changed at a time: fresh ones, or those of a
run that has ended.

Each run is short, and its rate falls to a tenth within it, so that the noise of a high rate does
not hide what the change does. It falls no further: where it soon falls to a hundredth, D wins for
good.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from gan_tf import models
from gan_tf.config import Config, command_line, presets
from gan_tf.evaluation import figures
from gan_tf.models import Architecture, maxout
from gan_tf.training import metrics
from gan_tf.training.run import train

_ARCH = "paper_2014"
_THEIRS = models.ARCHITECTURES[_ARCH]
_FALL = 10.0  # From the first rate to the last.
_LEAST_SLOPE = 0.1  # `target_scale` in the authors' program.


class _Unscaled(keras.layers.Layer):  # type: ignore[misc]
    """Takes back by what dropout has enlarged what it kept."""

    def __init__(self, kept: float) -> None:
        super().__init__()
        self._kept = kept

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return inputs * self._kept if training else inputs


class _Steeper(keras.layers.Layer):  # type: ignore[misc]
    """Images as they are; their gradient is never shorter than the authors' `target_scale`."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def same(images: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            return tf.identity(
                images
            ), lambda slope: slope * tf.maximum(1.0, _LEAST_SLOPE / (tf.norm(slope) + 1e-12))

        return same(inputs)


def _without_scale(image_shape: models.ImageShape) -> keras.Model:
    theirs = maxout.discriminator(image_shape)
    stack: list[keras.layers.Layer] = [keras.Input(image_shape)]
    for layer in theirs.layers:
        stack.append(layer)
        if isinstance(layer, keras.layers.Dropout):
            stack.append(_Unscaled(1.0 - layer.rate))
    return keras.Sequential(stack, name="discriminator")


def _from_larger_weights(image_shape: models.ImageShape) -> keras.Model:
    network = maxout.discriminator(image_shape)
    for variable in network.trainable_variables:
        variable.assign(10.0 * variable)
    return network


def _without_dropout(image_shape: models.ImageShape) -> keras.Model:
    network = maxout.discriminator(image_shape)
    for layer in _dropouts(network):
        layer.rate = 0.0
    return network


def _of_whole_images(image_shape: models.ImageShape) -> keras.Model:
    network = maxout.discriminator(image_shape)
    _dropouts(network)[0].rate = 0.0
    return network


def _dropouts(network: keras.Model) -> list[keras.layers.Dropout]:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Dropout)]


def _steeper(latent_dim: int, image_shape: models.ImageShape) -> keras.Model:
    theirs = maxout.generator(latent_dim, image_shape)
    stack = [keras.Input([latent_dim]), *theirs.layers, _Steeper()]
    return keras.Sequential(stack, name="generator")


@dataclasses.dataclass(frozen=True)
class Difference:
    """One change.

    Attributes:
      told: what it is, in words.
      flags: what of the preset it changes.
      networks: what it puts in the place of the authors' networks.
    """

    told: str
    flags: Sequence[str] = ()
    networks: Architecture = _THEIRS


def _networks(**others: Any) -> Architecture:
    return dataclasses.replace(_THEIRS, **others)


DIFFERENCES: Mapping[str, Difference] = {
    "as_is": Difference("none, seed 0"),
    "seed": Difference("none, seed 1", ["--seed=1"]),
    "scale": Difference(
        "dropout does not enlarge what it keeps", networks=_networks(discriminator=_without_scale)
    ),
    "weights": Difference(
        "D's first weights within 0.05, not 0.005",
        networks=_networks(discriminator=_from_larger_weights),
    ),
    "bias": Difference("G does not start at the mean image", networks=_networks(start=None)),
    "slopes": Difference(
        "G's gradients enlarged where they are small", networks=_networks(generator=_steeper)
    ),
    "momentum": Difference(
        "momentum 0.9 from the start, not 0.5 that rises",
        ["--momentum=0.9", "--final_momentum=0.9"],
    ),
    "final_momentum": Difference(
        "momentum 0.7 from the start, not 0.5 that rises",
        ["--momentum=0.7", "--final_momentum=0.7"],
    ),
    "rate": Difference("a rate from 0.3 to 0.03", ["--generator_lr=0.3", "--discriminator_lr=0.3"]),
    "sum": Difference("D's loss the sum of its terms", ["--discriminator_reduction=sum"]),
    "latents": Difference("normal latents", ["--latents=normal"]),
    "order": Difference("D first, then G through the new D", ["--update=discriminator_first"]),
}

# What a run that has come to its limit trains on with.
LIMITS: Mapping[str, Difference] = {
    "as_is": DIFFERENCES["as_is"],
    "sum": DIFFERENCES["sum"],
    "dropout": Difference("no dropout in D", networks=_networks(discriminator=_without_dropout)),
    "input": Difference(
        "no dropout of D's input", networks=_networks(discriminator=_of_whole_images)
    ),
    "average": Difference("an average of G, of 0.999", ["--ema_decay=0.999"]),
    "adam": Difference(
        "Adam at 1e-4 that falls to 1e-5, decays 0.5 and 0.999",
        [
            "--optimizer=adam",
            "--generator_lr=1e-4",
            "--discriminator_lr=1e-4",
            "--beta_1=0.5",
            "--beta_2=0.999",
        ],
    ),
}


def likelihood(
    difference: Difference, steps: int, run_dir: Path, data_dir: Path, start: Path | None = None
) -> float:
    """Trains with a difference, or goes on; returns the log-likelihood of 1,000 validation images
    at the end, in nats.

    Args:
      difference: what is changed.
      steps: the length of the run.
      run_dir: its directory.
      data_dir: where the data are.
      start: the run whose best networks it begins with; fresh ones without.
    """
    flags = [f"--flagfile={presets.path(_ARCH)}", f"--run_dir={run_dir}"]
    flags += [f"--data_dir={data_dir}", "--export=none"]
    flags += [f"--steps={steps}", f"--lr_decay={_FALL ** (1.0 / steps)}"]
    flags += [f"--{each}_every={steps}" for each in ("evaluate", "sample", "checkpoint")]
    flags += [f"--init_from={start}"] if start else []
    models.ARCHITECTURES[_ARCH] = difference.networks  # Such networks are no part of the package.
    try:
        train(command_line.parse(Config, [*flags, *difference.flags]))
    finally:
        models.ARCHITECTURES[_ARCH] = _THEIRS
    lines = metrics.read_metrics(run_dir / "metrics.jsonl")
    return float(lines[-1][figures.LIKELIHOOD])
