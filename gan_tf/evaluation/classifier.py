"""The classifiers that judge generated images, by their features and class probabilities.

Fréchet distance and its kin want features of a network that knows the data; ImageNet's say
nothing of digits. `mnist-v1` comes with the package, made by scripts/train_classifier;
another labelled dataset's is trained once and kept beside its cache. Where there are no labels,
`random_network` judges.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from gan_tf.data.cache import ImageShape, Split
from gan_tf.data.dataset import Description
from gan_tf.data.pixels import scale
from gan_tf.data.rows import Rows
from gan_tf.host import archive, building
from gan_tf.host.errors import InputError
from gan_tf.host.files import sha256
from gan_tf.host.graphs import graph

_DIRECTORY = Path(__file__).parent / "classifiers"
_EPOCHS = 12
_BATCH = 64
LEAST = _BATCH  # Images to train on: a batch.
_PREDICTED = 500  # Images judged at a time.


class Judged(NamedTuple):
    """What a judge makes of N images.

    Attributes:
      features: `[N, D]` float32, the layer before the logits, of mean square 1 on real images.
      probabilities: `[N, C]` float32, each row sums to 1; None of a judge that knows no classes.
    """

    features: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32] | None

    @classmethod
    def joined(cls, parts: Sequence[Judged]) -> Judged:
        """Returns what a judge makes of all images, from what it makes of some after others."""
        features, probabilities = zip(*parts, strict=True)
        known = None if probabilities[0] is None else np.concatenate(probabilities)
        return cls(np.concatenate(features), known)


@dataclass(frozen=True)
class Classifier:
    """A network that judges images.

    Attributes:
      name: what its figures are named by, such as `mnist-v1`.
      digest: of its weights; features kept on disk are told apart by it.
      accuracy: share of its dataset's test split that it classifies correctly, if it is of one.
      network: uint8 images `[B, H, W, C]` -> (features, probabilities or None).
      batch: images judged at a time; figures do not depend on it.
    """

    name: str
    digest: str
    accuracy: float | None
    network: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]
    batch: int = 500

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> Judged:
        """Returns what it makes of uint8 images `[N, H, W, C]`."""
        return Judged.joined(
            [
                self._judge(pixels[start : start + self.batch])
                for start in range(0, len(pixels), self.batch)
            ]
        )

    def _judge(self, pixels: npt.NDArray[np.uint8]) -> Judged:
        features, probabilities = self.network(tf.constant(pixels))
        return Judged(features.numpy(), None if probabilities is None else probabilities.numpy())


def packaged(data: Description) -> Classifier:
    """Returns the classifier in this package that knows a dataset; InputError if none does."""
    if data.judge is None:
        raise InputError(
            f"{data.name}: no classifier of it comes with the package; --classifier=train makes "
            "one of its labels"
        )
    return load(_DIRECTORY / f"{data.judge}.npz", data.judge, data.image_shape)


def load(path: Path, name: str, image_shape: ImageShape) -> Classifier:
    """Returns the classifier that `train` saved; InputError if it was altered."""
    arrays = archive.load(path)
    accuracy = float(arrays.pop("accuracy"))
    with building.drawing_from(0), building.computing_in("float32"):
        network = _network(image_shape, classes=arrays[max(arrays)].shape[0])
    network.set_weights([array.astype(np.float32) for array in arrays.values()])
    judge = graph(lambda pixels: network(scale(pixels), training=False), reduce_retracing=True)
    return Classifier(name, sha256(path)[:8], accuracy, judge)


def train(path: Path, train_split: Split, test_split: Split) -> float:
    """Trains a classifier, publishes it at `path` and returns its accuracy on the test split.

    Weights are kept in float16, and the accuracy is that of the weights kept.
    """
    with building.drawing_from(0), building.computing_in("float32"):
        return _train(path, train_split, test_split)


def _train(path: Path, train_split: Split, test_split: Split) -> float:
    # A class may have held-out images alone.
    last = max(int(split.labels.max()) for split in (train_split, test_split))
    network = _network(train_split.image_shape, classes=last + 1)
    augmented = keras.Sequential(
        [
            keras.Input(train_split.image_shape),
            keras.layers.RandomRotation(0.03, fill_mode="constant", fill_value=-1.0),
            keras.layers.RandomTranslation(0.07, 0.07, fill_mode="constant", fill_value=-1.0),
            keras.layers.RandomZoom(0.1, 0.1, fill_mode="constant", fill_value=-1.0),
            keras.Model(network.inputs, network.outputs[1]),
        ]
    )
    steps = _EPOCHS * (len(train_split.labels) // _BATCH)
    augmented.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        "sparse_categorical_crossentropy",
    )
    batches = (
        _shuffled(len(train_split.labels))
        .batch(_BATCH, drop_remainder=True)
        .map(_reader(train_split))
        .prefetch(2)
    )
    for epoch in range(_EPOCHS):
        history = augmented.fit(batches, shuffle=False, verbose=0)
        print(
            f"classifier: epoch {epoch + 1} of {_EPOCHS}, loss {history.history['loss'][0]:.3f}",
            file=sys.stderr,
            flush=True,
        )
    _normalise(network, train_split.images)
    weights = {f"{i:03d}": w.astype(np.float16) for i, w in enumerate(network.get_weights())}
    network.set_weights([array.astype(np.float32) for array in weights.values()])
    probabilities = _predict(network, test_split.images).probabilities
    assert probabilities is not None
    accuracy = float(np.mean(probabilities.argmax(axis=1) == test_split.labels))
    archive.write(path, {**weights, "accuracy": np.array(accuracy)})
    return accuracy


def _network(image_shape: ImageShape, classes: int) -> keras.Model:
    """Images `[B, H, W, C]` in [-1, 1] -> features `[B, 64]`, probabilities `[B, classes]`."""
    layers = keras.layers
    images = hidden = keras.Input(image_shape)
    for maps in (32, 64):
        for strides in (1, 2):
            hidden = layers.Conv2D(maps, 3, strides, padding="same", use_bias=False)(hidden)
            hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    features = layers.Dense(64, "relu")(layers.Dropout(0.3)(layers.Flatten()(hidden)))
    probabilities = layers.Dense(classes, "softmax")(features)
    return keras.Model(images, [features, probabilities])


def _shuffled(number: int) -> tf.data.Dataset:
    """Returns the numbers below `number`, in another order at each pass."""

    def make() -> tf.data.Dataset:
        tf.random.set_seed(0)  # Within a `tf.function` it is the seed of that, not the process's.
        return tf.data.Dataset.range(number).shuffle(number, seed=0)

    return tf.function(make)()


def _reader(split: Split) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns the function from indices `[B]` to images in [-1, 1] and labels, for tf.data. It
    reads them from the split's file, which need not fit into memory."""
    rows, labels = Rows(split.images), tf.constant(split.labels)

    def read(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.numpy_function(rows.__getitem__, [indices], tf.uint8, stateful=False)
        return scale(tf.ensure_shape(images, [_BATCH, *split.image_shape])), tf.gather(
            labels, indices
        )

    return read


def _predict(network: keras.Model, images: npt.NDArray[np.uint8]) -> Judged:
    """Returns what a network makes of images `[N, H, W, C]`, some read at a time."""
    rows, some = Rows(images), 10 * _PREDICTED
    parts = [
        network.predict(scale(rows[start : start + some]), batch_size=_PREDICTED, verbose=0)
        for start in range(0, len(rows), some)
    ]
    return Judged.joined([Judged(*part) for part in parts])


def _normalise(network: keras.Model, images: npt.NDArray[np.uint8]) -> None:
    """Makes the mean square of all features 1, so that distances do not depend on the scale
    that training happened to find; the probabilities stay as they are."""
    features = _predict(network, images).features
    size = float(np.sqrt(np.mean(np.square(features))))
    *others, kernel, bias, next_kernel, next_bias = network.get_weights()
    network.set_weights([*others, kernel / size, bias / size, next_kernel * size, next_bias])
