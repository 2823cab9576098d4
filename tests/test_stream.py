"""Streamed reals: the same bits as resident ones, bounded memory, and errors in one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.dataset import open_dataset
from gan_tf.data.feed import Feed
from gan_tf.data.rows import ReadError, Rows
from gan_tf.data.stream import StreamedFeed
from gan_tf.evaluation.fidelity import NearCopies
from gan_tf.host import devices, memory
from gan_tf.training import build

from .conftest import Command, assert_same_bits, dataset_of, executed, metrics
from .processes import start

FLAGS = (
    *("--arch=mlp", "--batch_size=8", "--evaluate_every=0", "--run_dir=run", "--export=none"),
    *("--dataset=mine", "--data_dir=data", "--log_every=2", "--sample_every=50"),
    "--checkpoint_every=2",
)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """The images of a small dataset `mine` in `data`; its file."""
    random = np.random.default_rng(0)
    arrays = {
        f"{split}_{kind}": values
        for split, number in (("train", 50), ("test", 20))
        for kind, values in (
            ("images", random.integers(0, 256, (number, 8, 8, 3), np.uint8)),
            ("labels", random.integers(0, 10, number)),
        )
    }
    dataset_of(tmp_path / "data", "mine", **arrays)
    return tmp_path / "data" / "gan_tf" / "mine" / "train-images.npy"


@pytest.fixture
def reals(tmp_path: Path, images: Path) -> Split:
    """A part of the training images, which begins in the midst of the file."""
    return open_dataset("mine", tmp_path / "data").split("train").part(7, 45)


def test_rows_are_those_of_the_map(reals: Split) -> None:
    rows = Rows(reals.images)
    assert (len(rows), rows.shape, rows.nbytes) == (38, reals.images.shape, reals.images.nbytes)
    for which in (
        *(slice(None), slice(3, 9), slice(30, 99), slice(5, 5), slice(-4, None)),
        *(np.array([[5, 0], [37, 5]]), np.array([], np.int64)),
    ):
        np.testing.assert_array_equal(rows[which], reals.images[which])
        np.testing.assert_array_equal(Rows(np.array(reals.images))[which], reals.images[which])


def test_steps_are_fed_the_same_however_they_are_taken(reals: Split) -> None:
    feeds = [
        kind(reals, batch_size=4, discriminator_steps=2, seed=3) for kind in (Feed, StreamedFeed)
    ]
    with feeds[0].reading(5, 30) as resident, feeds[1].reading(5, 30) as streamed:
        step = 5
        for steps in (1, 1, 10, 3, 9, 1):
            fed = [resident(step, steps), streamed(step, steps)]
            for each in range(steps):
                one, other = (feed.batch(f, each) for feed, f in zip(feeds, fed, strict=True))
                np.testing.assert_array_equal(one.images, other.images)
                np.testing.assert_array_equal(one.labels, other.labels)
            step += steps


def test_what_is_read_ahead_is_bounded_and_the_thread_ends(reals: Split) -> None:
    feed = StreamedFeed(reals, batch_size=4, discriminator_steps=1, seed=0)
    read: list[int] = []
    original = feed.indices
    feed.indices = lambda first, steps: read.append(first) or original(first, steps)  # type: ignore
    with feed.reading(0, 1_000) as take:
        for step, steps, reads in ((0, 1, 2), (1, 3, 7), (4, 1, 8)):
            take(step, steps)
            deadline = time.monotonic() + 10
            while len(read) < reads and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.05)
            assert read == list(range(reads))
    assert not [each for each in threading.enumerate() if "reals" in each.name]


def test_a_truncated_file_is_an_error_of_the_reader(reals: Split, images: Path) -> None:
    feed = StreamedFeed(reals, batch_size=30, discriminator_steps=1, seed=0)
    os.truncate(images, images.stat().st_size // 2)
    with pytest.raises(ReadError, match="was truncated"), feed.reading(0, 9) as take:
        take(0, 1)


def test_a_file_removed_while_it_is_read_is_still_read(reals: Split, images: Path) -> None:
    feed = StreamedFeed(reals, batch_size=30, discriminator_steps=1, seed=0)
    before = np.array(reals.images[feed.indices(5, 1)[0]])
    images.unlink()
    with feed.reading(5, 9) as take:
        np.testing.assert_array_equal(take(5, 1)[0][0], before)


def test_near_copies_are_sought_part_by_part(reals: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = np.concatenate([255 - reals.images[:3], reals.images[[0, 20, 37]], reals.images[:2]])
    assert NearCopies(reals.images).share(fakes) == 5 / 8
    for limit in ("_HELD", "_KEPT", "_PART"):
        monkeypatch.setattr(f"gan_tf.evaluation.fidelity.{limit}", 1_000)
        assert NearCopies(reals.images).share(fakes) == 5 / 8
        assert NearCopies(reals.images).share(reals.images[30:]) == 1


def test_a_file_truncated_while_near_copies_are_sought_ends_no_process(
    reals: Split, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes = np.array(reals.images[:2])
    held = NearCopies(reals.images)
    monkeypatch.setattr("gan_tf.evaluation.fidelity._HELD", 1_000)
    read = NearCopies(reals.images)
    os.truncate(images, 0)
    assert held.share(fakes) == 1
    with pytest.raises(ReadError, match="was truncated"):
        read.share(fakes)


def test_a_run_goes_on_with_the_same_bits_wherever_its_images_are(
    command: Command, tmp_path: Path, images: Path
) -> None:
    for name, steps, placement in (
        ("whole", 5, "resident"),
        ("moved", 3, "resident"),
        ("moved", 5, "streamed"),
    ):
        finished = command(
            *("train", *FLAGS, "--discriminator_steps=2", "--validation_images=5"),
            *(f"--run_dir={name}", f"--steps={steps}", f"--placement={placement}"),
        )
        assert finished.returncode == 0, finished.stderr
        said = [line for line in finished.stderr.splitlines() if "streamed from" in line]
        assert len(said) == (placement == "streamed")
    assert executed(finished.stdout) == 2
    lines = [line for line in metrics(tmp_path / "moved") if line["step"] != 3]  # Its end, once.
    (tmp_path / "moved" / "metrics.jsonl").write_text("".join(f"{json.dumps(x)}\n" for x in lines))
    assert_same_bits(tmp_path / "whole", tmp_path / "moved", 5)


def test_auto_streams_what_takes_more_than_a_quarter_of_the_memory(
    reals: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    for available, kind in ((4 * reals.images.nbytes, Feed), (4 * 38 * 192 - 1, StreamedFeed)):
        monkeypatch.setattr(devices, "available_memory", lambda available=available: available)
        assert type(build.feed(Config(), reals)) is kind


@pytest.mark.parametrize(
    ("groups", "files", "limits"),
    [
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "5000"}, [5000]),
        ("0::/host/path", {"memory.max": "700"}, [700]),
        (
            "4:cpu,memory:/a\n1:cpu:/b\n0::/",
            {"memory/a/memory.limit_in_bytes": "30", "memory/memory.limit_in_bytes": f"{2**63}"},
            [30],
        ),
        ("0::/", {}, []),
    ],
)
def test_limits_of_control_groups(
    tmp_path: Path, groups: str, files: dict[str, str], limits: list[int]
) -> None:
    (tmp_path / "cgroup").write_text(groups + "\n")
    for name, content in files.items():
        path = tmp_path / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    assert memory.limits(tmp_path / "cgroup", tmp_path / "sys") == limits


def test_a_file_truncated_in_a_run_ends_it_in_one_line_and_costs_nothing(
    command: Command, tmp_path: Path, home: Path, images: Path
) -> None:
    whole = Path(shutil.copytree(images.parent, tmp_path / "whole"))
    flags = (*FLAGS, "--checkpoint_every=100000")
    streamed = "--placement=streamed"
    process = start("train", *flags, streamed, "--steps=100000", cwd=tmp_path, home=home)
    lines = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (lines.exists() and lines.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.truncate(images, 1_000)
    _, errors = process.communicate(timeout=60)
    *_, last = errors.strip().splitlines()
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert last.startswith(f"gan_tf.train: {images}: was truncated")
    found = re.search(r"; step ([\d,]+) is saved, and the same command goes on$", last)
    assert found, last
    steps = int(found[1].replace(",", "")) + 4
    shutil.rmtree(images.parent)
    whole.rename(images.parent)  # As if it were made again.
    for name, placement in (("run", "streamed"), ("other", "resident")):
        finished = command(
            *("train", *flags, f"--run_dir={name}", f"--steps={steps}"),
            f"--placement={placement}",
        )
        assert finished.returncode == 0, finished.stderr
    assert_same_bits(tmp_path / "run", tmp_path / "other", steps)


def test_large_data_says_what_memory_it_took(command: Command) -> None:
    finished = command("scripts/large_data.py", "--images=2000", "--steps=2")
    assert finished.returncode == 0, finished.stderr
    found = re.search(r"([\d.]+) GiB above the import$", finished.stdout)
    assert found, finished.stdout
    assert 0 < float(found[1]) < 1.2
    assert "limit: 1.60 GiB" in finished.stdout
