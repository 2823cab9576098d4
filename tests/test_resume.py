"""A run's memory: whole, checked, the newest kept, and the one before as a fallback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.host import archive
from gan_tf.host.errors import InputError
from gan_tf.training import resume
from gan_tf.training.loop import NotFiniteError
from gan_tf.training.resume import Memory
from gan_tf.training.schedule import Schedule


def memory(directory: Path, step: int, keep: int = 3, attempt: int = 2) -> Memory:
    """The memory of a run at a step: directory/checkpoints, directory/best.npz."""
    variables = {
        "generator/000": tf.Variable(np.arange(5000, dtype=np.float32) + step),
        "step/000": tf.Variable(step, dtype=tf.int64),
        "sums/d_real": tf.Variable(0.5),
    }
    return Memory(variables, directory, attempt=attempt, keep=keep)


def ending(step: int) -> Schedule:
    """What is due in a run that ends at a step."""
    return Schedule(step, log_every=1, sample_every=1, checkpoint_every=1, evaluate_every=0)


def saved(directory: Path, step: int, keep: int = 3) -> Path:
    memory(directory, step, keep).save(seconds=9.0)
    return directory / "checkpoints" / f"step-{step:08d}.npz"


def test_every_variable_comes_back_with_its_bits(tmp_path: Path) -> None:
    arrays = archive.load(saved(tmp_path, 7))
    assert resume.attempt_of(arrays) == 2
    assert float(arrays["timing/seconds"]) == 9.0
    other = memory(tmp_path, 0)
    assert other.restore(ending(10), rollback=False) == resume.Point(7, 9.0)
    for name, array in other.arrays(9.0).items():
        assert array.dtype == arrays[name].dtype
        np.testing.assert_array_equal(array, arrays[name])


def test_the_newest_are_kept_by_step_not_by_name(tmp_path: Path) -> None:
    for step in (99_999_998, 99_999_999, 100_000_000):
        saved(tmp_path, step, keep=2)
    assert list(resume.paths(tmp_path / "checkpoints")) == [99_999_999, 100_000_000]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2
    newest = resume.load_newest(tmp_path / "checkpoints")
    assert newest is not None
    assert newest["step/000"] == 100_000_000


@pytest.mark.parametrize("where", [0, 100, 3000, -5000, -200, -10])
def test_any_altered_byte_or_truncation_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: int
) -> None:
    saved(tmp_path, 1)
    newest = saved(tmp_path, 2)
    content = bytearray(newest.read_bytes())
    for damaged in (
        content[:where],
        content[:where] + b"\xff\x00\xff" + content[where + 3 or None :],
    ):
        newest.write_bytes(damaged)
        with pytest.raises(InputError, match="truncated or altered"):
            archive.load(newest)
        fallback = resume.load_newest(newest.parent)
        assert fallback is not None
        assert fallback["step/000"] == 1
        assert str(newest) in capsys.readouterr().err


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    hostile = {"generator/000": np.array([{"any": "object"}], dtype=object)}
    archive.write(tmp_path / "hostile.npz", hostile)
    with pytest.raises(InputError, match="nothing pickled"):
        archive.load(tmp_path / "hostile.npz")


def test_numpy_alone_opens_a_checkpoint(tmp_path: Path) -> None:
    with np.load(saved(tmp_path, 7)) as arrays:
        assert arrays["step/000"] == 7


def test_no_sound_checkpoint_is_an_error_and_none_at_all_is_not(tmp_path: Path) -> None:
    assert resume.load_newest(tmp_path / "missing") is None
    (tmp_path / "step-00000001.npz").write_bytes(b"")
    with pytest.raises(InputError, match="every checkpoint"):
        resume.load_newest(tmp_path)


def test_a_state_that_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    variables = {"generator/000": tf.Variable([1.0, np.inf]), "step/000": tf.Variable(4)}
    with pytest.raises(NotFiniteError):
        Memory(variables, tmp_path, attempt=1, keep=1).save(0.0)
    assert not list(tmp_path.rglob("*"))


def test_a_rollback_takes_the_best_unless_nothing_is_left_to_do(tmp_path: Path) -> None:
    memory(tmp_path, 5, attempt=1).save_best(seconds=3.0)
    assert memory(tmp_path, 0).restore(ending(9), rollback=False) == resume.Point()
    assert memory(tmp_path, 0).restore(ending(9), rollback=True) == resume.Point(5, 3.0)
    assert memory(tmp_path, 0).restore(ending(5), rollback=True) == resume.Point()


def test_a_rollback_takes_no_state_of_its_own_attempt(tmp_path: Path) -> None:
    """That attempt began anew, and was killed before its first checkpoint."""
    memory(tmp_path, 5).save_best(seconds=3.0)
    assert memory(tmp_path, 0).restore(ending(9), rollback=True) == resume.Point()


def test_a_checkpoint_of_another_attempt_is_refused(tmp_path: Path) -> None:
    """Its seed was another one: attempts/ has lost a record."""
    saved(tmp_path, 7)
    variables = {"step/000": tf.Variable(0, dtype=tf.int64)}
    with pytest.raises(InputError, match="are of attempt 2, and 0 were given up"):
        Memory(variables, tmp_path, attempt=1, keep=1).restore(ending(10), rollback=False)


def test_version_0_1_counted_attempts_from_0() -> None:
    assert resume.attempt_of({"attempt": np.array(0)}) == 1
    assert resume.attempt_of({"attempt": np.array(2)}) == 3
    assert resume.attempt_of({}) == 1


def test_what_is_written_at_a_step_is_written_in_one_order() -> None:
    """A line names the best only once it is there, and the checkpoint comes last."""
    written: list[str] = []
    names = ("checkpoint", "grid", "line", "best")
    writes = {name: lambda name=name: written.append(name) for name in names}
    resume.write_in_order(lambda: None, **writes)
    assert written == ["best", "line", "grid", "checkpoint"]
    resume.write_in_order(lambda: None, best=None, line=None, grid=None, checkpoint=None)
    assert len(written) == 4


def test_a_damaged_one_ahead_does_not_outlive_a_sound_one(tmp_path: Path) -> None:
    saved(tmp_path, 4)
    saved(tmp_path, 6).write_bytes(b"cut short")
    saved(tmp_path, 5, keep=1)
    assert list(resume.paths(tmp_path / "checkpoints")) == [5]
