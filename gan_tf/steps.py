"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al., 2014), and its variants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from gan_tf.state import GanState

Metrics = dict[str, tf.Tensor]

# Means over a batch: both losses (without penalties), D(x) and D(G(z)) before D's update,
# and D(G(z)) as G's update saw it, after D's update where D goes first; then the norm of
# G's whole gradient, 0 where G is frozen.
METRICS = (
    "generator_loss",
    "discriminator_loss",
    "d_real",
    "d_fake",
    "d_fake_after",
    "generator_gradient",
)

# Called with D and the reals and fakes of an update; a scalar to add to D's loss.
Penalty = Callable[[keras.Model, tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Game:
    """The rules of one run; a step is one pass of Algorithm 1's outer loop.

    Attributes:
      state: what a step changes.
      generator_loss: called with fake logits `[B, 1]`; a scalar.
      discriminator_loss: called with real logits and fake logits; a scalar.
      draw_latents: called with an int64 counter; fresh latents `[B, latent_dim]`.
      update: the order of updates, one of UPDATES.
      generator_steps: updates of G a step; 0 freezes it.
      same_latents: whether G learns from the latents of D's last update, not from fresh ones.
      penalty: what is added to D's loss, if anything.
      ema_decay: decay of the generator's average a step.
    """

    state: GanState
    generator_loss: Callable[[tf.Tensor], tf.Tensor]
    discriminator_loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    draw_latents: Callable[[tf.Tensor], tf.Tensor]
    update: str = "discriminator_first"
    generator_steps: int = 1
    same_latents: bool = False
    penalty: Penalty | None = None
    ema_decay: float = 0.0

    def step(self, reals: tf.Tensor) -> Metrics:
        """Updates both players, D once with each of the k batches of reals.

        Args:
          reals: `[k, B, H, W, C]` float32 in [-1, 1].

        Returns:
          The scalars of METRICS.
        """
        metrics = UPDATES[self.update](self, reals)
        self._average_generator()
        self.state.step.assign_add(1)
        return metrics

    def latents(self, draw: int, draws: int) -> tf.Tensor:
        """Returns the latents of draw number `draw` of the `draws` in this step."""
        return self.draw_latents(self.state.step * draws + draw)

    def update_discriminator(self, reals: tf.Tensor, latents: tf.Tensor) -> Metrics:
        """Updates D once; returns what it saw."""
        player = self.state.discriminator
        fakes = self.state.generator.network(latents, training=True)
        with tf.GradientTape() as tape:
            loss, objective, seen, _ = self._judge(reals, fakes)
        player.optimizer.apply(tape.gradient(objective, player.network.trainable_variables))
        return seen | {"discriminator_loss": loss}

    def update_generator(self, latents: tf.Tensor) -> Metrics:
        """Updates G once, through D as it is; returns what D made of its fakes."""
        player = self.state.generator
        with tf.GradientTape() as tape:
            fakes = player.network(latents, training=True)
            fake_logits = self.state.discriminator.network(fakes, training=True)
            loss = self.generator_loss(fake_logits)
        gradients = tape.gradient(loss, player.network.trainable_variables)
        player.optimizer.apply(gradients)
        return {
            "generator_loss": loss,
            "d_fake_after": tf.reduce_mean(tf.sigmoid(fake_logits)),
            "generator_gradient": tf.linalg.global_norm(gradients),
        }

    def update_both(self, reals: tf.Tensor, latents: tf.Tensor) -> Metrics:
        """Updates D and G from one pass through both on the same fakes; returns what D saw."""
        generator, discriminator = self.state.generator, self.state.discriminator
        with tf.GradientTape(persistent=True) as tape:
            fakes = generator.network(latents, training=True)
            loss, objective, seen, fake_logits = self._judge(reals, fakes)
            objective += 1e-20 * tf.reduce_sum(fake_logits)  # No slope is 0, and none changes.
        *gradients, slopes = tape.gradient(
            objective, [*discriminator.network.trainable_variables, fakes]
        )
        discriminator.optimizer.apply(gradients)
        # D judges each image on its own, so at a fake the slopes of both losses differ by the
        # factor by which they differ at its logit. A second pass back through D would cost 5 %
        # of a step of TensorFlow's tutorial.
        factors = tape.gradient(seen["generator_loss"], fake_logits) / tape.gradient(
            objective, fake_logits
        )
        slopes *= tf.cast(factors, slopes.dtype)[:, :, None, None]
        gradients = tape.gradient(fakes, generator.network.trainable_variables, slopes)
        generator.optimizer.apply(gradients)
        return seen | {
            "discriminator_loss": loss,
            "generator_gradient": tf.linalg.global_norm(gradients),
        }

    def _judge(
        self, reals: tf.Tensor, fakes: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, Metrics, tf.Tensor]:
        """Returns D's loss, the same with its penalty, what D thinks of both batches, and its
        logits of the fakes."""
        discriminator = self.state.discriminator.network
        real_logits = discriminator(reals, training=True)
        fake_logits = discriminator(fakes, training=True)
        loss = objective = self.discriminator_loss(real_logits, fake_logits)
        if self.penalty is not None:
            objective += self.penalty(discriminator, reals, fakes)
        d_fake = tf.reduce_mean(tf.sigmoid(fake_logits))
        return (
            loss,
            objective,
            {
                "generator_loss": self.generator_loss(fake_logits),
                "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
                "d_fake": d_fake,
                "d_fake_after": d_fake,
                "generator_gradient": tf.zeros([]),
            },
            fake_logits,
        )

    def _average_generator(self) -> None:
        """Moves the average towards G; its horizon grows with the step, so that it never
        remembers the initial weights for long."""
        steps = tf.cast(self.state.step, tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + steps) / (10.0 + steps))
        for average, current in zip(
            self.state.ema_generator.weights, self.state.generator.network.weights, strict=True
        ):
            average.assign(decay * average.value + (1.0 - decay) * current.value)


def discriminator_first(game: Game, reals: tf.Tensor) -> Metrics:
    """Algorithm 1: k updates of D, then G's through the D just updated."""
    k, draws = reals.shape[0], reals.shape[0] + game.generator_steps
    for i in range(k):
        seen = game.update_discriminator(reals[i], game.latents(i, draws))
    for i in range(game.generator_steps):
        # G has not moved since D's last update, so the same latents are the same fakes.
        seen |= game.update_generator(game.latents(k - 1 if game.same_latents else k + i, draws))
    return seen


def generator_first(game: Game, reals: tf.Tensor) -> Metrics:
    """G's update through D as it is, then D's k on fakes of the G just updated."""
    k, draws = reals.shape[0], reals.shape[0] + game.generator_steps
    learned: Metrics = {}
    for i in range(game.generator_steps):
        learned = game.update_generator(
            game.latents(game.generator_steps if game.same_latents else i, draws)
        )
    for i in range(k):
        latents = game.latents(game.generator_steps + i, draws)
        seen = game.update_discriminator(reals[i], latents)
    return seen | learned


def simultaneous(game: Game, reals: tf.Tensor) -> Metrics:
    """One update of each from one forward pass; neither sees what the other has learned."""
    for i in range(reals.shape[0] - 1):
        game.update_discriminator(reals[i], game.latents(i, reals.shape[0]))
    return game.update_both(reals[-1], game.latents(reals.shape[0] - 1, reals.shape[0]))


UPDATES: dict[str, Callable[[Game, tf.Tensor], Metrics]] = {
    "discriminator_first": discriminator_first,
    "generator_first": generator_first,
    "simultaneous": simultaneous,
}
