"""Losses of both players: pure functions, logits in, scalar out.

Everywhere `real_logits` and `fake_logits` are D's raw outputs on reals and on
fakes, float32 `[B, 1]`; D(x) = sigmoid(logit).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from etils import epy

with epy.lazy_imports():
    import tensorflow as tf


def _cross_entropy(logits: tf.Tensor, target: float) -> tf.Tensor:
    """Mean sigmoid cross-entropy of logits against one target, computed without overflow."""
    tf.debugging.assert_rank(logits, 2)
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), target), logits)
    )


def discriminator_cross_entropy(
    real_logits: tf.Tensor, fake_logits: tf.Tensor, label_smoothing: float
) -> tf.Tensor:
    """D's loss, -E[log D(x)] - E[log(1 - D(G(z)))].

    See "Generative Adversarial Nets" (Goodfellow et al., 2014), Algorithm 1, and,
    for the one-sided label smoothing, "Improved Techniques for Training GANs"
    (Salimans et al., 2016), section 3.4.

    Args:
      real_logits: D's logits of reals, `[B, 1]`.
      fake_logits: D's logits of fakes, `[B, 1]`.
      label_smoothing: the reals' target is 1 minus this; the fakes' stays 0.

    Returns:
      The sum of the two means, a scalar.
    """
    return _cross_entropy(real_logits, 1.0 - label_smoothing) + _cross_entropy(fake_logits, 0.0)


def generator_non_saturating(fake_logits: tf.Tensor) -> tf.Tensor:
    """G's loss -E[log D(G(z))], which keeps its gradient while D wins.

    See "Generative Adversarial Nets" (Goodfellow et al., 2014), section 3.
    """
    return _cross_entropy(fake_logits, 1.0)


def generator_minimax(fake_logits: tf.Tensor) -> tf.Tensor:
    """G's loss E[log(1 - D(G(z)))], the game's own value; it saturates while D wins.

    See "Generative Adversarial Nets" (Goodfellow et al., 2014), equation 1.
    """
    return -_cross_entropy(fake_logits, 0.0)


@dataclass(frozen=True)
class Loss:
    """A pair of losses to be minimised, one for each player."""

    generator: Callable[[tf.Tensor], tf.Tensor]
    discriminator: Callable[[tf.Tensor, tf.Tensor, float], tf.Tensor]


LOSSES: dict[str, Loss] = {
    "non_saturating": Loss(generator_non_saturating, discriminator_cross_entropy),
    "minimax": Loss(generator_minimax, discriminator_cross_entropy),
}
