"""The notebook docs/tour.ipynb, run from top to bottom as a reader runs it."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from .processes import ROOT

TOUR = ROOT / "docs" / "tour.ipynb"


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cells: list[Any]) -> str:
    """What cells printed, on both streams."""
    outputs = [output for cell in cells for output in cell.outputs]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def pictures(cell: Any) -> list[bytes]:
    """The PNG files that a cell shows."""
    shown = [output.data for output in cell.outputs if output.output_type == "display_data"]
    return [base64.b64decode(data["image/png"]) for data in shown]


def shape(cells: list[Any]) -> list[tuple[str, int, list[int | None]]]:
    """What stands in a notebook, but for figures and pixels: another machine rounds otherwise."""
    return [(cell.source, len(pictures(cell)), [cell.execution_count]) for cell in cells]


def test_the_tour_runs_and_shows_what_it_promises(
    tmp_path: Path, data_dir: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is left in the test's directory, as tour.ipynb. When the tour's code has changed,
    look at its pictures and copy it over docs/tour.ipynb; then this passes."""
    committed: Any = nbformat.read(TOUR, as_version=4)  # type: ignore[no-untyped-call]
    ran: Any = nbformat.read(TOUR, as_version=4)  # type: ignore[no-untyped-call]
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))  # Else the tour prepares MNIST of its own.
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))

    # A cell that fails is an error here.
    NotebookClient(
        ran,
        timeout=900,
        kernel_name="python3",
        coalesce_streams=True,  # A progress bar as it ends, not each of its states.
        record_timing=False,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    nbformat.write(ran, tmp_path / TOUR.name)  # type: ignore[no-untyped-call]

    # What is committed is one run, in order, of the very code that ran now.
    cells = code(ran)
    assert shape(code(committed)) == shape(cells)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for each in (committed, ran):
        said = texts(code(each))
        assert "V of the best D:    -1.1734\n-log 4 + 2 JSD:     -1.1734\n" in said
        assert re.search(r"D classifies (9\d|100)\.\d\d % correctly of 2,000 held-out images", said)
        assert re.search(r"health: attempt 1, step \d+: G collapsed: ", said)
        assert "Warning" not in said
        assert "Traceback" not in said
        assert not re.search(r"(?<![\w.])/\w", said), "it shows where this machine keeps files"
        last = [Image.open(io.BytesIO(png)) for png in pictures(code(each)[-1])]
        assert [(picture.format, picture.size) for picture in last] == [("PNG", (28, 28))] * 3
        for picture in last:  # White strokes on black, and no two alike.
            pixels = np.asarray(picture)
            assert pixels.max() > 200
            assert 0.03 < (pixels > 127).mean() < 0.5
        assert len({picture.tobytes() for picture in last}) == 3
    assert TOUR.stat().st_size < 1_000_000
