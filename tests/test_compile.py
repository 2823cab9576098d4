"""A step that XLA compiles: as the other kernels' step, but for rounding and its random numbers.

A GPU's runs are compiled by default. XLA compiles for a processor too, which these tests use.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.game import affine
from gan_tf.game.latents import Draw
from gan_tf.game.step import step
from gan_tf.training import build
from gan_tf.training.run import train

from .conftest import assert_same_bits, metrics


def one_step(config: Config, reals: Split, *, compiled: bool) -> dict[str, np.ndarray]:
    """What a step says, and D behind it."""
    config = config.follow(reals.image_shape, len(reals.images))
    latents = tf.constant(np.random.default_rng(1).normal(size=(8, 64)), tf.float32)
    game = build.game(config, reals)
    # XLA draws other numbers from the same seed.
    game = dataclasses.replace(game, draw=lambda number: Draw(latents, None, number))
    batch = build.feed(config, reals).gather(tf.range(8)[None])
    said = tf.function(lambda: step(game, batch), jit_compile=compiled, autograph=False)()
    weights = game.state.discriminator.network.weights
    behind = {f"{number}": weight for number, weight in enumerate(weights)}
    return {name: np.asarray(value) for name, value in [*said.items(), *behind.items()]}


def test_a_compiled_step_computes_the_same() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8)
    config = Config(
        arch="dcgan",
        width=8,
        batch_size=8,
        optimizer="sgd",  # Adam would make a large difference of a rounding.
        generator_lr=0.1,
        discriminator_lr=1.0,
        augment="none",  # It is drawn by chance, as latents are.
        r1_every=1,
        precision="float32",
    )
    reals = Split(images, np.zeros(8, np.int64))
    plain, compiled = (one_step(config, reals, compiled=each) for each in (False, True))
    assert plain.keys() == compiled.keys()
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, atol=1e-6, rtol=1e-4, err_msg=name)


def test_a_compiled_run_goes_on_exactly(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was hard to compile: R1 through DiffAugment, in steps with and without it."""

    def go(name: str, steps: int) -> None:
        train(
            Config(
                arch="dcgan",
                width=8,
                data_dir=str(data_dir),
                run_dir=str(tmp_path / name),
                steps=steps,
                augment="diffaugment",
                compile="xla",
                batch_size=8,
                r1_every=2,
                log_every=2,
                sample_every=6,
                checkpoint_every=2,
                evaluate_every=0,
                export="none",
            )
        )

    go("whole", 6)
    assert ", compiled by XLA\n" in capsys.readouterr().err
    go("parts", 3)
    go("parts", 6)
    assert_same_bits(tmp_path / "whole", tmp_path / "parts", 6)
    assert [line["step"] for line in metrics(tmp_path / "parts")] == [2, 4, 6]


def test_pixels_move_with_their_slopes() -> None:
    """By zero to all pixels of a side and further, as a loop would move them."""
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(5, 4, 6, 3)), tf.float32)
    right, down = tf.constant([0.0, 2.0, -3.0, 7.0, 0.0]), tf.constant([0.0, -1.0, 3.0, 0.0, -4.0])
    expected = np.zeros(images.shape, np.float32)
    for n, y, x in np.ndindex(5, 4, 6):
        row, column = y - int(down[n]), x - int(right[n])
        if 0 <= row < 4 and 0 <= column < 6:
            expected[n, y, x] = images[n, row, column]
    weights = tf.constant(rng.normal(size=images.shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        moved = affine.shifted(images, right, down)
        total = tf.reduce_sum(weights * moved)
    np.testing.assert_array_equal(moved, expected)
    back = affine.shifted(weights, -right, -down)
    np.testing.assert_array_equal(tape.gradient(total, images), back)
