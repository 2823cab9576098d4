"""Latent distributions p(z), shared by training, sampling and export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from etils import epy

with epy.lazy_imports():
    import tensorflow as tf

CODE_SIZE = 3.0  # What stands in a code's one place that is not 0.
CODES = 16


@dataclass(frozen=True)
class Distribution:
    """How latents are distributed. Called with a shape (B, latent_dim) and a seed `[2]`, it gives
    such latents, float32.

    Attributes:
      draw: what it gives then.
      mean: of each latent that belongs to no code.
      codes: how many of the first latents are a code, all 0 but one.
    """

    draw: Callable[[tuple[int, int], tf.Tensor], tf.Tensor]
    mean: float = 0.0
    codes: int = 0

    def __call__(self, shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
        """Returns latents; the same seed gives the same, and of more rows the first ones."""
        return self.draw(shape, seed)

    def truncated(self, latents: tf.Tensor, truncations: tf.Tensor | float) -> tf.Tensor:
        """Returns latents nearer to their mean, or farther from it: mean + t (z - mean). A code
        stays what it is: no image is of the mean of all codes.

        Nearer ones give images that are more usual and less varied. Karras et al. (2019, arXiv
        1812.04948, appendix B) do so in another space, to each latent alike.

        Args:
          latents: float32 `[B, latent_dim]`.
          truncations: t, float32 `[B, 1]` or one for all; 1 changes no bit.
        """
        code, rest = latents[:, : self.codes], latents[:, self.codes :]
        return tf.concat([code, rest + (truncations - 1.0) * (rest - self.mean)], 1)

    def between(self, a: tf.Tensor, b: tf.Tensor, fractions: tf.Tensor) -> tf.Tensor:
        """Returns latents on the way from `a` (fraction 0) to `b` (fraction 1): on the great circle
        round their mean, see `slerp`, and in a straight line between two codes.

        The way from one code to another leads through what G never saw, and what it draws there is
        no kind of image. With the same code at both ends all of the way is of that kind.

        Args:
          a, b: float32 `[B, latent_dim]`.
          fractions: float32 `[B, 1]`.
        """
        way = self.mean + slerp(
            a[:, self.codes :] - self.mean, b[:, self.codes :] - self.mean, fractions
        )
        if not self.codes:
            return way
        codes = (1.0 - fractions) * a[:, : self.codes] + fractions * b[:, : self.codes]
        return tf.concat([codes, way], 1)


def slerp(a: tf.Tensor, b: tf.Tensor, fractions: tf.Tensor) -> tf.Tensor:
    """Returns latents on the great circle from `a` (fraction 0) to `b` (fraction 1).

    Between two draws of a normal distribution a straight line passes through lengths that the
    generator never saw (White, 2016, "Sampling Generative Networks", section 2.1). Where the two
    are parallel, the line is all there is.

    Args:
      a, b: float32 `[B, latent_dim]`.
      fractions: float32 `[B, 1]`.
    """
    cosine = tf.reduce_sum(tf.nn.l2_normalize(a, -1) * tf.nn.l2_normalize(b, -1), -1, True)
    angle = tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))
    sine = tf.sin(angle)
    straight = sine < 1e-4
    safe = tf.where(straight, 1.0, sine)  # A division by zero would be NaN in the branch not taken.
    along = (tf.sin((1.0 - fractions) * angle) * a + tf.sin(fractions * angle) * b) / safe
    return tf.where(straight, (1.0 - fractions) * a + fractions * b, along)


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
    if isinstance(seed, int) and abs(seed) < 2**31:  # One of ours: nothing to look after.
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


def unit_cube(shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    """z ~ U(0, 1): a point of the unit hypercube (Mirza & Osindero, 2014)."""
    return tf.random.stateless_uniform(shape, seed, alg="philox")


def shifted_normal(shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    """z ~ N(-1, 1): what numpy's normal(-1, 1) gives to those who mean a range."""
    return standard_normal(shape, seed) - 1.0


def mixture(codes: int) -> Distribution:
    """Returns a mixture of as many normal distributions as there are codes, each as likely: the
    first `codes` latents are 0 but for one of them, CODE_SIZE; the rest is N(0, 1).

    A normal distribution is connected, and so is what a continuous G makes of it; images of several
    kinds are not, and what lies between two kinds is drawn too (Khayatkhoei et al., 2018, arXiv
    1806.00880; Tanielian et al., 2020, arXiv 2006.04596). DeLiGAN (Gurumurthy et al., 2017, arXiv
    1706.02071) draws from a mixture whose means and widths are learned; here they are fixed.
    """

    def draw(shape: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
        one, other = tf.unstack(tf.random.experimental.stateless_split(seed, 2, alg="philox"))
        places = uniform_labels(shape[0], codes, one)
        rest = standard_normal((shape[0], shape[1] - codes), other)
        return tf.concat([CODE_SIZE * tf.one_hot(places, codes), rest], 1)

    return Distribution(draw, codes=codes)


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
    "normal": Distribution(standard_normal),
    "uniform": Distribution(uniform),
    "unit_uniform": Distribution(unit_uniform),
    "unit_cube": Distribution(unit_cube, mean=0.5),
    "shifted_normal": Distribution(shifted_normal, mean=-1.0),
    "mixture": mixture(CODES),
}


def distribution_of(name: str, codes: int = CODES) -> Distribution:
    """Returns one of LATENTS, with so many codes if it has any."""
    found = LATENTS[name]
    return mixture(codes) if found.codes else found
