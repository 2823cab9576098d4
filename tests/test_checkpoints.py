"""Checkpoints: whole, checked, the newest kept, and the one before as a fallback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan_tf import checkpoints
from gan_tf.errors import InputError

ARRAYS: dict[str, np.ndarray] = {
    "generator/000": np.arange(5000, dtype=np.float32),
    "step/000": np.array(7, np.int64),
    "sums/d_real": np.array(0.5, np.float32),
}


def test_every_array_comes_back_with_its_bits(tmp_path: Path) -> None:
    loaded = checkpoints.load(checkpoints.save(tmp_path, 7, ARRAYS, keep=1))
    assert list(loaded) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_the_newest_are_kept_by_step_not_by_name(tmp_path: Path) -> None:
    for step in (99_999_998, 99_999_999, 100_000_000):
        checkpoints.save(tmp_path, step, ARRAYS, keep=2)
    assert list(checkpoints.paths(tmp_path)) == [99_999_999, 100_000_000]
    assert len(list(tmp_path.iterdir())) == 2
    newest = checkpoints.load_newest(tmp_path)
    assert newest is not None
    assert newest[0] == 100_000_000


@pytest.mark.parametrize("where", [0, 100, 3000, -5000, -200, -10])
def test_any_altered_byte_or_truncation_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: int
) -> None:
    checkpoints.save(tmp_path, 1, ARRAYS, keep=2)
    newest = checkpoints.save(tmp_path, 2, ARRAYS, keep=2)
    content = bytearray(newest.read_bytes())
    for damaged in (
        content[:where],
        content[:where] + b"\xff\x00\xff" + content[where + 3 or None :],
    ):
        newest.write_bytes(damaged)
        with pytest.raises(InputError, match="truncated or altered"):
            checkpoints.load(newest)
        fallback = checkpoints.load_newest(tmp_path)
        assert fallback is not None
        assert fallback[0] == 1
        assert str(newest) in capsys.readouterr().err


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    hostile = {"generator/000": np.array([{"any": "object"}], dtype=object)}
    path = checkpoints.save(tmp_path, 1, hostile, keep=1)
    with pytest.raises(InputError, match="nothing pickled"):
        checkpoints.load(path)


def test_numpy_alone_opens_a_checkpoint(tmp_path: Path) -> None:
    with np.load(checkpoints.save(tmp_path, 1, ARRAYS, keep=1)) as archive:
        assert archive["step/000"] == 7


def test_no_sound_checkpoint_is_an_error_and_none_at_all_is_not(tmp_path: Path) -> None:
    assert checkpoints.load_newest(tmp_path / "missing") is None
    (tmp_path / "step-00000001.npz").write_bytes(b"")
    with pytest.raises(InputError, match="every checkpoint"):
        checkpoints.load_newest(tmp_path)
