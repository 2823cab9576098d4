"""The benchmark: what it counts, what it compares with, and what it writes. Never a time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from benchmarks import keras_loop, speed
from benchmarks.figures import Figure, alternate, ratio, whole_process

from gan_tf.models import ARCHITECTURES

from .conftest import MNIST_SHAPE, metrics
from .test_scripts import run


def test_the_plain_loops_have_our_networks() -> None:
    preset = ARCHITECTURES["tensorflow_tutorial"]
    ours = preset.generator(100, MNIST_SHAPE), preset.discriminator(MNIST_SHAPE)
    default, shape = ARCHITECTURES["dcgan"], keras_loop.COLOUR_SHAPE
    larger = default.generator(64, shape), default.discriminator(shape)
    plains = (*keras_loop.tutorial(), *keras_loop.colour())
    for plain, network in zip(plains, (*ours, *larger), strict=True):
        assert [v.shape for v in plain.weights] == [v.shape for v in network.weights]
        kinds = [
            [type(layer).__name__ for layer in each.layers if layer.weights]
            for each in (plain, network)
        ]
        assert kinds[0] == kinds[1]


def test_operations_are_counted_as_by_hand() -> None:
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input([4]),
            layers.Dense(2 * 2 * 3),
            layers.Reshape([2, 2, 3]),
            layers.Conv2DTranspose(5, 4, 2, "same"),
            layers.Conv2D(7, 3, 2, "same"),
        ]
    )
    # Each input pixel of a transposed convolution meets the kernel, each output pixel of a
    # convolution does.
    by_hand = 2 * (4 * 12 + (2 * 2) * (4 * 4 * 3 * 5) + (2 * 2) * (3 * 3 * 5 * 7))
    assert speed.forward(network) == by_hand
    # The tutorial's, in millions of multiplications: G 51.7 (1.3, 40.1, 10.0, 0.3), D 10.4.
    assert speed.operations("tensorflow_tutorial", 100, (28, 28, 1)) / 1e9 == pytest.approx(
        0.432, rel=0.01
    )


def test_the_memory_of_a_process_is_not_that_of_its_starter() -> None:
    small, large = (f"x = b'x' * {size} * 2**20" for size in (1, 100))
    (_, less), (_, more) = (whole_process([sys.executable, "-c", x]) for x in (small, large))
    assert less < 0.05, "this process holds TensorFlow"
    assert more - less == pytest.approx(99 / 1024, rel=0.1)


def test_sides_take_turns_and_ratios_are_taken_within_a_round() -> None:
    order = []

    def side(name: str, values: list[float]) -> float:
        order.append(name)
        return values.pop(0)

    a, b = [10.0, 40.0, 90.0], [10.0, 20.0, 30.0]
    found = alternate({"a": lambda: side("a", a), "b": lambda: side("b", b)}, rounds=3)
    assert order == ["a", "b"] * 3
    assert ratio(found, "a", "b") == (2.0, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [(1.9, ">= 1.8", True), (1.7, ">= 1.8", False), (2.0, "<= 2.5", True), (3.0, "<= 2.5", False)],
)
def test_a_missed_target_says_so(value: float, target: str, met: bool) -> None:
    figure = Figure("part", "name", value, "times", target)
    assert figure.met is met
    assert figure.cells()[-1] == ("met" if met else "missed")
    assert figure.to_json()["met"] is met


def test_it_writes_a_table_and_json(tmp_path: Path, home: Path, data_dir: Path) -> None:
    output = tmp_path / "benchmark.json"
    finished = run(
        "scripts/benchmark",
        "--parts=host",
        "--rounds=2",
        f"--data_dir={data_dir}",
        f"--output={output}",
        home=home,
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(output.read_text())
    (figure,) = found["figures"]
    assert (figure["part"], figure["unit"], len(figure["rounds"])) == ("host", "ms/step", 2)
    assert figure["value"] == pytest.approx(sum(figure["rounds"]) / 2)
    machine, _, head, rule, row = finished.stdout.splitlines()
    assert (machine, len(rule.split("|"))) == (found["machine"], len(head.split("|")))
    assert row.startswith("| host | loop around an empty step | ")


@pytest.mark.parametrize(
    ("flag", "part"),
    [
        ("--parts=trainings", "training, sampling"),
        ("--seeds=a", "whole numbers and commas"),
        ("--parts=peer", "peer needs --images and --torch_python"),
        ("--torch_python=/nowhere/python", "a Python that has PyTorch"),
    ],
)
def test_wrong_input_gets_one_line(home: Path, flag: str, part: str) -> None:
    finished = run("scripts/benchmark", flag, home=home)
    assert (finished.returncode, finished.stdout) == (2, "")
    (line,) = finished.stderr.strip().splitlines()
    assert flag in line
    assert part in line


def test_a_real_run_is_what_training_measures(tmp_path: Path, data_dir: Path) -> None:
    rate = speed.train(tmp_path, data_dir, "float32", seconds=10.0, every=2)
    (run_dir,) = tmp_path.iterdir()
    assert not (run_dir / "export").exists()
    lines = metrics(run_dir)
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    seconds = lines[-2]["seconds"] - lines[0]["seconds"]
    assert rate == pytest.approx(256 * 4 / seconds)
    assert np.isfinite(rate)
