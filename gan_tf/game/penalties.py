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
from gan_tf.workers import replica

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


def r2(discriminator: Discriminator, fakes: tf.Tensor) -> tf.Tensor:
    """Returns E[|dD/dx|^2] / 2 at the fakes, the zero-centred penalty R2 for gamma = 1. D alone
    learns from it: the fakes are taken as they are.

    See Mescheder et al. (2018), equation 10.

    Args:
      discriminator: maps images to logits `[B, 1]`.
      fakes: `[B, H, W, C]`.
    """
    return 0.5 * tf.reduce_mean(_squared_slopes(discriminator, tf.stop_gradient(fakes)))


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
    r2_gamma: Schedule = 0.0,
) -> Penalty:
    """Returns what is added to D's loss.

    Args:
      gradient_penalty_weight: of the gradient penalty; 0 is none.
      r1_gamma: weight of R1, by the steps done; 0 is none.
      r1_every: steps between two R1 penalties, each as many times as heavy, and so with R2. The
        mean pull is the same at a fraction of the cost: "lazy" regularisation (Karras et al., 2020,
        section 3.1).
      seed: decides the points between reals and fakes.
      step: the number of steps done.
      r2_gamma: weight of R2, as that of R1.
    """
    if not (gradient_penalty_weight or r1_gamma or r2_gamma):
        return no_penalty

    def penalty(judge: Judge, reals: Batch, fakes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        total, images = tf.zeros([]), reals.images
        # Of the class of the reals: what lies between reals and fakes is judged so, too.
        discriminator = functools.partial(judge, labels=reals.labels)
        if gradient_penalty_weight:
            here = stream_seed(seed, PENALTY_STREAM, step)
            mix = replica.drawn(
                lambda rows: tf.random.stateless_uniform([rows, 1, 1, 1], here, alg="philox"),
                images.shape[0],
            )
            total += gradient_penalty_weight * gradient_penalty(discriminator, images, fakes, mix)

        def zero_centred() -> tf.Tensor:
            terms = []
            if r1_gamma:
                terms.append(at(r1_gamma, step) * r1_every * r1(discriminator, images))
            if r2_gamma:
                of_fakes = functools.partial(judge, labels=labels)
                terms.append(at(r2_gamma, step) * r1_every * r2(of_fakes, fakes))
            return sum(terms[1:], terms[0])

        if r1_gamma or r2_gamma:
            total += tf.cond(step % r1_every == 0, zero_centred, lambda: tf.zeros([]))
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
