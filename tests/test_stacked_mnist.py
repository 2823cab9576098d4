"""The script that counts modes of stacked MNIST: its figures, its record and its page."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stacked_mnist
import stacked_mnist_modes as modes
import stacked_mnist_page as page

from gan_tf.config import command_line
from gan_tf.host.errors import InputError
from gan_tf.training import exporting

REALS = [
    {"protocol": "", "name": name, "seed": 0, "flags": [], "samples": samples, "modes": 1_000}
    | {"kl": 0.025, "kl_stacks": 0.019, "confident": 0.987, "judge": "mnist-v1, 99.50 %"}
    for name in page.REAL
    for samples in sorted({*page.SAMPLES.values()})
]


def line(seed: int, **changes: Any) -> dict[str, Any]:
    """A run on record."""
    figures: dict[str, Any] = {
        "steps": 12_000,
        "batch_size": 64,
        "minutes": 5.0 + seed,
        "samples": 26_000,
    }
    figures |= {"modes": 1_000 - seed, "kl": 0.03 + seed / 100, "kl_stacks": 0.02}
    figures |= {"confident": 0.9, "judge": "mnist-v1, 99.50 %"}
    about = {"protocol": "veegan", "name": "mine", "seed": seed, "flags": ["--loss=hinge"]}
    return about | figures | {"machine": "two cores", "gan_tf": "0"} | changes


def options(tmp_path: Path, *flags: str) -> stacked_mnist.Options:
    """Those of a command line, for a record in a directory of its own."""
    place = (f"--record={tmp_path / 'record.jsonl'}", f"--runs_dir={tmp_path / 'runs'}")
    return command_line.parse(stacked_mnist.Options, [*place, *flags])


def on_record(tmp_path: Path, *lines: dict[str, Any]) -> None:
    """Writes a record."""
    text = "".join(json.dumps(each) + "\n" for each in lines)
    (tmp_path / "record.jsonl").write_text(text)


def test_figures_are_those_of_their_definitions(mnist: dict[str, np.ndarray]) -> None:
    digits, labels = (mnist[f"test_{name}"][:900] for name in ("images", "labels"))
    stacks = np.moveaxis(digits[..., 0].reshape(300, 3, 28, 28), 1, -1)
    triples = labels.reshape(300, 3) @ np.array([100, 10, 1])
    judge = modes.judge()
    looked = modes.look(judge, stacks)
    found = modes.figures(looked, triples)
    seen = judge(digits).probabilities
    assert seen is not None
    told = [int("".join(map(str, each))) for each in seen.argmax(axis=1).reshape(300, 3)]
    drawn, real = Counter(told), Counter(triples.tolist())
    shares = {mode: number / 300 for mode, number in drawn.items()}
    assert found["modes"] == len(drawn) < 300
    assert found["kl"] == pytest.approx(
        sum(p * math.log(p * 1_000) for p in shares.values()), abs=1e-5
    )
    assert found["confident"] == pytest.approx((seen.max(axis=1) >= 0.9).mean(), abs=1e-5)
    missing = any(mode not in real for mode in drawn)
    assert math.isinf(found["kl_stacks"]) == missing
    assert modes.figures(looked, np.array(told))["kl_stacks"] == 0
    collapsed = modes.figures(looked.first(1), np.arange(1_000))
    assert (collapsed["modes"], collapsed["samples"]) == (1, 1)
    assert collapsed["kl"] == collapsed["kl_stacks"] == pytest.approx(math.log(1_000), abs=1e-5)


def test_what_is_on_record_is_not_done_again(tmp_path: Path) -> None:
    """Without data, networks or a run: a page of what is there."""
    lines = [*REALS, line(0), line(2), line(1), line(3, failed="nan at step 7")]
    for name in ("modes", "kl", "kl_stacks", "confident", "steps"):
        del lines[-1][name]
    on_record(tmp_path, *lines)
    before = (tmp_path / "record.jsonl").read_bytes()
    found = stacked_mnist.main(
        options(tmp_path, "--name=mine", "--flags=--loss=hinge", "--seeds=2,0,3")
    )
    assert (tmp_path / "record.jsonl").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record.jsonl", "record.md"]
    text = Path(found).read_text()
    (row,) = (each for each in text.splitlines() if each.startswith("| **mine** |"))
    assert row.split(" | ")[1:] == [
        "4",
        "999 (998 to 1,000)",
        "0.0400 (0.0300 to 0.0500)",
        "0.0200",
        "0.900",
        "12,000 x 64",
        "6.0 (5.0 to 7.0) |",
    ]
    assert "- **mine**: `--loss=hinge`. two cores. Failed: seed 3: nan at step 7." in text
    assert text.count("| *floor* |  | 1,000 | 0.0192 |") == 1
    assert text.count("| *floor* |  | 1,000 | 0.0195 |") == 2
    assert text.count("| *real stacks, test digits* |") == 3
    assert "| PacDCGAN4 |  | 667.4 +- 29.00 | 1.81 +- 0.15 |" in text
    assert "here mnist-v1, 99.50 %." in text


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--seeds=1,x"], "must be whole numbers and commas, as in 0,1,2, or none"),
        (["--seeds=99999999999"], "--seed=99999999999: must be a whole number from 0"),
        (["--flags=--loss=nothing"], "--loss=nothing: must be one of "),
        (["--flags=--arch=mlp", "--protocol=unrolled_half"], "--arch is this script's to say"),
        (["--flags=--dataset=mnist"], "--dataset is this script's to say"),
        (["--flags='"], "No closing quotation"),
        (["--name=a/b"], "must be of letters, digits, - and _"),
        (["--name=mine"], "has runs of that name with other flags (--loss=hinge)"),
        (["--record=record.json"], "must end in .jsonl"),
    ],
)
def test_it_refuses_what_it_cannot_do(tmp_path: Path, flags: list[str], part: str) -> None:
    on_record(tmp_path, *REALS, line(0))
    with pytest.raises(InputError) as refusal:
        stacked_mnist.main(options(tmp_path, *flags))
    assert part in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["record.jsonl"]


def test_the_page_of_the_repository_is_that_of_its_record(tmp_path: Path) -> None:
    docs = Path(stacked_mnist.__file__).parents[1] / "docs"
    on_record(tmp_path, *stacked_mnist.read(docs / "stacked-mnist.jsonl"))
    record = tmp_path / "stacked-mnist.jsonl"
    (tmp_path / "record.jsonl").rename(record)
    record.with_suffix("").symlink_to(docs / "stacked-mnist")
    page.write(record, stacked_mnist.read(record))
    assert record.with_suffix(".md").read_text() == (docs / "stacked-mnist.md").read_text()


def test_a_run_that_went_on_is_exported_anew(tmp_path: Path, trained: Path) -> None:
    older = exporting.find_checkpoint(trained, "120")
    run_dir = tmp_path / "run"
    shutil.copytree(trained, run_dir)
    exporting.export(run_dir, older, run_dir / "judged")
    assert stacked_mnist.exported(run_dir).metadata["step"] == 150
    assert stacked_mnist.exported(run_dir).path == run_dir / "judged" / "2", "and only once"


@pytest.mark.release
def test_a_run_from_its_first_step_to_its_row(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SAMPLES", dict.fromkeys(page.SAMPLES, 200))
    flags = ("--name=tiny", "--flags=--steps=2 --batch_size=4", f"--data_dir={data_dir}")
    found = stacked_mnist.main(options(tmp_path, *flags, "--seeds=5"))
    *reals, run = stacked_mnist.read(tmp_path / "record.jsonl")
    assert [each["name"] for each in reals] == list(page.REAL)
    assert (run["seed"], run["steps"], run["batch_size"], run["samples"]) == (5, 2, 4, 200)
    assert 1 <= run["modes"] <= 200
    assert sorted(path.name for path in (tmp_path / "record").iterdir()) == [
        "real.png",
        "veegan-tiny.png",
    ]
    assert "![tiny" in Path(found).read_text()
