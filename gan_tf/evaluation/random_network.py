"""A judge of images that no classifier knows: a network with random weights that never change.

Features of a randomly initialised VGG rank generators where ImageNet's features mislead: see
"Reliable Fidelity and Diversity Metrics for Generative Models" (Naeem et al., 2020), section 4.3,
whose 64 features this one has, too. It knows no classes.

The name is that of the weights and of all that is done here: what changes any figure gets another.
"""

from __future__ import annotations

import contextlib
import hashlib
import math

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.data.cache import ImageShape
from gan_tf.data.dataset import Dataset
from gan_tf.data.pixels import scale
from gan_tf.evaluation import reals
from gan_tf.evaluation.classifier import Classifier
from gan_tf.host import archive
from gan_tf.host.errors import InputError
from gan_tf.host.graphs import graph

NAME = "random-v1"

_SEED = 1
_FEATURES = 64
_MAPS = (16, 32, 64, 128, 128, 128)  # Of each convolution; halves the sides behind each.
_LAST = 4  # Pixels that the last maps are wide, at most.
_STANDARD = 2_000  # Training images that say what is usual.
_BATCH = 100  # Images judged at a time: 100 MiB of the first maps of 128x128 images.

Weights = list[npt.NDArray[np.float32]]


def judge(data: Dataset) -> Classifier:
    """Returns the judge for a dataset, whose features have mean 0 and mean square 1 on training
    images."""
    weights = _weights(data.description.image_shape)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest()[:8]
    kernels = [tf.constant(array) for array in weights]

    def raw(pixels: tf.Tensor) -> tuple[tf.Tensor, None]:
        return _network(pixels, kernels), None

    plain = Classifier(NAME, digest, None, graph(raw, reduce_retracing=True), _BATCH)
    mean, size = _usual(data, plain)

    def standard(pixels: tf.Tensor) -> tuple[tf.Tensor, None]:
        return (_network(pixels, kernels) - mean) / size, None

    return Classifier(NAME, digest, None, graph(standard, reduce_retracing=True), _BATCH)


def _usual(data: Dataset, plain: Classifier) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean `[D]` of the features of training images, and their size about it, `[]`; worked
    out once and kept."""
    path = data.directory / "features" / f"{plain.name}-{plain.digest}-usual.npz"
    with contextlib.suppress(InputError):  # Missing or damaged, it is made again.
        arrays = archive.load(path)
        return tf.constant(arrays["mean"]), tf.constant(arrays["size"])
    features = plain(reals.some(data.split("train").images, _STANDARD)).features
    mean = features.mean(axis=0, dtype=np.float64)
    size = max(float(np.sqrt(np.mean(np.square(features - mean)))), 1e-6)  # All may be alike.
    kept = {"mean": mean.astype(np.float32), "size": np.float32(size)}
    with contextlib.suppress(OSError):  # A data directory may be read-only.
        archive.write(path, {name: np.asarray(array) for name, array in kept.items()})
    return tf.constant(kept["mean"]), tf.constant(kept["size"])


def _weights(image_shape: ImageShape) -> Weights:
    """The kernels of the convolutions, and the matrix behind them.

    Uniform, of variance 2 / fan-in (He et al., 2015). They are made of a bit generator's own
    output, which NumPy promises not to change; its distributions may change.
    """
    height, width, channels = image_shape
    shapes: list[tuple[int, ...]] = []
    for maps in _MAPS:
        if max(height, width) <= _LAST:
            break
        shapes.append((3, 3, channels, maps))
        height, width, channels = -(-height // 2), -(-width // 2), maps
    shapes.append((height * width * channels, _FEATURES))
    bits, weights = np.random.Philox(_SEED), []
    for shape in shapes:
        whole = bits.random_raw(math.prod(shape)) >> np.uint64(40)  # 24 bits: exact in float32.
        limit = math.sqrt(6.0 / math.prod(shape[:-1]))
        weights.append(((whole / 2.0**23 - 1.0) * limit).astype(np.float32).reshape(shape))
    return weights


def _network(pixels: tf.Tensor, kernels: list[tf.Tensor]) -> tf.Tensor:
    """uint8 images `[B, H, W, C]` -> features `[B, 64]`.

    Black is 0, and so is what is transparent, whatever its colour. Sides are halved by averages,
    not by maxima, which a network that was never trained would take from noise. Random kernels
    see edges before all else, and a little blur would count for more than a class that is missing;
    so images are smoothed first. scripts/judges measures both.
    """
    hidden = scale(pixels) + 1.0
    if pixels.shape[-1] == 4:
        alpha = hidden[..., 3:]
        hidden = tf.concat([hidden[..., :3] * alpha / 2.0, alpha], axis=-1)
    hidden = tf.nn.avg_pool2d(hidden, 3, 1, "SAME")
    for kernel in kernels[:-1]:
        hidden = tf.nn.relu(tf.nn.conv2d(hidden, kernel, 1, "SAME"))
        hidden = tf.nn.avg_pool2d(hidden, 2, 2, "SAME")
    matrix = kernels[-1]
    return tf.matmul(tf.reshape(hidden, [-1, matrix.shape[0]]), matrix)
