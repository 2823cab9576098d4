"""How the speed grows with the workers: the model, and the simulation of many that read shards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import scaling
from PIL import Image
from scalings import model

from gan_tf.host.errors import InputError

ROOT = Path(__file__).parents[1]
# `dcgan` at 64x64x3 by hand: batch norm over 256, 256, 128 and 64 maps, forward for each update and
# back for G's; the parameters of both players.
MAPS = [256, 256, 128, 64]
G = 64 * 64 * 256 + 9 * 256 * 256 + 16 * (256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * sum(MAPS)
D = 16 * (3 * 32 + 32 * 64 + 64 * 128) + 32 + 64 + 128 + 8 * 8 * 128 * 256 + 256 + 256 + 1
SUMS = [model.Sum("D's gradients", 4 * D), model.Sum(model.BATCH_NORM, 0, 2_048)]


@pytest.mark.parametrize("link", [model.Link(25), model.Link(200), model.Link(25, nccl=False)])
def test_the_efficiency_is_1_alone_and_falls_with_the_workers(link: model.Link) -> None:
    assert model.efficiency(1, 0.01, SUMS, link) == 1.0
    reached = [model.efficiency(workers, 0.01, SUMS, link) for workers in (1, 2, *model.GPUS)]
    assert all(after < before for before, after in pairwise(reached))
    assert reached[-1] > 0.0
    # Longer steps, or a quicker network, wait a smaller part.
    assert model.efficiency(256, 0.1, SUMS, link) > reached[-1]
    assert model.efficiency(256, 0.01, SUMS, link._replace(gigabits=400)) >= reached[-1]


def test_a_large_sum_takes_what_its_bytes_take() -> None:
    """Twice the bytes by the rate of the network, at most twice; a small one its hops."""
    size, link = 1e10, model.Link(200, node=1)
    assert model.all_reduce(size, 64, link) == pytest.approx(2 * 63 / 64 * size / 25e9, rel=0.01)
    assert model.all_reduce(4, 1, link) == 0.0
    ring = link._replace(nccl=False)
    assert model.all_reduce(4, 64, ring) == pytest.approx(126 * model.GRPC_HOP, rel=0.01)
    assert model.all_reduce(4, 64, link) < 1e-3


def test_what_would_help_helps() -> None:
    found = model.remedies(0.01, SUMS, 256, 25)
    ring, nccl, *others = found.values()
    assert ring < nccl < min(others)
    assert max(found.values()) == list(found.values())[-1] < 1.0


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command finds on little."""
    place = tmp_path_factory.mktemp("scaling")
    command = [sys.executable, "scripts/scaling.py", "--parts=model,feed", "--networks=dcgan"]
    command += ["--images=1000", "--shard_rows=64", "--workers=4", "--most_permuted=100000"]
    command += [f"--place={place}", f"--record={place / 'scaling.json'}"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"{place / 'scaling.md'}\n"
    assert {path.name for path in place.iterdir()} == {"scaling.json", "scaling.md", "scaling"}
    return place / "scaling.json"


def test_the_sums_of_a_step_are_those_of_its_networks(record: Path) -> None:
    (network,) = json.loads(record.read_text())["model"]["networks"].values()
    assert network["parameters"] == G + D
    sums = [model.Sum(**each) for each in network["sums"]]
    norm = [model.Sum(model.BATCH_NORM, 0, 2 * 4 * maps) for maps in MAPS]
    assert sums == [
        *norm,
        model.Sum("D's gradients", 4 * D),
        *norm,
        *reversed(norm),
        model.Sum("G's gradients", 4 * G),
        model.Sum("metrics", 24),
    ]
    for found in network["assumed"].values():
        for reached in found["efficiency"].values():
            assert all(after < before for before, after in pairwise(reached))


def test_every_row_is_read_once_in_the_same_order(record: Path) -> None:
    found = json.loads(record.read_text())["feed"]
    assert (found["batch"], found["steps"], found["shards"]) == (256, 4, 16)
    passes: list[dict[str, Any]] = [found["cold"], *found["warm"].values()]
    assert list(found["warm"]) == ["1", "4", "8"]
    assert {(each["least"], each["most"]) for each in passes} == {(1, 1)}
    assert len({each["order"] for each in passes}) == 1
    assert [each["readers"] for each in passes] == [4, 1, 4, 8]
    assert [each["same"] for each in found["permutations"].values()] == [True]


def test_the_page_is_made_from_the_record(record: Path) -> None:
    page, known = record.with_suffix(".md").read_text(), json.loads(record.read_text())
    (reached,) = (
        found["efficiency"]["200 Gbit/s, NCCL"]
        for network in known["model"]["networks"].values()
        for assumed, found in network["assumed"].items()
        if assumed == "1, 64"
    )
    assert f"| as at 28x28 | 64 | 51.4 | 200 Gbit/s | {reached[0]:.2f} | " in page
    assert f"| the same: SHA-256 {known['feed']['cold']['order'][:16]}... |" in page
    for name in re.findall(r"\]\((scaling/.+?\.png)\)", page):
        with Image.open(record.parent / name) as shown:
            assert shown.size[0] > 300
    assert {"{", "nan", "inf"} & set(re.findall(r"\{|\bnan\b|\binf\b", page)) == set()
    before = record.with_suffix(".md").read_bytes()
    record.with_suffix(".md").unlink()
    scaling.main(scaling.Options(parts="none", record=str(record)))
    assert record.with_suffix(".md").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"parts": "sped"}, "sped is none of speed, model, feed"),
        ({"networks": "mlp"}, "mlp is not dcgan or resnet"),
        ({"sizes": "32"}, "32 is not 64 or 28"),
        ({"images": 500}, "must be at least --shard_rows=1000"),
        ({"record": "page.md"}, "must end in .json"),
        ({"place": "nowhere"}, "must be a directory that is there"),
        ({"parts": "none", "record": "nothing.json"}, "is not there, and --parts=none makes none"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        scaling.main(scaling.Options(**options))
