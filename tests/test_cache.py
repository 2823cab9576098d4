"""The cache of a dataset: what a start notices, at what cost, and what it does not."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from gan_tf.data import cache
from gan_tf.data.cache import Part
from gan_tf.data.dataset import open_dataset
from gan_tf.host.errors import InputError

from .conftest import Command, one_line
from .scenes import dataset_of

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 12, 3), np.uint8)
LABELS = np.arange(50) % 7


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The cache of a dataset `mine` below `tmp_path`."""
    arrays = {"train_images": IMAGES, "train_labels": LABELS}
    dataset_of(tmp_path, "mine", **arrays, test_images=IMAGES[:20], test_labels=LABELS[:20])
    return tmp_path / "gan_tf" / "mine"


def alter_unseen(path: Path) -> None:
    """Alters a byte, and leaves size and modification time as they were."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_it_is_written_in_chunks_and_read_as_it_was(tmp_path: Path) -> None:
    parts = (
        Part(split, IMAGES[i : i + 7], LABELS[i : i + 7])
        for i in range(0, 50, 7)
        for split in ("train", "test")
    )
    cache.write(tmp_path / "cache", "mine", parts)
    splits = cache.read(tmp_path / "cache")
    assert set(splits) == {"train", "test"}
    for split in splits.values():
        np.testing.assert_array_equal(split.images, IMAGES)
        np.testing.assert_array_equal(split.labels, LABELS)
        assert isinstance(split.images, np.memmap)
        assert split.image_shape == (8, 12, 3)
    with (tmp_path / "saved.npy").open("wb") as file:
        np.save(file, IMAGES)
    assert (tmp_path / "cache" / "train-images.npy").read_bytes() == (
        tmp_path / "saved.npy"
    ).read_bytes()


def test_images_that_no_network_takes_are_refused_before_anything_is_published(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        InputError, match=r"sides multiples of 4, C 1, 3 or 4; it holds \[50, 8, 12, 2"
    ):
        cache.write(tmp_path / "cache", "mine", [Part("train", IMAGES[..., :2], LABELS)])
    assert not list(tmp_path.iterdir())


def test_a_dataset_knows_its_shape_classes_and_splits(tmp_path: Path, place: Path) -> None:
    data = open_dataset("mine", tmp_path)
    assert (data.description.image_shape, data.classes, data.description.judge) == (
        (8, 12, 3),
        7,
        None,
    )
    reals, held_out = data.reals(0)
    assert (len(reals.images), len(held_out.images)) == (50, 20)
    reals, held_out = data.reals(15)
    assert (len(reals.labels), len(held_out.labels)) == (35, 15)
    np.testing.assert_array_equal(held_out.labels, LABELS[35:])


def test_what_was_written_to_is_compared_with_its_digest(tmp_path: Path, place: Path) -> None:
    path = place / "train-images.npy"
    path.touch()
    open_dataset("mine", tmp_path)  # Touched, but the same: its new time is kept.
    kept = json.loads((place / "cache.json").read_text())["states"]["train-images.npy"]
    assert kept["modified_ns"] == path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"train-images\.npy was truncated or altered: remove"):
        open_dataset("mine", tmp_path)


def test_what_hides_its_time_is_noticed_when_it_is_asked_for(tmp_path: Path, place: Path) -> None:
    alter_unseen(place / "train-images.npy")
    open_dataset("mine", tmp_path)
    with pytest.raises(InputError, match=r"train-images\.npy was truncated or altered"):
        open_dataset("mine", tmp_path, verify=True)


def test_the_commands_verify(command: Command, tmp_path: Path, place: Path) -> None:
    alter_unseen(place / "test-labels.npy")
    flags = ("--dataset=mine", f"--data_dir={tmp_path}", "--steps=1", "--verify")
    assert "test-labels.npy was truncated or altered" in one_line(command("train", *flags))


def test_a_start_reads_nothing_of_the_images(tmp_path: Path, place: Path) -> None:
    """Their content cannot be read, and still the dataset opens."""
    before = (place / "train-images.npy").stat().st_mtime_ns
    with (place / "train-images.npy").open("r+b") as file:  # A hole of a terabyte behind it.
        file.truncate(2**40)
    about = json.loads((place / "cache.json").read_text())
    about["states"]["train-images.npy"] = {"bytes": 2**40, "modified_ns": before}
    os.utime(place / "train-images.npy", ns=(before, before))
    (place / "cache.json").write_text(json.dumps(about))
    assert open_dataset("mine", tmp_path).description.image_shape == (8, 12, 3)


def test_a_cache_of_version_0_1_is_checked_once_and_then_cheaply(
    tmp_path: Path, place: Path
) -> None:
    about = json.loads((place / "cache.json").read_text())
    states = about.pop("states")
    (place / "cache.json").write_text(json.dumps(about))
    open_dataset("mine", tmp_path)
    assert json.loads((place / "cache.json").read_text())["states"] == states


def test_a_copy_of_a_data_directory_works(tmp_path: Path, place: Path) -> None:
    shutil.copytree(tmp_path / "gan_tf", tmp_path / "copy" / "gan_tf", copy_function=shutil.copy)
    assert open_dataset("mine", tmp_path / "copy").classes == 7
