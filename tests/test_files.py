"""Publishing: the old content or the new, never a part, and nothing left over."""

from __future__ import annotations

import errno
import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_tf.host.files import published, write_text
from gan_tf.training import grids


def test_a_file_and_a_directory_appear(tmp_path: Path) -> None:
    write_text(tmp_path / "sub" / "a.txt", "new")
    write_text(tmp_path / "sub" / "a.txt", "newer")
    with published(tmp_path / "d") as temporary:
        (temporary / "x").mkdir(parents=True)
        (temporary / "x" / "y").write_text("z")
        assert not (tmp_path / "d").exists()
    assert (tmp_path / "sub" / "a.txt").read_text() == "newer"
    assert (tmp_path / "d" / "x" / "y").read_text() == "z"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d", "sub"]


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("\u6f22" * 84 + ".md")  # 255 bytes.
    write_text(path, "whole")
    assert [path] == list(tmp_path.iterdir())


def test_after_an_error_the_old_content_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(target: Path, part: str) -> None:
        with published(target) as temporary:
            if target.suffix:
                temporary.write_text(part)
            else:
                temporary.mkdir()
                (temporary / "part").write_text(part)
            raise RuntimeError

    for target in (path, tmp_path / "d"):
        with pytest.raises(RuntimeError):
            fail(target, "ne")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_without_a_number_keeps_its_words(tmp_path: Path) -> None:
    """NumPy's, where the disk is full."""
    words = "80 requested and 0 written"
    with pytest.raises(OSError, match=words) as caught, published(tmp_path / "a.npy"):
        raise OSError(words)
    assert (caught.value.filename, caught.value.errno) == (str(tmp_path / "a.npy"), errno.EIO)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 7), st.integers(0, 600), st.lists(st.integers(1, 600), max_size=5))
def test_grids_of_samples_are_bounded_in_number_and_the_same_after_a_restart(
    every: int, draws: int, restarts: list[int]
) -> None:
    def kept(restarts: list[int]) -> list[int]:
        """Draws every grid, some of them again after a restart further back."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "samples").mkdir()
            for number in range(draws + 1):
                back = [max(0, number - 3), number] if number in restarts else [number]
                for again in range(back[0], number + 1):
                    grids.path(directory, again * every).touch()
                    grids.thin(directory, every, again * every)
            return list(grids.found(directory))

    steps = kept([])
    assert steps == kept(restarts)
    assert len(steps) <= 102
    assert steps[0] == 0
    assert steps[-1] == draws * every
    gaps = {later - earlier for earlier, later in itertools.pairwise(steps[:-1])}
    assert len(gaps) <= 1, "evenly spread"
