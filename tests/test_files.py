"""Publishing: the old content or the new, never a part, and nothing left over."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan_tf.files import published, write_text


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
