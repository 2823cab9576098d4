"""The rules of one run: all that a step may do differently, as plain functions and numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

from gan_tf.data.feed import Batch
from gan_tf.game import adaptive
from gan_tf.game.augment import Augment
from gan_tf.game.latents import Draw
from gan_tf.game.players import GanState
from gan_tf.game.schedules import Schedule
from gan_tf.models.calling import apply
from gan_tf.workers import replica

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


def metrics_of(state: GanState) -> tuple[str, ...]:
    """Returns the names of a step's metrics: METRICS, and those of an augmentation that adapts."""
    return METRICS if state.probability is None else METRICS + adaptive.METRICS


class Judge(Protocol):
    """D as an update sees it."""

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor | None = None, training: bool = True
    ) -> tf.Tensor:
        """Returns logits `[B, 1]` of images `[B, H, W, C]`, as ones of labels int64 `[B]`, which
        an unconditional D does not see."""


# Called with D, the reals of an update, its fakes and the fakes' labels; a scalar to add to D's
# loss.
Penalty = Callable[[Judge, Batch, tf.Tensor, tf.Tensor], tf.Tensor]


def no_penalty(
    discriminator: Judge, reals: Batch, fakes: tf.Tensor, labels: tf.Tensor
) -> tf.Tensor:
    """Adds nothing to D's loss."""
    return tf.zeros([])


@dataclass(frozen=True)
class Game:
    """The rules of one run; a step is one pass of Algorithm 1's outer loop.

    Attributes:
      state: what a step changes.
      generator_loss: called with fake logits `[B, 1]` and real ones, or None if it does not compare
        them; a scalar.
      discriminator_loss: called with real logits and fake logits; a scalar.
      draw: called with an int64 number; the latents and labels of that draw.
      compares: whether both losses compare each fake with a real.
      update: the order of updates, one of `step.UPDATES`.
      generator_steps: updates of G a step; 0 freezes it.
      same_latents: whether G learns from the latents of D's last update, not from fresh ones.
      penalty: what is added to D's loss.
      average: the share of its average that each step keeps, by the steps done.
      augment: what D sees in place of an image; None where it sees it as it is.
      mirror: called with the reals of a step and its number; what the step takes in their place.
    """

    state: GanState
    generator_loss: Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]
    discriminator_loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    draw: Callable[[tf.Tensor], Draw]
    compares: bool = False
    update: str = "discriminator_first"
    generator_steps: int = 1
    same_latents: bool = False
    penalty: Penalty = no_penalty
    average: Schedule = 0.0
    augment: Augment | None = None
    mirror: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None

    def draws(self, number: int) -> list[Draw]:
        """Returns the `number` draws of this step: no other step has any of them. Of several
        workers each gets its rows."""
        return [_rows(self.draw(self.state.step * number + each)) for each in range(number)]

    def labels(self, batch: Batch, draw: Draw) -> tf.Tensor:
        """Returns the classes that the fakes of an update are to have, int64 `[B]`: those of the
        draw, or else those of the reals. Networks of an unconditional run do not see them."""
        return batch.labels if draw.labels is None else draw.labels

    def generate(self, draw: Draw, labels: tf.Tensor) -> tf.Tensor:
        """Returns G's fakes `[B, H, W, C]` of a draw's latents and of labels, as it learns."""
        return apply(self.state.generator.network, draw.latents, labels, training=True)

    def judge(self, draw: Draw) -> Judge:
        """Returns D as the update of a draw sees it: through that update's augmentation, the same
        for reals, fakes and penalty."""

        def judge(
            images: tf.Tensor, labels: tf.Tensor | None = None, training: bool = True
        ) -> tf.Tensor:
            seen = self.augment(images, draw.number) if self.augment else images
            return apply(self.state.discriminator.network, seen, labels, training)

        return judge

    def taken_for_real(self, logits: tf.Tensor, others: tf.Tensor | None) -> tf.Tensor:
        """Returns the mean probability by which D takes images for real; if losses compare, for
        more real than the image beside it.

        Args:
          logits: of the images, `[B, 1]`.
          others: of those beside them.
        """
        return tf.reduce_mean(tf.sigmoid(logits - others if self.compares else logits))

    def note(self, real_logits: tf.Tensor) -> Metrics:
        """Notes what D said of reals, for an augmentation that follows it; returns its metrics."""
        probability = self.state.probability
        return {} if probability is None else probability.note(real_logits)

    def batches(self, reals: Batch) -> list[Batch]:
        """Returns the k batches of a step, from images `[k, B, H, W, C]` and labels `[k, B]`."""
        images = self.mirror(reals.images, self.state.step) if self.mirror else reals.images
        return [Batch(images[i], reals.labels[i]) for i in range(images.shape[0])]


def _rows(draw: Draw) -> Draw:
    labels = None if draw.labels is None else replica.rows(draw.labels)
    return draw._replace(latents=replica.rows(draw.latents), labels=labels)
