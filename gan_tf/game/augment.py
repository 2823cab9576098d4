"""What D sees in place of an image: augmentations, for reals and fakes alike, in both players'
updates. G then learns what, so changed, looks like the reals so changed. Where no change hides
what an image was, that is the reals themselves, and nothing of the changes leaks into the samples.

All are differentiable, and functions of the images and a seed alone. Images are float32
`[B, H, W, C]` in [-1, 1], C being 1, 3 or 4; what comes out can leave that range, as published.
Alpha, the fourth channel, is moved with the colours, and its values stay what they are.

See "Differentiable Augmentation for Data-Efficient GAN Training" (Zhao et al., 2020, arXiv
2006.10738) and "Training Generative Adversarial Networks with Limited Data" (Karras et al., 2020,
arXiv 2006.06676), which is called ADA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

from gan_tf.game import affine, colours
from gan_tf.game.adaptive import Probability
from gan_tf.game.chance import Chance, uniforms
from gan_tf.game.latents import AUGMENT_STREAM, MIRROR_STREAM, stream_seed
from gan_tf.game.schedules import Schedule, at
from gan_tf.workers import replica

_SHIFT = 0.125  # Of a side: the farthest translation of DiffAugment.
_CUT = 0.5  # Of a side: the square that it cuts out.


class Augment(Protocol):
    """Changes images."""

    def __call__(self, images: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
        """Returns images `[B, H, W, C]` as D sees them in one update.

        Args:
          images: the images; the first of reals and of fakes are changed alike, and so on.
          number: which update of the run: that of a draw of latents.
        """


@dataclass(frozen=True)
class Scheduled:
    """A probability of each change that is a schedule of the steps, not one that follows D."""

    schedule: Schedule
    step: tf.Variable

    @property
    def value(self) -> tf.Tensor | float:
        """What it is at this step."""
        return at(self.schedule, self.step)


def augment_of(
    name: str, *, seed: int, probability: Probability | Scheduled | None
) -> Augment | None:
    """Returns an augmentation; None where D sees images as they are.

    Args:
      name: `none`, `diffaugment` or `ada`.
      seed: decides all changes, with the update's number.
      probability: of each change, for `ada`.
    """
    if name == "none":
        return None

    def augment(images: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
        images, drawn = tf.cast(images, tf.float32), stream_seed(seed, AUGMENT_STREAM, number)
        if probability is None:
            return diffaugment(images, drawn)
        return ada(images, drawn, probability.value)

    return augment


def diffaugment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """DiffAugment with all its three kinds, colour, translation and cutout; see Zhao et al.
    (2020), section 4.

    Brightness adds U(-0.5, 0.5). Saturation takes a pixel's colours U(0, 2) times as far from
    their mean, contrast those of the image U(0.5, 1.5) times from theirs. A translation is a whole
    number of pixels, up to an eighth of a side each way. A square of half the side is cut out; its
    middle is anywhere, so that it can lie half outside. What comes in from outside, and what is cut
    out, is 0, a middle grey; with alpha it is transparent black.
    """
    _, height, width, channels = images.shape
    brightness, saturation, contrast, right, down, left, top = uniforms(seed, 7, images.shape[0])
    images = _recoloured(images, brightness - 0.5, 2.0 * saturation, contrast + 0.5)
    void = -1.0 if channels == 4 else 0.0
    moved = affine.shifted(images - void, _pixels(right, width), _pixels(down, height))
    # Cut out is where both are 0.
    kept = tf.maximum(_kept(top, height)[:, :, None], _kept(left, width)[:, None, :])
    return void + moved * kept[..., None]


def _recoloured(
    images: tf.Tensor, brightness: tf.Tensor, saturation: tf.Tensor, contrast: tf.Tensor
) -> tf.Tensor:
    """The three, `[B]` each, in this order, as one matrix and one offset an image: brightness moves
    both means with it, and saturation none."""
    colours_only = images[..., :3]
    number = colours_only.shape[3]
    mean = tf.reduce_mean(colours_only, axis=[1, 2, 3])
    own, shared = contrast * saturation, contrast * (1.0 - saturation) / number
    matrix = own[:, None, None] * tf.eye(number) + shared[:, None, None]
    return colours.mapped(images, matrix, (1.0 - contrast) * mean + brightness)


def _pixels(uniform: tf.Tensor, size: int) -> tf.Tensor:
    """A translation along a side in whole pixels, float32."""
    most = int(_SHIFT * size + 0.5)
    return tf.floor(uniform * (2 * most + 1)) - most


def _kept(uniform: tf.Tensor, size: int) -> tf.Tensor:
    """`[B, size]`: 0 in the stretch that is cut out of a line, 1 elsewhere."""
    cut = int(_CUT * size + 0.5)
    middle = tf.cast(uniform * (size + 1 - cut % 2), tf.int32)[:, None]
    place = tf.range(size) - middle + cut // 2
    return 1.0 - tf.cast((place >= 0) & (place < cut), tf.float32)


def ada(images: tf.Tensor, seed: tf.Tensor, probability: tf.Tensor | float) -> tf.Tensor:
    """The geometry and the colours of ADA, each change with a probability; see `affine` and
    `colours`. At 0 an image comes out with its bits."""
    chance = Chance(seed, images.shape[0], probability)
    moved = affine.resample(images, affine.transforms(chance, images.shape[1:3]))
    return colours.change(moved, chance)


def mirrored(images: tf.Tensor, step: tf.Tensor, *, seed: int) -> tf.Tensor:
    """Returns a step's reals `[k, B, H, W, C]`, each as it is or mirrored, left to right, as the
    seed and the step decide."""
    batches, at = images.shape[0], stream_seed(seed, MIRROR_STREAM, step)
    uniform = replica.drawn(
        lambda rows: tf.random.stateless_uniform([batches, rows], at, alg="philox"),
        images.shape[1],
        axis=1,
    )
    return tf.where(uniform[:, :, None, None, None] < 0.5, images[..., ::-1, :], images)
