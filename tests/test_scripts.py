"""The scripts: installed once, and a table of every preset that is asked for."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pretrained
import pytest
import reproduce
import resumption
import torture
from benchmarks import variants
from PIL import Image

from gan_tf.config import Config
from gan_tf.evaluation import scorecard
from gan_tf.evaluation.figures import FIGURES
from gan_tf.host import archive
from gan_tf.host.errors import InputError
from gan_tf.models import ARCHITECTURES, Architecture
from gan_tf.serving import pretrained as serving_pretrained

from .conftest import MNIST_SHAPE

ROOT = Path(__file__).parents[1]


def run(*command: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_what_is_installed_is_not_installed_again(home: Path) -> None:
    for extra in ((), ("dev",)):
        finished = run("scripts/install", *extra, home=home)
        assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_a_python_too_old_is_named(tmp_path: Path, home: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.9.1'\nexit 1\n")
    old.chmod(0o755)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHON": str(old)}
    finished = subprocess.run(
        ["scripts/install"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert "Python 3.9.1" in finished.stderr
    assert "Python 3.11 to 3.13 is needed" in finished.stderr


def test_reproduce_writes_a_table_and_does_nothing_twice(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    command = (
        "scripts/reproduce",
        "--presets=noise_classifier,mlp",
        "--steps=20",
        "--samples=200",
        f"--runs_dir={tmp_path / 'runs'}",
        f"--output={tmp_path / 'out' / 'table.md'}",
    )
    first = run(*command, home=home)
    assert first.returncode == 0, first.stderr
    text = (tmp_path / "out" / "table.md").read_text()
    head, _, noise, mlp = text.splitlines()
    assert "its author says" in head
    assert noise.startswith("| `noise_classifier` | ")
    assert mlp.startswith("| `mlp` | ")
    assert " | 20 | " in noise
    assert " | 20 | " in mlp
    assert re.search(r" D classifies \d+ % correctly; JSD ", mlp)
    assert "Parzen " in mlp
    assert "healthy" in mlp
    with Image.open(tmp_path / "out" / "mlp.png") as picture:
        assert picture.size == (234, 234)
    before = (tmp_path / "runs" / "mlp" / "metrics.jsonl").read_bytes()
    assert run(*command, home=home).returncode == 0
    assert (tmp_path / "runs" / "mlp" / "metrics.jsonl").read_bytes() == before
    assert (tmp_path / "out" / "table.md").read_text() == text


def test_reproduce_keeps_the_rows_of_other_presets(tmp_path: Path) -> None:
    rows = ["| `mlp` | ours | 1 |", "| `dcgan` | ours, the default | 2 |"]
    (tmp_path / "table.md").write_text(reproduce.table(rows))
    kept = reproduce.earlier(tmp_path / "table.md")
    assert kept == {"mlp": rows[0], "dcgan": rows[1]}
    assert reproduce.earlier(tmp_path / "missing.md") == {}


def test_reproduce_says_what_d_is_right_about() -> None:
    assert reproduce.of_d("hinge", 0.913) == "D classifies 91 % correctly"
    pairs = "D puts 91 % of held-out images above a fresh fake"
    assert reproduce.of_d("relativistic", 0.913) == pairs


def test_the_packages_generator_stays_until_a_new_one_is_judged(
    tmp_path: Path, trained: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        assert list(tmp_path.iterdir()) == []
        raise InputError("it cannot be judged")

    monkeypatch.setattr(serving_pretrained, "DIRECTORY", tmp_path)
    monkeypatch.setattr(scorecard, "scorecard", fails)
    options = pretrained.Options(run_dir=str(trained), name="new", data_dir=str(data_dir))
    with pytest.raises(InputError, match="cannot be judged"):
        pretrained.main(options)
    card = {"classifier": "mnist-v1", "num": 100, "recall": {"value": 0.5}}
    monkeypatch.setattr(scorecard, "scorecard", lambda *_, **__: card)
    monkeypatch.setattr(scorecard, "table", lambda _: "the table")
    assert pretrained.main(options) == "the table"
    about = serving_pretrained.metadata("new", tmp_path)
    assert about["figures"] == {"recall": {"value": 0.5}, "judge": "mnist-v1", "num": 100}
    assert (tmp_path / "new.npz").exists()


def test_reproduce_refuses_an_unknown_preset(home: Path) -> None:
    finished = run("scripts/reproduce", "--presets=dcgan,nonesuch", home=home)
    assert finished.returncode == 2
    assert "nonesuch is none of paper_2014, " in finished.stderr


def test_seeds_writes_every_figure_of_each(tmp_path: Path, home: Path, data_dir: Path) -> None:
    flags = "--flags=--conditional=projection --batch_size=8"
    command = ("scripts/seeds", "--seeds=0,4", "--steps=5", "--num=1000", flags)
    place = (f"--runs_dir={tmp_path / 'runs'}", f"--output={tmp_path / 'table.md'}")
    finished = run(*command, *place, home=home)
    assert finished.returncode == 0, finished.stderr
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert finished.stdout.splitlines() == lines
    assert lines[0].startswith("| figure | seed 0 | seed 4 | median | real images |")
    assert len(lines) == 2 + len(FIGURES) + 2 + 2
    assert lines[-4].startswith("| `label_accuracy` | ")
    assert lines[-3].startswith("| coverage in the worst class, of the real | ")
    for line in lines[2:-2]:
        first, second, middle = (float(cell.split()[0]) for cell in line.split(" | ")[1:4])
        assert min(first, second) <= middle <= max(first, second)
    assert lines[-2].startswith("| best step | 5 | 5 |")
    assert lines[-1].startswith("| attempts | 1 | 1 |")


def test_ablate_keeps_a_record_and_trains_nothing_twice(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    output = tmp_path / "ablation.json"
    command = ("scripts/ablate", "--marks=0.5,1", "--only=hinge", "--num=500", f"--output={output}")
    first = run(*command, home=home)
    assert first.returncode == 0, first.stderr
    head, _, row = first.stdout.splitlines()
    assert head == "| varies | how | 0.5 s | 1 s | precision | recall | steps |"
    assert row.startswith("| loss | hinge | ")
    ((early, late),) = (row["found"] for row in json.loads(output.read_text())["rows"])
    assert early["step"] < late["step"]
    assert early["frechet_distance"] != late["frechet_distance"]
    before = output.stat().st_mtime_ns
    assert run(*command, home=home).stdout == first.stdout
    assert output.stat().st_mtime_ns == before
    other = run(*command, "--seed=1", home=home)
    assert (other.returncode, other.stdout) == (2, "")
    assert "another seed" in other.stderr.splitlines()[-1]
    assert output.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("flag", "part"),
    [
        ("--marks=10,5", "must be rising seconds, as in 10,30,60"),
        ("--marks=nan", "must be rising seconds, as in 10,30,60"),
        ("--output=table.md", "must end in .json"),
        ("--only=nothing like it", "is in the name of no variant"),
    ],
)
def test_ablate_refuses_what_it_cannot_do(home: Path, flag: str, part: str) -> None:
    finished = run("scripts/ablate", flag, home=home)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert part in finished.stderr.strip().splitlines()[-1]


def test_every_variant_builds_and_the_first_is_the_default() -> None:
    def layers(pair: Architecture) -> list[tuple[str, list[tuple[int, ...]]]]:
        networks = pair.generator(64, MNIST_SHAPE), pair.discriminator(MNIST_SHAPE)
        return [
            (type(layer).__name__, [tuple(w.shape) for w in layer.weights])
            for network in networks
            for layer in network.layers
        ]

    default = layers(ARCHITECTURES["dcgan"])
    assert layers(Architecture(variants.generator(), variants.discriminator())) == default
    first, *others = variants.VARIANTS
    assert (first.architecture, first.flags) == (None, {})
    for variant in others:
        Config(**variant.flags)
        assert variant.flags or variant.architecture
        if variant.architecture and not variant.flags:
            assert layers(variant.architecture) != default


def test_the_random_network_agrees_with_the_judge_of_digits(
    tmp_path: Path, home: Path, data_dir: Path, trained: Path
) -> None:
    output = tmp_path / "judges.md"
    command = ("scripts/judges", "--num=300", f"--run_dirs={trained}", f"--output={output}")
    finished = run(*command, home=home)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == output.read_text()
    agreement = re.search(
        r"^\| Spearman's correlation \|  \| (.+) \|$", finished.stdout, re.MULTILINE
    )
    assert agreement
    assert float(agreement[1]) > 0.9
    assert f"| samples of {trained.name} | " in finished.stdout


def test_a_judge_of_another_kind_says_the_same_of_digits(
    tmp_path: Path, home: Path, data_dir: Path, trained: Path
) -> None:
    output = tmp_path / "second.md"
    command = (
        "scripts/second_judge",
        *("--epochs=1", "--num=500", "--seeds=0", f"--models=mnist,{trained}"),
        *(f"--judge={tmp_path / 'judge.npz'}", f"--output={output}"),
    )
    finished = run(*command, home=home)
    assert finished.returncode == 0, finished.stderr
    assert "second judge: epoch 1 of 1" in finished.stderr
    assert finished.stdout == output.read_text()
    cells = [line.strip("| ").split(" | ") for line in finished.stdout.splitlines()]
    header, _, *rows = cells
    named = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["generator"] for row in named] == [
        *("mnist", "mnist"),
        *(trained.name, trained.name),
        *("real images", "real images"),
    ]
    for first, second in ((0, 1), (2, 3), (4, 5)):
        assert named[first]["judge"] == "`mnist-v1` (99.42 %)"
        assert re.match(r"`second` \(9\d", named[second]["judge"])
    # It tells digits on request from what a short run draws, as the first one does.
    for judge in (0, 1):
        good, bad, real = (float(named[judge + place]["`frechet_distance`"]) for place in (0, 2, 4))
        assert max(real, good) < bad


def test_torture_finds_no_bit_that_differs(tmp_path: Path, home: Path, data_dir: Path) -> None:
    command = (
        "scripts/torture",
        *("--kills=3", "--archs=dcgan", "--precisions=auto", "--flags=--augment=ada"),
        f"--runs_dir={tmp_path / 'runs'}",
        f"--output={tmp_path / 'record.md'}",
    )
    finished = run(*command, home=home)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.count("kill ") == 3
    record = (tmp_path / "record.md").read_text()
    assert finished.stdout == record
    figures = dict(re.findall(r"^\| (.+?) \| ([\d,]+) \|$", record, re.MULTILINE))
    assert figures["kills"] == "3"
    assert int(figures["half-written checkpoints left"]) + int(
        figures["other half-written files left"]
    ), "no kill met a write"
    assert 120 == int(figures["steps of the run"]) <= int(figures["steps run in all"]) < 300
    for fault in torture.FAULTS:
        assert figures[fault] == "0"

    # It would have seen a difference.
    whole, parts = (tmp_path / "runs" / "dcgan-auto" / name for name in ("whole", "parts"))
    assert not any(resumption.differences(whole, parts).values())
    lines = (parts / "metrics.jsonl").read_text()
    (parts / "metrics.jsonl").write_text(lines.replace('"d_real": 0.', '"d_real": 1.', 1))
    (parts / "samples" / "step-00000120.png").write_bytes(b"half")
    arrays = archive.load(parts / "best.npz")
    arrays["generator/000"][0] += 1
    archive.write(parts / "best.npz", arrays)
    assert list(resumption.differences(whole, parts).values()) == [1, 1, 1]
    assert resumption.damages(parts) == [parts / "samples" / "step-00000120.png"]
