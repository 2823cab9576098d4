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


def discriminator_least_squares(
    real_logits: tf.Tensor, fake_logits: tf.Tensor, label_smoothing: float
) -> tf.Tensor:
    """D's loss, E[(D(x) - b)^2] / 2 + E[D(G(z))^2] / 2, of the raw outputs, b = 1 - smoothing.

    See "Least Squares Generative Adversarial Networks" (Mao et al., 2017), equation 9.
    """
    target = 1.0 - label_smoothing
    return 0.5 * (
        tf.reduce_mean(tf.square(real_logits - target)) + tf.reduce_mean(tf.square(fake_logits))
    )


def generator_least_squares(fake_logits: tf.Tensor) -> tf.Tensor:
    """G's loss, E[(D(G(z)) - 1)^2] / 2. See Mao et al. (2017), equation 9."""
    return 0.5 * tf.reduce_mean(tf.square(fake_logits - 1.0))


def discriminator_hinge(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """D's loss, E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], of the raw outputs.

    See "Geometric GAN" (Lim & Ye, 2017) and "Spectral Normalization for Generative
    Adversarial Networks" (Miyato et al., 2018), equation 16.
    """
    return tf.reduce_mean(tf.nn.relu(1.0 - real_logits)) + tf.reduce_mean(
        tf.nn.relu(1.0 + fake_logits)
    )


def discriminator_wasserstein(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """The critic's loss, E[D(G(z))] - E[D(x)]; wants a penalty that bounds its slope.

    See "Wasserstein GAN" (Arjovsky et al., 2017), equation 3.
    """
    return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)


def generator_critic(fake_logits: tf.Tensor) -> tf.Tensor:
    """G's loss -E[D(G(z))], for the hinge (Miyato et al., 2018, equation 17) and the critic."""
    return -tf.reduce_mean(fake_logits)


def discriminator_relativistic(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """D's loss, -E[log sigmoid(D(x) - D(G(z)))], of pairs of a real and a fake.

    See RSGAN in "The relativistic discriminator" (Jolicoeur-Martineau, 2018, arXiv 1807.00734);
    Huang et al. (2024, arXiv 2501.05441) add R1 and R2, without which it need not converge.

    Args:
      real_logits: D's outputs on reals, `[B, 1]`.
      fake_logits: those on fakes, `[B, 1]`; the first is compared with the first real, and so on.
    """
    return tf.reduce_mean(tf.nn.softplus(fake_logits - real_logits))


def generator_relativistic(fake_logits: tf.Tensor, real_logits: tf.Tensor) -> tf.Tensor:
    """G's loss, -E[log sigmoid(D(G(z)) - D(x))]: a fake shall look more real than its real. See
    `discriminator_relativistic`."""
    return tf.reduce_mean(tf.nn.softplus(real_logits - fake_logits))


@dataclass(frozen=True)
class Loss:
    """A pair of losses to be minimised, one for each player.

    Attributes:
      generator: called with fake logits and, if the loss `compares`, with real logits.
      discriminator: called with real logits and fake logits and, if the loss is
        `smoothable`, the label smoothing.
      smoothable: whether D's reals have a target that smoothing can lower.
      cross_entropy: whether D's output is the logit of a probability, so that the value
        V(D, G) of the 2014 paper means something.
      signed: whether D's output is meant to be positive for reals and negative for fakes.
      compares: whether D's output means something only beside another one: a constant added to
        all of them changes nothing. Then it has no sign either, and is no probability.
    """

    generator: Callable[..., tf.Tensor]
    discriminator: Callable[..., tf.Tensor]
    smoothable: bool = True
    cross_entropy: bool = False
    signed: bool = True
    compares: bool = False


def generator_objective(name: str) -> Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]:
    """Returns a loss of G in fake logits and real logits, which only one that compares looks at."""
    loss = LOSSES[name]
    if loss.compares:
        return loss.generator
    return lambda fake_logits, real_logits: loss.generator(fake_logits)


def discriminator_objective(
    name: str, label_smoothing: float, reduction: str
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Returns a loss of D in real logits and fake logits alone.

    Args:
      name: one of LOSSES.
      label_smoothing: see the loss; 0 if it is not smoothable.
      reduction: `sum` adds the terms of reals and fakes, `mean` halves that sum. Adam does
        not notice; plain gradient descent does.
    """
    loss = LOSSES[name].discriminator
    smoothing = [label_smoothing] if LOSSES[name].smoothable else []
    scale = {"sum": 1.0, "mean": 0.5}[reduction]
    return lambda real_logits, fake_logits: scale * loss(real_logits, fake_logits, *smoothing)


LOSSES: dict[str, Loss] = {
    "non_saturating": Loss(
        generator_non_saturating, discriminator_cross_entropy, cross_entropy=True
    ),
    "minimax": Loss(generator_minimax, discriminator_cross_entropy, cross_entropy=True),
    "least_squares": Loss(generator_least_squares, discriminator_least_squares, signed=False),
    "hinge": Loss(generator_critic, discriminator_hinge, smoothable=False),
    "wasserstein": Loss(
        generator_critic, discriminator_wasserstein, smoothable=False, signed=False
    ),
    "relativistic": Loss(
        generator_relativistic,
        discriminator_relativistic,
        smoothable=False,
        signed=False,
        compares=True,
    ),
}
