"""Losses against their formulas, in float64 and at logits where the naive form overflows."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.game.losses import (
    LOSSES,
    discriminator_cross_entropy,
    discriminator_objective,
    generator_objective,
)

LOGITS = np.random.default_rng(0).normal(0, 3, (64, 1))
REALS, FAKES = LOGITS[:32], LOGITS[32:]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def tensor(values: np.ndarray) -> tf.Tensor:
    return tf.constant(values, tf.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_discriminator(smoothing: float) -> None:
    d_real, d_fake = sigmoid(REALS), sigmoid(FAKES)
    target = 1 - smoothing
    expected = -np.mean(target * np.log(d_real) + smoothing * np.log(1 - d_real))
    expected -= np.mean(np.log(1 - d_fake))
    for name in ("non_saturating", "minimax"):
        for reduction, share in (("sum", 1.0), ("mean", 0.5)):
            loss = discriminator_objective(name, smoothing, reduction)
            found = float(loss(tensor(REALS), tensor(FAKES)))
            assert found == pytest.approx(share * expected, rel=1e-5)


def test_generator() -> None:
    non_saturating = -np.mean(np.log(sigmoid(FAKES)))
    minimax = np.mean(np.log(1 - sigmoid(FAKES)))
    assert float(LOSSES["non_saturating"].generator(tensor(FAKES))) == pytest.approx(
        non_saturating, rel=1e-5
    )
    assert float(LOSSES["minimax"].generator(tensor(FAKES))) == pytest.approx(minimax, rel=1e-5)


def test_least_squares_hinge_and_critic_by_their_formulas() -> None:
    expected = {
        "least_squares": (
            0.5 * np.mean((REALS - 0.9) ** 2) + 0.5 * np.mean(FAKES**2),
            0.5 * np.mean((FAKES - 1) ** 2),
        ),
        "hinge": (
            np.mean(np.maximum(0, 1 - REALS)) + np.mean(np.maximum(0, 1 + FAKES)),
            -np.mean(FAKES),
        ),
        "wasserstein": (np.mean(FAKES) - np.mean(REALS), -np.mean(FAKES)),
    }
    assert set(expected) | {"non_saturating", "minimax", "relativistic"} == set(LOSSES)
    for name, (discriminator, generator) in expected.items():
        found = discriminator_objective(name, 0.1, "sum")(tensor(REALS), tensor(FAKES))
        assert float(found) == pytest.approx(discriminator, rel=1e-5), name
        found = LOSSES[name].generator(tensor(FAKES))
        assert float(found) == pytest.approx(generator, rel=1e-5), name


def test_relativistic_by_its_formula() -> None:
    """Each fake beside its own real; a constant added to both is not seen."""
    generator = -np.mean(np.log(sigmoid(FAKES - REALS)))
    discriminator = -np.mean(np.log(sigmoid(REALS - FAKES)))
    found = generator_objective("relativistic")(tensor(FAKES), tensor(REALS))
    assert float(found) == pytest.approx(generator, rel=1e-5)
    for name in set(LOSSES) - {"relativistic"}:
        found = generator_objective(name)(tensor(FAKES), None)
        assert float(found) == float(LOSSES[name].generator(tensor(FAKES))), name
    for constant in (0.0, 30.0):
        for reduction, share in (("sum", 1.0), ("mean", 0.5)):
            loss = discriminator_objective("relativistic", 0.0, reduction)
            found = loss(tensor(REALS + constant), tensor(FAKES + constant))
            assert float(found) == pytest.approx(share * discriminator, rel=1e-5)
    far = LOSSES["relativistic"].generator(tf.constant([[-1e4]]), tf.constant([[1e4]]))
    assert float(far) == 2e4


@pytest.mark.parametrize("name", ["non_saturating", "minimax"])
def test_generators_want_higher_logits_and_only_minimax_saturates(name: str) -> None:
    """At D(G(z)) near 0 the non-saturating gradient is -1, the minimax one near 0."""
    logits = tf.constant([[-30.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = LOSSES[name].generator(logits)
    gradient = tape.gradient(value, logits).numpy().item()
    assert gradient < 0
    assert gradient == pytest.approx(-1.0 if name == "non_saturating" else 0.0, abs=1e-6)


def test_extreme_logits_stay_finite_and_exact() -> None:
    found = discriminator_cross_entropy(tf.constant([[-1e4]]), tf.constant([[1e4]]), 0.0)
    assert float(found) == 2e4


def test_a_blind_discriminator_pays_log_four() -> None:
    zeros = tf.zeros([8, 1])
    assert float(discriminator_cross_entropy(zeros, zeros, 0.0)) == pytest.approx(np.log(4))


def test_logits_of_a_wrong_rank_are_refused() -> None:
    with pytest.raises(ValueError, match="rank"):
        discriminator_cross_entropy(tf.zeros([8]), tf.zeros([8]), 0.0)
