"""What a run costs: the size of its networks, and the operations of a step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras

from gan_tf.config import Config
from gan_tf.game.losses import LOSSES
from gan_tf.game.rules import Game
from gan_tf.models.layers.classes import ClassAffine


@dataclass(frozen=True)
class Cost:
    """What a run costs.

    Attributes:
      generator, discriminator: parameters that are learned.
      operations: floating-point operations of a step, by the real images in it: two a
        multiplication, forward and backward, both players. None if a layer is out of
        sight, within a model that is a class of its own.
    """

    generator: int
    discriminator: int
    operations: float | None

    @property
    def parameters(self) -> dict[str, int]:
        """The parameters by the player."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def __str__(self) -> str:
        said = f"parameters: G {_short(self.generator)}, D {_short(self.discriminator)}"
        if self.operations is None:
            return said
        return f"{said}; about {self.operations / 1e9:.3g} GFLOP an image trained"


def speed(steps_per_second: float, steps: int, config: Config) -> str:
    """What so many steps a second mean for the steps that are left."""
    left = steps / steps_per_second
    images = steps_per_second * config.batch_size
    took = f"{max(1, round(left))} s" if left < 60 else f"{round(left / 60)} min"
    took = f"{left / 3600:.1f} hours" if left > 5400 else took
    return f"speed: about {images:,.0f} images/s; {took} for the steps that are left"


def of(game: Game, config: Config) -> Cost:
    """Returns what a run costs, counted from the shapes of its layers.

    A layer's gradient by its inputs costs as much as its forward pass, and so does that by its
    weights. What no layer with weights does (losses, normalisation, Adam) is left out: little.
    """
    networks = [player.network for player in (game.state.generator, game.state.discriminator)]
    generator, discriminator = (
        sum(math.prod(weight.shape) for weight in network.trainable_weights) for network in networks
    )
    try:
        g, d = (2.0 * multiplications(network) for network in networks)
    except (AttributeError, ValueError):  # Keras's, of a layer that it did not see called.
        return Cost(generator, discriminator, None)
    return Cost(generator, discriminator, _operations(g, d, config) / config.discriminator_steps)


def _operations(g: float, d: float, config: Config) -> float:
    """Those of a step an image of each batch, from those of a forward pass of each player."""
    k = config.discriminator_steps
    # D judges reals and fakes, forward and both gradients. R1 is of the reals alone: forward, the
    # slope, and both gradients of that; R2 is of the fakes.
    learning_d = 6 * d + (config.gradient_penalty > 0) * 4 * d
    penalties = sum(1 for gamma in (config.r1_gamma, config.r2_gamma) if gamma)
    learning_d += penalties * 4 * d / config.r1_every
    if config.update == "simultaneous":  # The last pass back through D is G's, too.
        return k * (g + learning_d) + 2 * g
    # G's update goes back through D to its inputs, not to its weights; a loss that compares has the
    # reals judged, too.
    judged = d if LOSSES[config.loss].compares else 0.0
    return k * (g + learning_d) + config.generator_steps * (3 * g + 2 * d + judged)


def multiplications(network: keras.Model) -> float:
    """Those of a forward pass an image. A weight of two axes or more is used once at each place
    of a layer's outputs; of its inputs, if it is a transposed convolution."""
    total = 0.0
    for layer in network.layers:
        if hasattr(layer, "layers"):
            total += multiplications(layer)
            continue
        if isinstance(layer, ClassAffine):
            continue  # A row of each table an image: next to nothing.
        transposed = isinstance(layer, keras.layers.Conv2DTranspose)
        shape = (layer.input if transposed else layer.output).shape if layer.weights else ()
        places = math.prod(shape[1:-1])
        total += sum(math.prod(w.shape) * places for w in layer.weights if len(w.shape) > 1)
    return total


def _short(number: int) -> str:
    return f"{number / 1e6:.3g} million" if number >= 1e6 else f"{number:,}"
