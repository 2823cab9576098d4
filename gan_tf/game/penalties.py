"""Penalties on the slope of D, which are added to its loss. D must not mix examples
(no batch norm) for these to mean what their papers say. The slope is that at the image itself:
where D sees it changed, the change is a part of D."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

from gan_tf.data.feed import Batch
from gan_tf.game.latents import PENALTY_STREAM, stream_seed
from gan_tf.game.rules import Judge, Penalty, no_penalty
from gan_tf.game.schedules import Schedule, at

# D of one class, or an unconditional one: images `[B, H, W, C]` and `training` to logits `[B, 1]`.
Discriminator = Callable[..., tf.Tensor]


def r1(discriminator: Discriminator, reals: tf.Tensor) -> tf.Tensor:
    """Returns E[|dD/dx|^2] / 2 at the reals, the zero-centred penalty R1 for gamma = 1.

    See "Which Training Methods for GANs do actually Converge?" (Mescheder et al., 2018),
    equation 9.

    Args:
      discriminator: maps images to logits `[B, 1]`.
      reals: `[B, H, W, C]`.
    """
    return 0.5 * tf.reduce_mean(_squared_slopes(discriminator, reals))


def gradient_penalty(
    discriminator: Discriminator, reals: tf.Tensor, fakes: tf.Tensor, mix: tf.Tensor
) -> tf.Tensor:
    """Returns E[(|dD/dx| - 1)^2] at points between reals and fakes, for lambda = 1.

    See "Improved Training of Wasserstein GANs" (Gulrajani et al., 2017), equation 3.

    Args:
      discriminator: maps images to logits `[B, 1]`.
      reals, fakes: `[B, H, W, C]`.
      mix: `[B, 1, 1, 1]` in [0, 1), each point's share of its real.
    """
    between = mix * reals + (1.0 - mix) * tf.stop_gradient(fakes)
    # The root has no slope at 0, where a dead D would make it infinite.
    slopes = tf.sqrt(_squared_slopes(discriminator, between) + 1e-12)
    return tf.reduce_mean(tf.square(slopes - 1.0))


def penalty_of(
    *,
    gradient_penalty_weight: float,
    r1_gamma: Schedule,
    r1_every: int,
    seed: int,
    step: tf.Variable,
) -> Penalty:
    """Returns what is added to D's loss.

    Args:
      gradient_penalty_weight: of the gradient penalty; 0 is none.
      r1_gamma: weight of R1, by the steps done; 0 is none.
      r1_every: steps between two R1 penalties, each as many times as heavy. The mean pull is the
        same at a fraction of the cost: "lazy" regularisation (Karras et al., 2020, section 3.1).
      seed: decides the points between reals and fakes.
      step: the number of steps done.
    """
    if not gradient_penalty_weight and not r1_gamma:
        return no_penalty

    def penalty(judge: Judge, reals: Batch, fakes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        del labels  # Of the fakes: what lies between reals and fakes is judged as the reals are.
        total, images = tf.zeros([]), reals.images
        discriminator = functools.partial(judge, labels=reals.labels)
        if gradient_penalty_weight:
            mix = tf.random.stateless_uniform(
                [images.shape[0], 1, 1, 1], stream_seed(seed, PENALTY_STREAM, step), alg="philox"
            )
            total += gradient_penalty_weight * gradient_penalty(discriminator, images, fakes, mix)
        if r1_gamma:
            total += tf.cond(
                step % r1_every == 0,
                lambda: at(r1_gamma, step) * r1_every * r1(discriminator, images),
                lambda: tf.zeros([]),
            )
        return total

    return penalty


def _squared_slopes(discriminator: Discriminator, images: tf.Tensor) -> tf.Tensor:
    """Returns |dD/dx|^2 of each image, `[B]`."""
    # Inside tf.cond a gradient by a tensor from outside fails, if the layer defines its own.
    images = tf.identity(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images, training=True)
    return tf.reduce_sum(tf.square(tape.gradient(logits, images)), axis=[1, 2, 3])
