"""Random numbers of augmentations, one an image."""

from __future__ import annotations

import tensorflow as tf

from gan_tf.workers import replica

_MOST = 32  # Numbers of a kind an image.


def uniforms(seed: tf.Tensor, number: int, images: int) -> list[tf.Tensor]:
    """Returns so many times U[0, 1), `[images]` each, those of this worker's images."""

    def draw(everywhere: int) -> tf.Tensor:
        return tf.random.stateless_uniform([number, everywhere], seed, alg="philox")

    return list(tf.unstack(replica.drawn(draw, images, axis=1)))


class Chance:
    """Hands out numbers `[B]` of one seed, each once, in the order in which they are asked for."""

    def __init__(self, seed: tf.Tensor, images: int, probability: tf.Tensor | float) -> None:
        """Takes the seed, how many images there are, and the probability of each change."""
        one, other = tf.unstack(tf.random.experimental.stateless_split(seed, 2, alg="philox"))
        self._uniforms = iter(uniforms(one, _MOST, images))

        def draw(everywhere: int) -> tf.Tensor:
            return tf.random.stateless_normal([_MOST, everywhere], other, alg="philox")

        self._normals = iter(tf.unstack(replica.drawn(draw, images, axis=1)))
        self._probability = probability

    def uniform(self, low: float, high: float) -> tf.Tensor:
        """U[low, high)."""
        return low + (high - low) * next(self._uniforms)

    def below(self, number: int) -> tf.Tensor:
        """A whole number from 0 to before `number`, int32."""
        return tf.cast(number * next(self._uniforms), tf.int32)

    def normal(self, deviation: float) -> tf.Tensor:
        """N(0, deviation^2)."""
        return deviation * next(self._normals)

    def sometimes(self, number: tf.Tensor, rarer: bool = False) -> tf.Tensor:
        """The number with the probability, else 0.

        Args:
          number: `[B]`.
          rarer: with 1 - sqrt(1 - probability), for a change that has two occasions.
        """
        at = 1.0 - tf.sqrt(1.0 - self._probability) if rarer else self._probability
        return tf.where(next(self._uniforms) < at, number, tf.zeros_like(number))
