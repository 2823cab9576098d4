"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al., 2014): one pass of its outer
loop, which `step.step` calls.

`game` holds what the paper leaves open or what others changed: G's loss is the paper's own with
`--loss=minimax`, and that of its section 3 by default; the penalty is not in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from gan_tf.data.feed import Batch
from gan_tf.game.latents import Draw
from gan_tf.game.rules import Game, Metrics


def discriminator_first(game: Game, batches: Sequence[Batch]) -> Metrics:
    """Algorithm 1: D learns from k batches, then G learns once, through the D just updated. Each
    update has latents of its own: the first k draws are D's, the rest G's."""
    k, draws = len(batches), game.draws(len(batches) + game.generator_steps)
    for batch, draw in zip(batches, draws, strict=False):
        seen = update_discriminator(game, batch, draw)
    for draw in draws[k:]:
        # G has not moved since D's last update, so the same latents are the same fakes.
        seen |= update_generator(game, batch, draws[k - 1] if game.same_latents else draw)
    return seen


def update_discriminator(game: Game, batch: Batch, draw: Draw) -> Metrics:
    """D learns to tell reals from fakes: one step down its loss. Returns what it saw."""
    discriminator, judge = game.state.discriminator, game.judge(draw)
    labels = game.labels(batch, draw)
    fakes = game.generate(draw, labels)
    with tf.GradientTape() as tape:
        real_logits = judge(batch.images, batch.labels)
        fake_logits = judge(fakes, labels)
        loss = game.discriminator_loss(real_logits, fake_logits)
        objective = loss + game.penalty(judge, batch, fakes, labels)
    discriminator.learn(tape.gradient(objective, discriminator.weights))
    d_fake = game.taken_for_real(fake_logits, real_logits)
    return {
        "generator_loss": game.generator_loss(fake_logits, real_logits),
        "discriminator_loss": loss,
        "d_real": game.taken_for_real(real_logits, fake_logits),
        "d_fake": d_fake,
        "d_fake_after": d_fake,
        "generator_gradient": tf.zeros([]),
    } | game.note(real_logits)


def update_generator(game: Game, batch: Batch, draw: Draw) -> Metrics:
    """G learns to pass its fakes off as reals: one step down its loss, through D as it is.

    `batch` are the reals of the step: for their labels, and for a loss that compares fakes with
    them, which alone asks what D says of them.
    """
    generator, judge = game.state.generator, game.judge(draw)
    labels = game.labels(batch, draw)
    with tf.GradientTape() as tape:
        fakes = game.generate(draw, labels)
        fake_logits = judge(fakes, labels)
        real_logits = judge(batch.images, batch.labels) if game.compares else None
        loss = game.generator_loss(fake_logits, real_logits)
    gradients = generator.learn(tape.gradient(loss, generator.weights))
    return {
        "generator_loss": loss,
        "d_fake_after": game.taken_for_real(fake_logits, real_logits),
        "generator_gradient": tf.linalg.global_norm(gradients),
    }


def generator_first(game: Game, batches: Sequence[Batch]) -> Metrics:
    """The other order: G learns through D as it is, then D from fakes of the G just updated."""
    first, draws = game.generator_steps, game.draws(len(batches) + game.generator_steps)
    learned: Metrics = {}
    for draw in draws[:first]:
        learned = update_generator(game, batches[0], draws[first] if game.same_latents else draw)
    for batch, draw in zip(batches, draws[first:], strict=True):
        seen = update_discriminator(game, batch, draw)
    return seen | learned
