"""What a run is said to cost, before it trains."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.data.cache import Split
from gan_tf.data.feed import Batch
from gan_tf.game.step import step
from gan_tf.models import ARCHITECTURES, Architecture
from gan_tf.training import build, costs


def images(height: int, width: int, channels: int) -> Split:
    rng = np.random.default_rng(0)
    return Split(
        rng.integers(0, 256, (8, height, width, channels), np.uint8), np.zeros(8, np.int64)
    )


# Multiplications of a forward pass of the default at 28x28x1, by hand.
G = 64 * 6_272 + 49 * 9 * 128 * 128 + 49 * 16 * 128 * 64 + 196 * 16 * 64
D = 196 * 16 * 32 + 49 * 16 * 32 * 64 + 3_136 * 256 + 256


@pytest.mark.parametrize(
    ("values", "multiplications"),
    [
        ({}, G + 6 * D + 4 * D / 8 + 3 * G + 2 * D),
        ({"r1_gamma": 0.0}, 4 * G + 8 * D),
        ({"r1_gamma": 0.0, "gradient_penalty": 10.0}, 4 * G + 12 * D),
        ({"r1_gamma": 0.0, "update": "simultaneous"}, 3 * G + 6 * D),
        ({"r1_gamma": 0.0, "discriminator_steps": 2}, (5 * G + 14 * D) / 2),
        ({"r1_gamma": 0.0, "generator_steps": 0}, G + 6 * D),
        ({"r1_gamma": 0.0, "r2_gamma": 1.0, "r1_every": 4}, 4 * G + 9 * D),
        ({"r1_gamma": "1:0@9", "loss": "relativistic"}, 4 * G + 9 * D + 4 * D / 8),
    ],
)
def test_operations_are_counted_as_by_hand(values: dict[str, Any], multiplications: float) -> None:
    config = Config(precision="float32", **values).follow((28, 28, 1), 8)
    found = costs.of(build.game(config, images(28, 28, 1)), config)
    assert found.operations == pytest.approx(2 * multiplications)
    assert (found.generator, found.discriminator) == (681_601, 836_705)
    said = f"parameters: G 681,601, D 836,705; about {2e-9 * multiplications:.3g} GFLOP an image"
    assert str(found) == f"{said} trained"


def test_networks_that_do_not_show_their_operations_cost_something_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Inner(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs: tf.Tensor) -> tf.Tensor:
            return self.dense(inputs)

    def discriminator(shape: tuple[int, int, int]) -> keras.Model:
        return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), Inner()])

    pair = Architecture(ARCHITECTURES["mlp"].generator, discriminator)
    monkeypatch.setitem(ARCHITECTURES, "mlp", pair)
    config = Config(arch="mlp", precision="float32").follow((4, 4, 1), 8)
    found = costs.of(build.game(config, images(4, 4, 1)), config)
    assert found.operations is None
    assert str(found).endswith("D 17")


@pytest.mark.parametrize("shape", [(28, 128, 1), (64, 48, 3), (128, 128, 3)])
def test_a_step_on_images_of_any_size(shape: tuple[int, int, int]) -> None:
    reals = images(*shape)
    config = Config(batch_size=2, width=8, precision="float32", r1_every=1)
    game = build.game(config, reals)
    before = game.state.generator.network.get_weights()[0]
    pixels = reals.images[None, :2].astype(np.float32) / 127.5 - 1.0
    metrics = step(game, Batch(pixels, reals.labels[None, :2]))
    assert all(np.isfinite(value) for value in metrics.values())
    assert not np.array_equal(before, game.state.generator.network.get_weights()[0])
