"""The model card of an export: true, at work, and safe from what others have named."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gan_tf.report import pictures
from gan_tf.serving import pretrained
from gan_tf.training import card

from .conftest import Command


def test_an_export_has_a_card_whose_program_runs(
    command: Command, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = command("export", f"--run_dir={trained}", "--output=served")
    assert finished.returncode == 0, finished.stderr
    place = tmp_path / "served" / "1"
    said = (place / "README.md").read_text(encoding="utf-8")
    about = json.loads((place / "assets.extra" / "gan_tf.json").read_text())
    assert said.startswith("---\ntags: [")
    assert "\ndatasets: [mnist]\n---\n\n# dcgan on mnist\n" in said
    assert f"| licence of the images | {about['licence']} |" in said
    assert f"| `coverage` | {about['metrics']['coverage']:.4f} | higher |" in said
    assert "of 2,000 samples, judged by mnist-v1" in said
    assert "python -m gan_tf.train --dataset=mnist " in said
    assert str(trained.parent) not in said  # A path of this machine means nothing elsewhere.
    (program,) = re.findall(r"```python\n(.*?)```", said, re.DOTALL)
    monkeypatch.chdir(place)
    names: dict[str, Any] = {}
    exec(program, names)
    assert pictures.read_png(names["png"].numpy()[0], 28 * 28).shape == (28, 28, 1)


def test_a_name_stays_text(trained: Path) -> None:
    about = json.loads((trained / "export" / "1" / "assets.extra" / "gan_tf.json").read_text())
    about |= {"dataset": "a]\nb: <img src=x> | `c` {", "classes": {"*x*": 3}, "metrics": {}}
    said = card.text(about, "python")
    assert "datasets:" not in said
    assert "# dcgan on a\\] b: \\<img src=x\\> \\| \\`c\\` \\{\n" in said
    assert ", and a class: \\*x\\* |" in said
    assert "labels=tf.constant([0], tf.int64)" in said
    assert "## Figures" not in said
    mine = card.text(about | {"dataset": "mnist", "imported": True}, "python")
    assert "datasets:" not in mine, "one's own images are not a hub's of the same name"


def test_the_command_names_what_it_needs_but_no_path(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    about = json.loads((tmp_path / "run" / "config.json").read_text())
    about["config"] |= {"dataset": None, "images": "/home/me/photos", "evaluate_images": 10_000}
    for source, shown in (("/home/me/model", "MODEL"), ("mnist", "mnist")):
        about["config"]["init_from"] = source
        (tmp_path / "run" / "config.json").write_text(json.dumps(about))
        finished = command("export", "--run_dir=run", "--output=served")
        assert finished.returncode == 0, finished.stderr
        said = (tmp_path / finished.stdout.strip() / "README.md").read_text(encoding="utf-8")
        assert " --images=IMAGES " in said
        assert f" --init_from={shown} " in said
        assert "/home/me" not in said
        assert "of at most 10,000 samples, judged by mnist-v1" in said, "as many as are held out"


def test_the_packages_own_generator_has_its_figures() -> None:
    about = pretrained.metadata("mnist")
    said = card.text(about, "python")
    value = about["figures"]["label_accuracy"]["value"]
    assert f"| `label_accuracy` | {value:.4f} | higher |" in said
    assert "Taken after training, of 10,000 samples, judged by mnist-v1." in said
