"""Pixels, batches, and real MNIST through its cache."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_tf.data import dataset, feed, pixels
from gan_tf.data.dataset import open_dataset


def test_mnist_equals_its_canonical_files(data_dir: Path) -> None:
    """TFDS shuffles, so compare as sets of (image, label) with the files decoded by hand."""
    source = Path(dataset.__file__).parent / "mnist"
    for split, prefix, count in (("train", "train", 60_000), ("test", "t10k", 10_000)):
        content = gzip.decompress((source / f"{prefix}-images-idx3-ubyte.gz").read_bytes())[16:]
        labels = gzip.decompress((source / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())[8:]
        expected = sorted((content[i * 784 : (i + 1) * 784], labels[i]) for i in range(count))
        found = open_dataset("mnist", data_dir).split(split)
        assert found.images.shape == (count, 28, 28, 1)
        assert found.images.dtype == np.uint8
        assert found.labels.dtype == np.int64
        rows = zip(found.images.reshape(count, -1), found.labels, strict=True)
        assert sorted((image.tobytes(), int(label)) for image, label in rows) == expected


def test_images_are_mapped_not_read(data_dir: Path) -> None:
    assert isinstance(open_dataset("mnist", data_dir).split("train").images, np.memmap)


def test_scale_and_unscale_are_inverse_for_every_pixel_value() -> None:
    values = np.arange(256, dtype=np.uint8)
    scaled = pixels.scale(values).numpy()
    assert (scaled.min(), scaled.max(), scaled.dtype) == (-1.0, 1.0, np.float32)
    np.testing.assert_array_equal(pixels.unscale(scaled), values)


@given(st.floats(-10, 10, width=32))
def test_unscale_rounds_to_the_nearest_pixel_and_clips(value: float) -> None:
    pixel = int(pixels.unscale(np.array([value], np.float32))[0])
    exact = min(max((value + 1) * 127.5, 0), 255)
    assert abs(pixel - exact) <= 0.5 + 1e-4


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 70), st.integers(0, 2**31 - 1))
def test_each_epoch_is_a_permutation(images: int, batch_size: int, seed: int) -> None:
    epochs = 3
    count = -(-epochs * images // batch_size)
    stream = feed.batch_indices(0, count, batch_size, images, seed).ravel()
    orders = [stream[e * images : (e + 1) * images] for e in range(epochs)]
    for order in orders:
        assert sorted(order) == list(range(images))
    if images > 20:
        assert not np.array_equal(orders[0], orders[1])


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 20), st.integers(0, 20))
def test_batches_do_not_depend_on_how_many_are_asked_for(first: int, count: int, skip: int) -> None:
    whole = feed.batch_indices(first, skip + count, 7, 45, seed=5)
    np.testing.assert_array_equal(whole[skip:], feed.batch_indices(first + skip, count, 7, 45, 5))


def test_the_order_of_one_epoch_tells_nothing_of_the_next() -> None:
    stream = feed.batch_indices(0, 2, 60_000, 60_000, seed=0)
    assert abs(np.corrcoef(stream[0], stream[1])[0, 1]) < 0.02
    other_seed = feed.batch_indices(0, 1, 60_000, 60_000, seed=1)
    assert abs(np.corrcoef(stream[0], other_seed[0])[0, 1]) < 0.02


def test_stacked_mnist_is_three_digits_as_colours(home: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(
        home / "tensorflow_datasets" / "gan_tf" / "mnist", data_dir / "gan_tf" / "mnist"
    )
    stacks, digits = (open_dataset(name, data_dir) for name in ("stacked_mnist", "mnist"))
    assert stacks.description.licence == digits.description.licence
    for split, number in (("train", 128_000), ("test", 26_000)):
        images, labels = stacks.split(split)
        assert (images.shape, labels.min(), labels.max()) == ((number, 28, 28, 3), 0, 999)
        assert len(np.unique(labels)) == 1_000
        # Each channel is a digit of the same split, of the class that the label says.
        source = digits.split(split)
        known = {image.tobytes(): label for image, label in zip(*source, strict=True)}
        for image, label in zip(images[:200], labels[:200], strict=True):
            found = [
                known[np.ascontiguousarray(image[..., channel]).tobytes()] for channel in range(3)
            ]
            assert int("".join(map(str, found))) == label
    before = (stacks.directory / "cache.json").read_bytes()
    open_dataset("stacked_mnist", data_dir)
    assert (stacks.directory / "cache.json").read_bytes() == before, "made once"
