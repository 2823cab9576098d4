"""What follows the data where no flag says otherwise, and stays what it was in a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_tf.config import Config
from gan_tf.host.errors import InputError

from .conftest import Command, checkpoint, dataset_of, executed, one_line

SHORT = ("--dataset=wide", "--data_dir=data", "--batch_size=8", "--width=8", "--export=none")
WIDE = (48, 64, 3)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """The data directory of a few larger images, not square."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, number in (("train", 40), ("test", 16)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (number, *WIDE), np.uint8)
        arrays[f"{split}_labels"] = np.zeros(number, np.int64)
    dataset_of(tmp_path / "data", "wide", **arrays)
    return tmp_path / "data"


def followed(config: Config, shape: tuple[int, int, int], images: int) -> tuple[Any, ...]:
    found = config.follow(shape, images)
    return found.r1_gamma, found.ema_decay, found.total_steps(images)


@pytest.mark.parametrize(
    ("shape", "images", "steps"),
    [
        ((28, 28, 1), 60_000, 15_000),
        ((28, 28, 3), 128_000, 32_000),  # Stacked MNIST.
        ((32, 32, 3), 50_000, 12_500),  # CIFAR-10.
        ((28, 28, 1), 88_800, 22_200),
    ],
)
def test_the_defaults_of_small_images_are_what_they_were(
    shape: tuple[int, int, int], images: int, steps: int
) -> None:
    assert followed(Config(), shape, images) == (0.3, 0.999, steps)
    assert all(each.usual for each in Config().followed(shape, images).values())


def test_larger_and_fewer_images_have_values_of_their_own() -> None:
    assert followed(Config(), (64, 64, 3), 3_000) == (1.2, 0.999, 12_516)  # 267 epochs.
    assert followed(Config(), (128, 128, 3), 10**6)[:2] == (4.8, 0.999)
    assert followed(Config(batch_size=16), (28, 28, 1), 60_000) == (0.3, 0.99975, 60_000)
    assert followed(Config(batch_size=65_536), (28, 28, 1), 1)[1] == pytest.approx(0.359, abs=1e-3)


@pytest.mark.parametrize(
    "values",
    [{"r1_gamma": 0.0, "ema_decay": 0.0, "epochs": 2, "augment": "none", "compile": "none"}],
)
def test_what_is_given_does_not_follow(values: dict[str, Any]) -> None:
    config = Config(**values)
    assert config.followed((64, 64, 3), 100) == {}
    assert config.follow((64, 64, 3), 100) == config


def test_an_old_configuration_means_what_it_said() -> None:
    content = Config().to_json()
    for name in ("r1_gamma", "ema_decay", "epochs", "width"):
        del content[name]
    assert followed(Config.from_json(content, "test"), (64, 64, 3), 100) == (0.3, 0.999, 25)


def test_a_dry_run_says_what_follows_the_data_and_prepares_none(
    command: Command, tmp_path: Path, wide: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    finished = command("train", *SHORT, "--r1_gamma=0.5", "--dry_run")
    values = json.loads(finished.stdout)
    assert (values["r1_gamma"], values["epochs"], values["ema_decay"]) == (0.5, 20_000, 0.999875)
    assert list(values["follows"]) == ["ema_decay", "epochs", "augment", "compile"]
    assert "40 images" in values["follows"]["epochs"]
    assert values["augment"] == "diffaugment"
    unknown = json.loads(command("train", "--data_dir=data", "--dry_run").stdout)
    assert (unknown["r1_gamma"], unknown["epochs"], unknown["ema_decay"]) == (None, None, 0.999)
    assert "not prepared yet" in unknown["follows"]["r1_gamma"]
    assert (unknown["augment"], unknown["mirror"]) == ("auto", False)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_keeps_what_it_began_with(command: Command, tmp_path: Path, wide: Path) -> None:
    begun = command("train", *SHORT, "--run_dir=run", "--steps=2")
    assert begun.returncode == 0, begun.stderr
    assert "--r1_gamma=0.9: 0.3 for 32x32, times 3 for 48x64" in begun.stderr
    assert "--augment=diffaugment: D soon knows 40 images by heart" in begun.stderr
    assert "parameters: G " in begun.stderr
    path = tmp_path / "run" / "config.json"
    content = json.loads(path.read_text())
    assert (content["config"]["r1_gamma"], content["config"]["ema_decay"]) == (0.9, 0.999875)
    # As if another version had decided otherwise: the run goes on by its own.
    content["config"] |= {"r1_gamma": 0.7, "ema_decay": 0.5}
    path.write_text(json.dumps(content))
    assert json.loads(command("train", *SHORT, "--run_dir=run", "--dry_run").stdout)["steps"] == 2
    again = command("train", *SHORT, "--run_dir=run")
    assert (again.returncode, executed(again.stdout)) == (0, 0), again.stderr
    longer = command("train", *SHORT, "--run_dir=run", "--steps=3")
    assert (longer.returncode, executed(longer.stdout)) == (0, 1), longer.stderr
    assert json.loads(path.read_text())["config"]["r1_gamma"] == 0.7
    assert int(checkpoint(tmp_path / "run", 3)["step/000"]) == 3
    other = command("train", *SHORT, "--run_dir=run", "--steps=4", "--r1_gamma=0.9")
    assert "--r1_gamma was 0.7 and is now 0.9" in one_line(other)
    wider = command("train", *SHORT, "--run_dir=run", "--steps=4", "--width=16")
    assert "--width was 8 and is now 16" in one_line(wider)
    exported = command("export", "--run_dir=run")
    assert exported.returncode == 0, exported.stderr
    sampled = command("sample", "--run_dir=run", "--num=1", "--output=one.png")
    assert sampled.returncode == 0, sampled.stderr


def test_a_width_is_refused_where_networks_have_one() -> None:
    with pytest.raises(InputError, match=r"^--width=32: --arch=mlp has one width"):
        Config(arch="mlp", width=32)
