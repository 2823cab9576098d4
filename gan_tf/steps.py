"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al., 2014), and its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from gan_tf.losses import Loss
from gan_tf.models import Architecture, ImageShape
from gan_tf.optimizers import Adam

Metrics = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Player:
    """One side of the game: a network, and the optimiser of that network's variables."""

    network: keras.Model
    optimizer: Adam

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
    """

    generator: Player
    discriminator: Player
    ema_generator: keras.Model
    step: tf.Variable

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """Every variable under a name that is the same in every process."""
        groups = {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
            "ema_generator": [v.value for v in self.ema_generator.variables],
            "step": [self.step],
        }
        return {
            f"{group}/{index:03d}": variable
            for group, variables in groups.items()
            for index, variable in enumerate(variables)
        }


def new_state(
    architecture: Architecture,
    image_shape: ImageShape,
    latent_dim: int,
    seed: int,
    precision: str,
    generator_optimizer: Callable[[list[keras.Variable]], Adam],
    discriminator_optimizer: Callable[[list[keras.Variable]], Adam],
) -> GanState:
    """Returns the state before the first step.

    Args:
      architecture: the pair of networks.
      image_shape: (H, W, C) of the reals.
      latent_dim: size of z.
      seed: decides the initial weights and dropout's masks.
      precision: `float32` or `bfloat16`; variables are float32 in both.
      generator_optimizer, discriminator_optimizer: each makes one player's optimiser.
    """
    keras.utils.set_random_seed(seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        generator = architecture.generator(latent_dim, image_shape)
        discriminator = architecture.discriminator(image_shape)
        keras.config.set_dtype_policy("float32")
        ema_generator = architecture.generator(latent_dim, image_shape)
    finally:
        keras.config.set_dtype_policy(before)
    ema_generator.set_weights(generator.get_weights())
    return GanState(
        Player(generator, generator_optimizer(generator.trainable_variables)),
        Player(discriminator, discriminator_optimizer(discriminator.trainable_variables)),
        ema_generator,
        tf.Variable(0, dtype=tf.int64, name="step"),
    )


@dataclass(frozen=True)
class Algorithm1:
    """One pass of Algorithm 1's outer loop: k updates of D, then one of G.

    Attributes:
      state: what the step changes.
      loss: the players' losses.
      draw_latents: called with an int64 counter; fresh latents `[B, latent_dim]`.
      label_smoothing: D's target for reals is 1 minus this.
      ema_decay: decay of the generator's average a step.
    """

    state: GanState
    loss: Loss
    draw_latents: Callable[[tf.Tensor], tf.Tensor]
    label_smoothing: float
    ema_decay: float

    def step(self, reals: tf.Tensor) -> Metrics:
        """Updates both players once, D with each of the k batches of reals.

        Args:
          reals: `[k, B, H, W, C]` float32 in [-1, 1].

        Returns:
          Scalars: both losses, D(x) and D(G(z)) as D's last update saw them.
        """
        generator, discriminator = self.state.generator, self.state.discriminator
        k = reals.shape[0]
        draw = self.state.step * (k + 1)
        for i in range(k):
            gradients, seen = self.discriminator_gradients(reals[i], self.draw_latents(draw + i))
            discriminator.optimizer.apply(gradients)
        gradients, generator_loss = self.generator_gradients(self.draw_latents(draw + k))
        generator.optimizer.apply(gradients)
        self._average_generator()
        self.state.step.assign_add(1)
        return {"generator_loss": generator_loss, **seen}

    def discriminator_gradients(
        self, reals: tf.Tensor, latents: tf.Tensor
    ) -> tuple[list[tf.Tensor], Metrics]:
        """Returns the gradients of D's loss in D's variables, and what D saw."""
        discriminator = self.state.discriminator.network
        fakes = self.state.generator.network(latents, training=True)
        with tf.GradientTape() as tape:
            real_logits = discriminator(reals, training=True)
            fake_logits = discriminator(fakes, training=True)
            loss = self.loss.discriminator(real_logits, fake_logits, self.label_smoothing)
        return tape.gradient(loss, discriminator.trainable_variables), {
            "discriminator_loss": loss,
            "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
            "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
        }

    def generator_gradients(self, latents: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Returns the gradients of G's loss in G's variables, and that loss."""
        generator = self.state.generator.network
        with tf.GradientTape() as tape:
            fakes = generator(latents, training=True)
            loss = self.loss.generator(self.state.discriminator.network(fakes, training=True))
        return tape.gradient(loss, generator.trainable_variables), loss

    def _average_generator(self) -> None:
        """Moves the average towards G; its horizon grows with the step, so that it never
        remembers the initial weights for long."""
        steps = tf.cast(self.state.step, tf.float32)
        weight = 1.0 - tf.minimum(self.ema_decay, (1.0 + steps) / (10.0 + steps))
        for average, current in zip(
            self.state.ema_generator.weights, self.state.generator.network.weights, strict=True
        ):
            average.value.assign_sub(weight * (average.value - current.value))
