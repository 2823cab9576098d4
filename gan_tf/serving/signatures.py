"""What an exported SavedModel can be asked.

| signature | takes | gives |
|---|---|---|
| `serving_default` | `latents` [B, D] float32 | `images` [B, H, W, C] float32 in [-1, 1] |
| `generate` | `seeds` [B] int64 | `images` [B, H, W, C] uint8 |
| `generate_png` | `seeds` [B] int64 | `png_bytes` [B] string |
| `generate_truncated` | `seeds` [B] int64, `truncations` [B] float32 in [0, 2] | as `generate` |
| `interpolate` | `seeds_from`, `seeds_to` [B] int64, `fractions` [B] float32 | as `generate` |
| `discriminate` | `images` [B, H, W, C] uint8 | `logits`, `probabilities` [B] float32 |

That of a conditional run takes `labels` [B] int64 in each of them, but for `interpolate`, which
takes `labels_from` and `labels_to`. And it has one more:

| `classes` | `labels` [B] int64, whichever | `names` [B, K] string: of all K classes, by label |

Every tensor shares its first dimension, as TensorFlow Serving's batching demands. The image of
a seed (and a label) depends on those alone, not on their batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from gan_tf.data.pixels import scale, unscale_tensor
from gan_tf.game.latents import SAMPLING_STREAM, Distribution, Draw, stream_seed
from gan_tf.models import ImageShape
from gan_tf.models.calling import apply

_MOST_PIXELS = 2**22  # Of all rows of a request; a row of MNIST takes 90 KB.
_MOST_FEATURES = 2**26  # The same, where a network is at its widest.
_MOST_NAMES = 2**20  # Of all rows of a request for classes.
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
    classes: Sequence[str] = (),
) -> dict[str, Endpoint]:
    """Returns each signature's function and inputs.

    Args:
      generator: latents `[B, latent_dim]`, and labels of a conditional run, to images
        `[B, H, W, C]`.
      discriminator: images, and such labels, to logits `[B, 1]`.
      distribution: of the latents, one of LATENTS.
      latent_dim: size of z.
      image_shape: (H, W, C).
      cross_entropy: whether logits are those of probabilities; if not, there are none.
      classes: their names in the order of the labels, if the run was conditional.
    """

    # Each function compares the shape of its inputs with the signature's: a runtime that loads the
    # graph alone does not, and a convolution of images without channels would end its process.

    def images_of(draw: Draw) -> tf.Tensor:
        latents = tf.debugging.check_numerics(draw.latents, "latents")
        images = apply(generator, latents, draw.labels, training=False)
        # A generator without a bounded output is clipped here, never in training.
        return tf.clip_by_value(tf.debugging.check_numerics(images, "images"), -1.0, 1.0)

    fit = _MOST_FEATURES // max(map(_widest, (generator, discriminator)))
    most = max(_ROWS, min(fit, _MOST_PIXELS // (image_shape[0] * image_shape[1])))

    def few(rows: tf.Tensor, most: int = most) -> tf.Tensor:
        """Refuses more rows than fit into some hundred MB: oneDNN's kernels end the process where
        memory is short."""
        said = [f"at most {most:,} rows a request"]
        with tf.control_dependencies([tf.debugging.Assert(tf.shape(rows)[0] <= most, said)]):
            return tf.identity(rows)

    def at_once(rows: tf.Tensor | None) -> tf.Tensor | None:
        """Adds a row where there is none: oneDNN's convolutions of none are wrong, or fail."""
        if rows is None:
            return None
        rows = few(rows)
        lack = tf.cast(tf.equal(tf.shape(rows)[0], 0), tf.int32)
        return tf.pad(rows, [[0, lack], *[[0, 0]] * (len(rows.shape) - 1)])

    def pixels_of(draw: Draw) -> tf.Tensor:
        # Matrix products of few rows and of many take other ways through a processor, and round
        # otherwise. So the generator sees _ROWS at a time, whatever the request's size.
        number = tf.shape(draw.latents)[0]
        fours = [
            tf.reshape(
                tf.pad(each, [[0, -number % _ROWS], *[[0, 0]] * (len(each.shape) - 1)]),
                [-1, _ROWS, *each.shape[1:]],
            )
            for each in (draw.latents, draw.labels)
            if each is not None
        ]
        images = tf.map_fn(
            lambda rows: unscale_tensor(images_of(Draw(*rows))),
            tuple(fours),
            fn_output_signature=tf.TensorSpec([_ROWS, *image_shape], tf.uint8),
        )
        return tf.reshape(images, [-1, *image_shape])[:number]

    def draw_of(seeds: tf.Tensor, labels: tf.Tensor | None = None) -> Draw:
        """What `gan_tf.sample` draws first with each seed."""

        def one(seed: tf.Tensor) -> tf.Tensor:
            # XLA, which a server may have compile whatever it finds, draws other numbers.
            with tf.xla.experimental.jit_scope(compile_ops=False):
                return distribution((1, latent_dim), stream_seed(seed, SAMPLING_STREAM))[0]

        row = tf.TensorSpec([latent_dim], tf.float32)
        seeds = few(tf.ensure_shape(seeds, [None]))
        return Draw(tf.map_fn(one, seeds, fn_output_signature=row), asked(labels, seeds))

    def asked(labels: tf.Tensor | None, beside: tf.Tensor) -> tf.Tensor | None:
        """Labels that are classes, one for each row of what stands beside them."""
        if labels is None:
            return None
        labels, _ = as_many(tf.ensure_shape(labels, [None]), beside)
        named = tf.reduce_all(are_classes(labels))
        tf.debugging.Assert(named, [f"labels must be from 0 to {len(classes) - 1}"])
        return labels

    def are_classes(labels: tf.Tensor) -> tf.Tensor:
        return (labels >= 0) & (labels < len(classes))

    def serving_default(latents: tf.Tensor, labels: tf.Tensor | None = None) -> Tensors:
        latents = tf.ensure_shape(latents, [None, latent_dim])
        draw = Draw(at_once(latents), at_once(asked(labels, latents)))
        images = images_of(draw)[: tf.shape(latents)[0]]
        if labels is not None:
            # Other runtimes leave out the assertion: there, what is no class has no image.
            known = are_classes(labels)[:, tf.newaxis, tf.newaxis, tf.newaxis]
            images = tf.where(known, images, float("nan"))
        return {"images": images}

    def generate(seeds: tf.Tensor, labels: tf.Tensor | None = None) -> Tensors:
        return {"images": pixels_of(draw_of(seeds, labels))}

    def generate_png(seeds: tf.Tensor, labels: tf.Tensor | None = None) -> Tensors:
        # TensorFlow Serving sends what is named *_bytes as base64.
        return {"png_bytes": tf.io.encode_png(generate(seeds, labels)["images"])}

    def generate_truncated(
        seeds: tf.Tensor, truncations: tf.Tensor, labels: tf.Tensor | None = None
    ) -> Tensors:
        seeds, truncations = as_many(seeds, tf.ensure_shape(truncations, [None]))
        draw = draw_of(seeds, labels)
        bounded = tf.reduce_all((truncations >= 0.0) & (truncations <= 2.0))  # NaN is not.
        tf.debugging.Assert(bounded, ["truncations must be from 0 to 2"])
        latents = distribution.truncated(draw.latents, truncations[:, tf.newaxis])
        return {"images": pixels_of(Draw(latents, draw.labels))}

    def interpolate(
        seeds_from: tf.Tensor,
        seeds_to: tf.Tensor,
        fractions: tf.Tensor,
        labels_from: tf.Tensor | None = None,
        labels_to: tf.Tensor | None = None,
    ) -> Tensors:
        fractions = tf.ensure_shape(fractions, [None])
        seeds_from, seeds_to, fractions = as_many(seeds_from, seeds_to, fractions)
        start, end = draw_of(seeds_from, labels_from), draw_of(seeds_to, labels_to)
        latents = distribution.between(start.latents, end.latents, fractions[:, tf.newaxis])
        if start.labels is None:
            return {"images": pixels_of(Draw(latents))}
        # Every picture is one of a class: networks need not know what lies between two.
        labels = tf.where(fractions < 0.5, start.labels, end.labels)
        return {"images": pixels_of(Draw(latents, labels))}

    def discriminate(images: tf.Tensor, labels: tf.Tensor | None = None) -> Tensors:
        pixels = scale(tf.ensure_shape(images, [None, *image_shape]))
        one, its_label = at_once(pixels), at_once(asked(labels, pixels))
        judged = apply(discriminator, one, its_label, training=False)
        logits = tf.cast(judged[: tf.shape(pixels)[0], 0], tf.float32)
        found = {"logits": logits}
        return found | ({"probabilities": tf.sigmoid(logits)} if cross_entropy else {})

    def names(labels: tf.Tensor) -> Tensors:
        labels = few(tf.ensure_shape(labels, [None]), max(_ROWS, _MOST_NAMES // len(classes)))
        rows = tf.shape(asked(labels, labels))[0]
        return {"names": tf.repeat(tf.constant([classes]), rows, axis=0)}

    def numbers(name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.int64, name)

    def floats(name: str, *shape: int) -> tf.TensorSpec:
        return tf.TensorSpec([None, *shape], tf.float32, name)

    def labels(*names: str) -> list[tf.TensorSpec]:
        return [numbers(name) for name in names] if classes else []

    seeds, images = numbers("seeds"), tf.TensorSpec([None, *image_shape], tf.uint8, "images")
    ends = [numbers("seeds_from"), numbers("seeds_to"), floats("fractions")]
    endpoints: dict[str, Endpoint] = {
        "serving_default": (serving_default, [floats("latents", latent_dim), *labels("labels")]),
        "generate": (generate, [seeds, *labels("labels")]),
        "generate_png": (generate_png, [seeds, *labels("labels")]),
        "generate_truncated": (
            generate_truncated,
            [seeds, floats("truncations"), *labels("labels")],
        ),
        "interpolate": (interpolate, [*ends, *labels("labels_from", "labels_to")]),
        "discriminate": (discriminate, [images, *labels("labels")]),
    }
    return endpoints | ({"classes": (names, labels("labels"))} if classes else {})


def _widest(network: keras.Model) -> int:
    """The most features that a layer makes of one row."""
    outputs = (out for layer in network.layers for out in keras.tree.flatten(layer.output))
    return max(int(math.prod(each.shape[1:])) for each in outputs)


def as_many(*inputs: tf.Tensor) -> list[tf.Tensor]:
    """Returns inputs that have as many rows; others are an error before anything uses them."""
    rows = [tf.shape(each)[0] for each in inputs]
    alike = tf.debugging.assert_equal(
        rows, rows[:1] * len(rows), "every input must have as many rows"
    )
    # A graph keeps no order between an assertion and what it guards, unless it is told.
    with tf.control_dependencies([alike]):
        return [tf.identity(each) for each in inputs]
