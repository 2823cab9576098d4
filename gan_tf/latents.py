"""Latent distributions p(z), shared by training, sampling and export."""

from __future__ import annotations

from collections.abc import Callable

from etils import epy

with epy.lazy_imports():
    import tensorflow as tf

# Disjoint random streams of one seed, so that no use of it sees another's numbers.
TRAINING_STREAM = 0
GRID_STREAM = 1
SAMPLING_STREAM = 2
PENALTY_STREAM = 3
MEASURING_STREAM = 4
POOL_STREAM = 5
EVALUATION_STREAM = 6
_STREAMS = 16


def stream_seed(seed: tf.Tensor | int, stream: int, counter: tf.Tensor | int = 0) -> tf.Tensor:
    """Returns the `[2]` seed of draw number `counter` in one stream of `seed`.

    A draw is a pure function of this seed, so resuming needs no generator state.
    """
    key = tf.cast(seed, tf.int64) * _STREAMS + stream
    return tf.stack([key, tf.cast(counter, tf.int64)])


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


LATENTS: dict[str, Callable[[tuple[int, int], tf.Tensor], tf.Tensor]] = {
    "normal": standard_normal,
    "uniform": uniform,
    "unit_uniform": unit_uniform,
    "shifted_normal": shifted_normal,
}
