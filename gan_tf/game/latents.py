"""Latent distributions p(z), shared by training, sampling and export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from etils import epy

with epy.lazy_imports():
    import tensorflow as tf

Distribution = Callable[[tuple[int, int], "tf.Tensor"], "tf.Tensor"]


class Draw(NamedTuple):
    """What G makes a batch of fakes from, (z, y).

    Attributes:
      latents: float32 `[B, latent_dim]`.
      labels: int64 `[B]`; None where G is asked for no class, or for those of an update's reals.
      number: which draw of the run it is, int64.
    """

    latents: tf.Tensor
    labels: tf.Tensor | None = None
    number: tf.Tensor | int = 0


# Disjoint random streams of one seed, so that no use of it sees another's numbers.
TRAINING_STREAM = 0
GRID_STREAM = 1
SAMPLING_STREAM = 2
PENALTY_STREAM = 3
MEASURING_STREAM = 4
POOL_STREAM = 5
EVALUATION_STREAM = 6
AUGMENT_STREAM = 7
MIRROR_STREAM = 8
LABEL_STREAM = 9
EVALUATION_LABEL_STREAM = 10
SAMPLING_LABEL_STREAM = 11
_STREAMS = 16


def stream_seed(seed: tf.Tensor | int, stream: int, counter: tf.Tensor | int = 0) -> tf.Tensor:
    """Returns the `[2]` seed of draw number `counter` in one stream of `seed`.

    A draw is a pure function of this seed, so resuming needs no generator state.
    """
    if isinstance(seed, int):  # One of ours, below 2^31: nothing to look after at each step.
        return tf.stack([tf.cast(seed * _STREAMS + stream, tf.int64), tf.cast(counter, tf.int64)])
    product = tf.cast(seed, tf.int64) * _STREAMS
    # From 2^59 on the product wraps round. What it loses makes another counter, so that each
    # int64 seed has numbers of its own.
    lost = tf.cast(seed, tf.int64) - tf.bitwise.right_shift(product, 4)
    counter = tf.cast(counter, tf.int64) + tf.bitwise.right_shift(lost, 20)
    return tf.stack([product + stream, counter])


def standard_normal(shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    """z ~ N(0, 1), float32, of the given `[batch, latent_dim]` shape."""
    # Philox is named because the default algorithm differs between CPU and GPU.
    return tf.random.stateless_normal(shape, seed, alg="philox")


def uniform(shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    """z ~ U(-1, 1), float32, of the given `[batch, latent_dim]` shape (Radford et al., 2015)."""
    return tf.random.stateless_uniform(shape, seed, minval=-1.0, maxval=1.0, alg="philox")


def unit_uniform(shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    """z ~ U(-sqrt 3, sqrt 3): uniform of unit variance (Goodfellow et al., 2014)."""
    return tf.math.sqrt(3.0) * uniform(shape, seed)


def shifted_normal(shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    """z ~ N(-1, 1): what numpy's normal(-1, 1) gives to those who mean a range."""
    return standard_normal(shape, seed) - 1.0


def uniform_labels(number: int, classes: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns labels int64 `[number]`, each class as likely."""
    return tf.random.stateless_uniform(
        [number], seed, minval=0, maxval=classes, dtype=tf.int64, alg="philox"
    )


def labels_by_share(number: int, counts: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
    """Returns labels int64 `[number]`, each class as likely as its part of the counts' sum."""
    ends = tf.cumsum(tf.constant(counts, tf.int64))
    return tf.searchsorted(
        ends, uniform_labels(number, sum(counts), seed), side="right", out_type=tf.int64
    )


def truncated(latents: tf.Tensor, truncations: tf.Tensor | float, mean: float) -> tf.Tensor:
    """Returns latents nearer to their distribution's mean, or farther from it: mean + t (z - mean).

    Nearer ones give images that are more usual and less varied. Karras et al. (2019, arXiv
    1812.04948, appendix B) do so in another space, to each latent alike.

    Args:
      latents: float32 `[B, latent_dim]`.
      truncations: t, float32 `[B, 1]` or one for all; 1 changes no bit.
      mean: of the distribution, see MEANS.
    """
    return latents + (truncations - 1.0) * (latents - mean)


def training_draws(
    distribution: Distribution,
    batch_size: int,
    latent_dim: int,
    *,
    seed: int,
    pool: int = 0,
    classes: int = 0,
) -> Callable[[tf.Tensor], Draw]:
    """Returns the function from a draw's number to the draw.

    Args:
      distribution: one of LATENTS.
      batch_size, latent_dim: of each draw's latents.
      seed: decides all draws.
      pool: draw so many latents once, and take them in turn; 0 draws fresh ones.
      classes: draw labels too, each of so many classes as often; 0 draws none.
    """

    def labels(number: tf.Tensor) -> tf.Tensor | None:
        if not classes:
            return None
        return uniform_labels(batch_size, classes, stream_seed(seed, LABEL_STREAM, number))

    if not pool:
        shape = (batch_size, latent_dim)
        return lambda number: Draw(
            distribution(shape, stream_seed(seed, TRAINING_STREAM, number)), labels(number), number
        )
    all_latents = distribution((pool, latent_dim), stream_seed(seed, POOL_STREAM))

    def next_of_pool(number: tf.Tensor) -> Draw:
        places = number * batch_size + tf.range(batch_size, dtype=tf.int64)
        return Draw(tf.gather(all_latents, places % pool), labels(number), number)

    return next_of_pool


LATENTS: dict[str, Distribution] = {
    "normal": standard_normal,
    "uniform": uniform,
    "unit_uniform": unit_uniform,
    "shifted_normal": shifted_normal,
}

MEANS = dict.fromkeys(LATENTS, 0.0) | {"shifted_normal": -1.0}
