"""A whole step: the updates in the order that the rules ask for, then G's average."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gan_tf.data.feed import Batch
from gan_tf.game.algorithm_1 import discriminator_first, generator_first
from gan_tf.game.one_pass import simultaneous
from gan_tf.game.rules import Game, Metrics
from gan_tf.game.schedules import at
from gan_tf.workers import replica

UPDATES: dict[str, Callable[[Game, Sequence[Batch]], Metrics]] = {
    "discriminator_first": discriminator_first,
    "generator_first": generator_first,
    "simultaneous": simultaneous,
}


def step(game: Game, reals: Batch) -> Metrics:
    """Does one pass of Algorithm 1's outer loop.

    Args:
      game: the rules, and the state that is changed.
      reals: the k batches of the step: images `[k, B, H, W, C]`, labels `[k, B]`.

    Returns:
      The scalars of `rules.metrics_of`.
    """
    seen = UPDATES[game.update](game, game.batches(reals))
    metrics = dict(zip(seen, replica.mean(list(seen.values())), strict=True))
    game.state.average_generator(at(game.average, game.state.step))
    if game.state.probability is not None:
        game.state.probability.move(game.state.step)
    game.state.step.assign_add(1)
    return metrics
