"""ADA's geometry: one affine map an image, and one resampling. See Karras et al. (2020, arXiv
2006.06676), appendix B.

The authors resample with a wavelet filter of 6 taps, at twice the resolution. Here it is bilinear:
a fraction of the work, exact for flips, quarter turns and whole shifts, and softer for the rest.
D sees reals and fakes equally soft, so that G does not learn it. Outside, an image is mirrored at
its edges, so nothing foreign comes in; alpha moves with the colours.
"""

from __future__ import annotations

import math

import tensorflow as tf

from gan_tf.game.chance import Chance

_SCALE = 0.2 * math.log(2.0)
_SHIFT = 0.125


def transforms(chance: Chance, size: tuple[int, int]) -> tf.Tensor:
    """Returns where each pixel comes from: `[B, 3, 3]` from (x, y, 1) to (x, y, 1), in pixels
    from the middle.

    Each sometimes, and in this order:

    - a flip from left to right, every second time;
    - 0 to 3 quarter turns;
    - a shift by whole pixels, U(-0.125, 0.125) of the side;
    - scale 2^N(0, 0.2^2);
    - a turn by U(-pi, pi), with probability 1 - sqrt(1 - p);
    - x scaled by 2^N(0, 0.2^2), and y by its inverse;
    - such a turn again: that there is any has the probability p;
    - a shift by N(0, 0.125^2) of the side.

    Every change is as likely as its inverse. So the map from what D sees back to the image is drawn
    in the same way, its factors in reverse order.

    Args:
      chance: the random numbers.
      size: (H, W).
    """
    height, width = size
    flip = 1.0 - 2.0 * tf.cast(chance.sometimes(chance.below(2)), tf.float32)
    found = _scale(flip, tf.ones_like(flip))
    turns = chance.sometimes(chance.below(4))
    cosine, sine = tf.gather([1.0, 0.0, -1.0, 0.0], turns), tf.gather([0.0, 1.0, 0.0, -1.0], turns)
    found @= _rotation(cosine, sine)
    by = [tf.round(chance.uniform(-_SHIFT, _SHIFT) * side) for side in (width, height)]
    found @= _shift(*_together(chance, by))
    scale = tf.exp(chance.sometimes(chance.normal(_SCALE)))
    found @= _scale(scale, scale)
    found @= _turn(chance)
    scale = tf.exp(chance.sometimes(chance.normal(_SCALE)))
    found @= _scale(scale, 1.0 / scale)
    found @= _turn(chance)
    by = [chance.normal(_SHIFT) * side for side in (width, height)]
    return found @ _shift(*_together(chance, by))


def _turn(chance: Chance) -> tf.Tensor:
    angle = chance.sometimes(chance.uniform(-math.pi, math.pi), rarer=True)
    return _rotation(tf.cos(angle), tf.sin(angle))


def _together(chance: Chance, by: list[tf.Tensor]) -> list[tf.Tensor]:
    """Both shifts or none."""
    happens = chance.sometimes(tf.ones_like(by[0]))
    return [happens * each for each in by]


def _scale(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    zero = tf.zeros_like(x)
    return _matrix([x, zero, zero, zero, y, zero, zero, zero, zero + 1.0])


def _rotation(cosine: tf.Tensor, sine: tf.Tensor) -> tf.Tensor:
    zero = tf.zeros_like(sine)
    return _matrix([cosine, -sine, zero, sine, cosine, zero, zero, zero, zero + 1.0])


def _shift(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    zero = tf.zeros_like(x)
    one = zero + 1.0
    return _matrix([one, zero, x, zero, one, y, zero, zero, one])


def _matrix(numbers: list[tf.Tensor]) -> tf.Tensor:
    return tf.reshape(tf.stack(numbers, 1), [-1, 3, 3])


def resample(images: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Returns each image read through its map, bilinearly.

    It is linear in the images. TensorFlow has a fast kernel for that, but takes the inverse map in
    place of the gradient, which is wrong where the map scales, or the edge mirrors. Here the slope
    is the true one, to any order.

    Args:
      images: float32 `[B, H, W, C]`.
      maps: `[B, 3, 3]`, see `transforms`. No gradient goes into them.
    """
    maps = tf.stop_gradient(maps)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def read(images: tf.Tensor) -> tuple[tf.Tensor, object]:
        return _read(images, maps), spread

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def spread(slopes: tf.Tensor) -> tuple[tf.Tensor, object]:
        return _spread(slopes, maps), read

    return read(images)


def shifted(images: tf.Tensor, right: tf.Tensor, down: tf.Tensor) -> tf.Tensor:
    """Returns images `[B, H, W, C]` moved by whole pixels, `[B]` each; zeros come in."""
    # TensorFlow has a kernel for it, which XLA cannot compile.
    number, height, width, channels = images.shape
    row = tf.range(height) - tf.cast(down, tf.int32)[:, None]
    column = tf.range(width) - tf.cast(right, tf.int32)[:, None]
    inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None]
    rows, columns = tf.clip_by_value(row, 0, height - 1), tf.clip_by_value(column, 0, width - 1)
    places = rows[:, :, None] * width + columns[:, None]
    places += height * width * tf.range(number)[:, None, None]
    moved = tf.gather(tf.reshape(images, [-1, channels]), places)
    return moved * tf.cast(inside, images.dtype)[..., None]


def _read(images: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """The linear map itself."""
    _, height, width, _ = images.shape
    middle = tf.constant([(width - 1) / 2, (height - 1) / 2])
    linear = maps[:, :2, :2]
    # The kernel counts from the corner.
    offset = maps[:, :2, 2] + middle - tf.linalg.matvec(linear, middle)
    numbers = tf.reshape(tf.concat([linear, offset[:, :, None]], 2), [-1, 6])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.pad(numbers, [[0, 0], [0, 2]]),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _spread(slopes: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Its transpose: what each pixel was read with goes back to where it was read."""
    batch, height, width, channels = slopes.shape
    pixels = height * width
    y, x = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")
    middle = tf.constant([[(width - 1) / 2], [(height - 1) / 2]])
    places = tf.cast(tf.reshape([x, y], [2, pixels]), tf.float32) - middle
    read = maps[:, :2, :2] @ tf.tile(places[None], [batch, 1, 1]) + maps[:, :2, 2:] + middle
    lower = tf.floor(read)
    (x, y), (right, down) = (tf.unstack(each, axis=1) for each in (lower, read - lower))
    first = pixels * tf.range(batch)[:, None]
    columns = [_mirrored(x, width), _mirrored(x + 1.0, width)]
    rows = [first + width * _mirrored(each, height) for each in (y, y + 1.0)]
    taps = [row + column for row in rows for column in columns]
    weights = [v * h for v in (1.0 - down, down) for h in (1.0 - right, right)]
    read_at = tf.stack([tf.repeat(tf.range(batch * pixels), 4), _flat(taps)], 1)
    spread = tf.raw_ops.SparseTensorDenseMatMul(
        a_indices=tf.cast(read_at, tf.int64),
        a_values=_flat(weights),
        a_shape=[batch * pixels, batch * pixels],
        b=tf.reshape(slopes, [batch * pixels, channels]),
        adjoint_a=True,
    )
    return tf.reshape(spread, slopes.shape)


def _flat(taps: list[tf.Tensor]) -> tf.Tensor:
    """Four of `[B, pixels]`, the four of a pixel one after the other."""
    return tf.reshape(tf.stack(taps, -1), [-1])


def _mirrored(place: tf.Tensor, size: int) -> tf.Tensor:
    """The pixel at a place inside or outside of a line, int32: ... 1 0 | 0 1 2 ... | last ..."""
    place = tf.math.floormod(tf.cast(place, tf.int32), 2 * size)
    return tf.minimum(place, 2 * size - 1 - place)
