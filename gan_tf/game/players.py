"""What a step changes: two symmetric players, the generator's average, the number of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.game.adaptive import Probability
from gan_tf.game.optimizers import Optimizer
from gan_tf.host import building
from gan_tf.models import Architecture, ImageShape
from gan_tf.workers import replica

MakeOptimizer = Callable[[list[keras.Variable]], Optimizer]


@dataclass(frozen=True)
class Player:
    """One side of the game: a network, and the optimiser of that network's variables."""

    network: keras.Model
    optimizer: Optimizer

    @property
    def weights(self) -> list[keras.Variable]:
        """What it learns: the variables that gradients are taken by, in a fixed order."""
        return list(self.network.trainable_variables)

    def learn(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Takes one step down the gradients by its weights, and returns them: of several workers
        the mean of theirs. Nothing else moves a weight."""
        gradients = replica.mean(gradients)
        self.optimizer.apply(gradients)
        return gradients

    @property
    def variables(self) -> list[tf.Variable]:
        """Weights, batch statistics, dropout's seeds and the optimiser's moments."""
        return [v.value for v in self.network.variables] + self.optimizer.variables


@dataclass(frozen=True)
class GanState:
    """All that a step changes. Its variables are the whole memory of a run.

    Attributes:
      generator, discriminator: the players.
      ema_generator: the generator with averaged weights, in float32; what is shown.
      step: int64 scalar, the number of steps done.
      probability: of each change that D sees, where it follows D; see `adaptive`.
    """

    generator: Player
    discriminator: Player
    ema_generator: keras.Model
    step: tf.Variable
    probability: Probability | None = None

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """Every variable under a name that is the same in every process."""
        groups = {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
            "ema_generator": [v.value for v in self.ema_generator.variables],
            "step": [self.step],
            "augment": self.probability.variables if self.probability else [],
        }
        return {
            f"{group}/{index:03d}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }

    def average_generator(self, kept: tf.Tensor | float) -> None:
        """Moves the average towards G, `kept` being the share of itself that it keeps."""
        for average, current in zip(
            self.ema_generator.weights, self.generator.network.weights, strict=True
        ):
            average.assign(kept * average.value + (1.0 - kept) * current.value)


def new_state(
    architecture: Architecture,
    *,
    image_shape: ImageShape,
    latent_dim: int,
    seed: int,
    precision: str,
    generator_optimizer: MakeOptimizer,
    discriminator_optimizer: MakeOptimizer,
    reals: npt.NDArray[np.uint8],
    adaptive: bool = False,
) -> GanState:
    """Returns the state before the first step.

    Args:
      architecture: the pair of networks.
      image_shape: (H, W, C) of the reals.
      latent_dim: size of z.
      seed: decides the initial weights and dropout's masks.
      precision: `float32` or `bfloat16`; variables are float32 in both.
      generator_optimizer, discriminator_optimizer: each makes one player's optimiser.
      reals: the training images, uint8 `[N, H, W, C]`, for an architecture's `start`.
      adaptive: whether the augmentation has a probability that follows D.
    """
    with building.drawing_from(seed):
        with building.computing_in(precision):
            generator = architecture.generator(latent_dim, image_shape)
            discriminator = architecture.discriminator(image_shape)
        with building.computing_in("float32"):
            ema_generator = architecture.generator(latent_dim, image_shape)
    if architecture.start is not None:
        architecture.start(generator, reals)
    ema_generator.set_weights(generator.get_weights())
    return GanState(
        Player(generator, generator_optimizer(generator.trainable_variables)),
        Player(discriminator, discriminator_optimizer(discriminator.trainable_variables)),
        ema_generator,
        tf.Variable(0, dtype=tf.int64, name="step"),
        Probability() if adaptive else None,
    )
