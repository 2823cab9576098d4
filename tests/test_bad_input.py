"""Every bad input of docs/bad-input.md: one line, status 2, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from .bad_input_page import PAGE, answer, line, said
from .bad_inputs import ROWS, Row
from .conftest import one_line
from .processes import ROOT, run_warm
from .scenes import Scene


def tree(directory: Path) -> dict[Path, tuple[int, int, int]]:
    """What would show that a file was written: inode, time and size of all but lock files."""
    found = ((path, path.stat()) for path in directory.rglob("*") if path.is_file())
    return {
        path: (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        for path, stat in found
        if not path.name.endswith(".lock")
    }


@pytest.fixture(scope="session")
def warmed(home: Path) -> None:
    """The process that is forked has imported TensorFlow, so no command waits for that."""
    run_warm("train", "--help", cwd=home, home=home, timeout=120)


@pytest.mark.usefixtures("warmed")
@pytest.mark.parametrize(
    "row", [row for row in ROWS if not row.early], ids=lambda row: f"{row.kind}: {row.wrong}"
)
def test_it_is_answered_as_the_page_says(
    tmp_path: Path, home: Path, data_dir: Path, trained: Path, row: Row
) -> None:
    scene = Scene(tmp_path, trained, data_dir)
    row.prepare(scene)
    before = tree(tmp_path)
    start = time.monotonic()
    finished = answer(row, scene, home)
    assert time.monotonic() - start < 10
    one_line(finished)
    assert line(row, said(finished.stderr, home)) in PAGE.read_text(encoding="utf-8").splitlines()
    assert tree(tmp_path) == before
    locks = tmp_path.rglob("run.lock")
    assert not [path for path in locks if len(list(path.parent.iterdir())) == 1], "a bare run"


def test_there_are_a_hundred_and_at_most_five_of_a_kind() -> None:
    assert len({row.shown for row in ROWS if row.make is None}) >= 60
    assert len(ROWS) >= 100
    assert max(Counter(row.kind for row in ROWS).values()) <= 5


def test_flags_are_refused_before_tensorflow_is_imported(
    tmp_path: Path, home: Path, data_dir: Path, trained: Path
) -> None:
    """All in one process, which would have imported it by the first that needs it."""
    early = [row for row in ROWS if row.early]
    for number, row in enumerate(early):
        (tmp_path / str(number)).mkdir()
        row.prepare(Scene(tmp_path / str(number), trained, data_dir))
    before = tree(tmp_path)
    program = """
import json, os, runpy, sys
place = os.getcwd()
for number, (module, *flags) in enumerate(json.load(sys.stdin)):
    os.chdir(f"{place}/{number}")
    sys.argv = [module, *flags]
    try:
        if "/" in module:
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(f"gan_tf.{module}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert end.code == 2, sys.argv
    assert "tensorflow" not in sys.modules, sys.argv
"""
    commands = [
        (str(ROOT / row.command[0]) if "/" in row.command[0] else row.command[0], *row.command[1:])
        for row in early
    ]
    finished = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "scripts")},
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (0, ""), finished.stderr[-2000:]
    answers = finished.stderr.splitlines()
    assert len(answers) == len(early)
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line(row, said(text, home)) for row, text in zip(early, answers, strict=True)] == [
        found for found in page if "| `" in found and found.split(" | `")[0].endswith(" *")
    ]
    assert tree(tmp_path) == before
