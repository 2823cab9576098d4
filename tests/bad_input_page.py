"""The page of bad inputs: `python -m tests.bad_input_page` runs every row and writes it."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from gan_tf.data.dataset import open_dataset

from .bad_inputs import ROWS, Row
from .processes import ROOT, Finished, run_warm
from .scenes import TRAINED, Scene

PAGE = ROOT / "docs" / "bad-input.md"


def answer(row: Row, scene: Scene, home: Path, timeout: float = 60.0) -> Finished:
    """Runs a row's command."""
    module, *flags = row.command
    return run_warm(module, *flags, cwd=scene.place, home=home, timeout=timeout)


def said(errors: str, home: Path) -> str:
    """What a command said on standard error, as it stands in the page."""
    text = errors.strip().replace(str(home), "~")
    return re.sub(r"r{200,}", "rrr...", text).replace("|", "\\|")


def line(row: Row, text: str) -> str:
    """The line of the page that a row has."""
    shown = re.sub(r"r{200,}", "rrr...", row.shown).replace("|", "\\|")
    shown = shown.replace("\n", "\\n").replace("\x1b", "\\x1b").replace("\udcff", "\\xff")
    return f"| {row.wrong}{' *' if row.early else ''} | `{shown}` | `{text}` |"


def page(rows: list[tuple[Row, str]]) -> str:
    """The page of all rows and their answers."""
    lines = [
        "# Bad input, and what is answered",
        "",
        f"{len(rows)} inputs that cannot be used. Each ends in one line on standard error and",
        "status 2, within ten seconds, without a traceback, and with every file as it was;",
        "those marked * before TensorFlow is even imported. `tests/test_bad_input.py` runs every",
        "row and compares the answer with this page; `python -m tests.bad_input_page` writes it.",
    ]
    kind = ""
    for row, text in rows:
        if row.kind != kind:
            kind = row.kind
            lines += ["", f"## {kind if '.' in kind else kind.capitalize()}", ""]
            lines += ["| wrong | command | answer |", "|---|---|---|"]
        lines.append(line(row, text))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs every row and writes the page."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        home.mkdir()
        data_dir = home / "tensorflow_datasets"
        open_dataset("mnist", data_dir)
        trained = Path(directory) / "trained"
        flags = (f"--run_dir={trained}", *TRAINED, "--steps=150")
        run_warm("train", *flags, cwd=home, home=home, timeout=300)
        rows = []
        for number, row in enumerate(ROWS):
            place = Path(directory) / str(number)
            place.mkdir()
            scene = Scene(place, trained, data_dir)
            row.prepare(scene)
            finished = answer(row, scene, home)
            print(
                finished.returncode,
                row.shown,
                "\n    ",
                said(finished.stderr, home),
                file=sys.stderr,
            )
            rows.append((row, said(finished.stderr, home)))
            shutil.rmtree(place)
        PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
