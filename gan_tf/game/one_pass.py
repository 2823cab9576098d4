"""Both players learn from one forward pass, and from one pass back through D."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from gan_tf.data.feed import Batch
from gan_tf.game.algorithm_1 import update_discriminator
from gan_tf.game.latents import Draw
from gan_tf.game.rules import Game, Metrics
from gan_tf.models.calling import apply


def simultaneous(game: Game, batches: Sequence[Batch]) -> Metrics:
    """One update of each player; neither sees what the other has learned. D's others first."""
    draws = game.draws(len(batches))
    for batch, draw in zip(batches[:-1], draws[:-1], strict=True):
        update_discriminator(game, batch, draw)
    return update_both(game, batches[-1], draws[-1])


def update_both(game: Game, batch: Batch, draw: Draw) -> Metrics:
    """Updates D and G from one pass through both on the same fakes; returns what D saw.

    D judges each image on its own. So at a fake the slopes of both losses differ by the factor
    by which they differ at its logit, and a second pass back through D, which would cost 5 % of
    a step of TensorFlow's tutorial, is not needed. So it is with a loss of pairs, too: a fake's
    logit stands in one pair, and G has no part in that of the real. No penalty has a slope at the
    fakes themselves (`penalties`).
    """
    generator, discriminator = game.state.generator, game.state.discriminator
    judge, labels = game.judge(draw), game.labels(batch, draw)
    with tf.GradientTape(persistent=True) as tape:
        fakes = game.generate(draw, labels)
        real_logits = judge(batch.images, batch.labels)
        fake_logits = judge(fakes, labels)
        generator_loss = game.generator_loss(fake_logits, real_logits)
        loss = game.discriminator_loss(real_logits, fake_logits)
        objective = loss + game.penalty(judge, batch, fakes, labels)
        # D's loss can have a slope of exactly 0 at a fake, by which nothing can be divided. This
        # addition makes it 1e-20 there, and is too small to change any other slope.
        objective += 1e-20 * tf.reduce_sum(fake_logits)
    *gradients, slopes = tape.gradient(objective, [*discriminator.weights, fakes])
    discriminator.learn(gradients)
    factors = tape.gradient(generator_loss, fake_logits) / tape.gradient(objective, fake_logits)
    slopes *= tf.cast(factors, slopes.dtype)[:, :, None, None]
    gradients = generator.learn(tape.gradient(fakes, generator.weights, slopes))
    d_fake = game.taken_for_real(fake_logits, real_logits)
    return {
        "generator_loss": generator_loss,
        "discriminator_loss": loss,
        "d_real": game.taken_for_real(real_logits, fake_logits),
        "d_fake": d_fake,
        "d_fake_after": d_fake,
        "generator_gradient": tf.linalg.global_norm(gradients),
    } | game.note(real_logits)


def mixes_images(discriminator: keras.Model) -> bool:
    """Whether a logit depends on other images of its batch, as through batch norm."""
    before = [variable.numpy() for variable in discriminator.variables]
    shape = discriminator.inputs[0].shape[1:]
    images, labels = tf.random.stateless_normal((2, *shape), [0, 0]), tf.zeros([2], tf.int64)
    with tf.GradientTape() as tape:
        tape.watch(images)
        first = apply(discriminator, images, labels, training=True)[0]
    mixes = bool(tf.reduce_any(tape.gradient(first, images)[1] != 0.0))
    for variable, value in zip(discriminator.variables, before, strict=True):
        variable.assign(value)  # Batch statistics and dropout's seeds.
    return mixes
