"""What an exported SavedModel can be asked.

| signature | takes | gives |
|---|---|---|
| `serving_default` | `latents` [B, D] float32 | `images` [B, H, W, C] float32 in [-1, 1] |
| `generate` | `seeds` [B] int64 | `images` [B, H, W, C] uint8 |
| `generate_png` | `seeds` [B] int64 | `png_bytes` [B] string |
| `interpolate` | `seeds_from`, `seeds_to` [B] int64, `fractions` [B] float32 | as `generate` |
| `discriminate` | `images` [B, H, W, C] uint8 | `logits`, `probabilities` [B] float32 |

Every tensor shares its first dimension, as TensorFlow Serving's batching demands. The image of
a seed depends on that seed alone, not on its batch.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from gan_tf.data.pixels import scale, unscale_tensor
from gan_tf.game.latents import SAMPLING_STREAM, Distribution, Draw, stream_seed
from gan_tf.models import ImageShape

_ROWS = 4  # Images that the generator draws at a time; dcgan's speed does not depend on it.

Tensors = dict[str, tf.Tensor]
Endpoint = tuple[Callable[..., Tensors], list[tf.TensorSpec]]


def signatures(
    generator: keras.Model,
    discriminator: keras.Model,
    distribution: Distribution,
    *,
    latent_dim: int,
    image_shape: ImageShape,
    cross_entropy: bool,
) -> dict[str, Endpoint]:
    """Returns each signature's function and inputs.

    Args:
      generator: latents `[B, latent_dim]` to images `[B, H, W, C]`.
      discriminator: images to logits `[B, 1]`.
      distribution: of the latents, one of LATENTS.
      latent_dim: size of z.
      image_shape: (H, W, C).
      cross_entropy: whether logits are those of probabilities; if not, there are none.
    """

    # Each function compares the shape of its inputs with the signature's: a runtime that loads the
    # graph alone does not, and a convolution of images without channels would end its process.

    def images_of(draw: Draw) -> tf.Tensor:
        latents = tf.debugging.check_numerics(draw.latents, "latents")
        images = generator(latents, training=False)
        # A generator without a bounded output is clipped here, never in training.
        return tf.clip_by_value(tf.debugging.check_numerics(images, "images"), -1.0, 1.0)

    def pixels_of(draw: Draw) -> tf.Tensor:
        # Matrix products of few rows and of many take other ways through a processor, and round
        # otherwise. So the generator sees _ROWS at a time, whatever the request's size.
        number = tf.shape(draw.latents)[0]
        padded = tf.pad(draw.latents, [[0, -number % _ROWS], [0, 0]])
        images = tf.map_fn(
            lambda rows: images_of(Draw(rows)),
            tf.reshape(padded, [-1, _ROWS, latent_dim]),
            fn_output_signature=tf.TensorSpec([_ROWS, *image_shape], tf.float32),
        )
        return unscale_tensor(tf.reshape(images, [-1, *image_shape])[:number])

    def draw_of(seeds: tf.Tensor) -> Draw:
        """What `gan_tf.sample` draws first with each seed."""

        def one(seed: tf.Tensor) -> tf.Tensor:
            return distribution((1, latent_dim), stream_seed(seed, SAMPLING_STREAM))[0]

        row = tf.TensorSpec([latent_dim], tf.float32)
        return Draw(tf.map_fn(one, tf.ensure_shape(seeds, [None]), fn_output_signature=row))

    def serving_default(latents: tf.Tensor) -> Tensors:
        return {"images": images_of(Draw(tf.ensure_shape(latents, [None, latent_dim])))}

    def generate(seeds: tf.Tensor) -> Tensors:
        return {"images": pixels_of(draw_of(seeds))}

    def generate_png(seeds: tf.Tensor) -> Tensors:
        # TensorFlow Serving sends what is named *_bytes as base64.
        return {"png_bytes": tf.io.encode_png(generate(seeds)["images"])}

    def interpolate(seeds_from: tf.Tensor, seeds_to: tf.Tensor, fractions: tf.Tensor) -> Tensors:
        fractions = tf.ensure_shape(fractions, [None])
        rows = [tf.shape(each)[0] for each in (seeds_from, seeds_to, fractions)]
        tf.debugging.assert_equal(rows, rows[:1] * 3, "seeds and fractions must be as many")
        start, end = draw_of(seeds_from).latents, draw_of(seeds_to).latents
        return {"images": pixels_of(Draw(slerp(start, end, fractions[:, tf.newaxis])))}

    def discriminate(images: tf.Tensor) -> Tensors:
        pixels = scale(tf.ensure_shape(images, [None, *image_shape]))
        logits = tf.cast(discriminator(pixels, training=False)[:, 0], tf.float32)
        found = {"logits": logits}
        return found | ({"probabilities": tf.sigmoid(logits)} if cross_entropy else {})

    def seeds(name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.int64, name)

    return {
        "serving_default": (
            serving_default,
            [tf.TensorSpec([None, latent_dim], tf.float32, "latents")],
        ),
        "generate": (generate, [seeds("seeds")]),
        "generate_png": (generate_png, [seeds("seeds")]),
        "interpolate": (
            interpolate,
            [
                seeds("seeds_from"),
                seeds("seeds_to"),
                tf.TensorSpec([None], tf.float32, "fractions"),
            ],
        ),
        "discriminate": (
            discriminate,
            [tf.TensorSpec([None, *image_shape], tf.uint8, "images")],
        ),
    }


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
