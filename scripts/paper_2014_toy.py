"""The paper's figure 1 and its theorem by number: a pair of one dimension, trained by Algorithm 1.

Data are N(1, 0.4), latents N(0, 1), so that G can draw the data exactly. Both densities are known
at any time, so D can be held against p_data / (p_data + p_g), and V(D, G) against
-log 4 + 2 JSD(p_data || p_g) (Goodfellow et al., 2014, proposition 1 and theorem 1).
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import scipy.stats
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from gan_tf.data.feed import Batch
from gan_tf.evaluation import theory
from gan_tf.game.latents import TRAINING_STREAM, Draw, standard_normal, stream_seed
from gan_tf.game.losses import discriminator_objective, generator_objective
from gan_tf.game.optimizers import Adam
from gan_tf.game.players import GanState, new_state
from gan_tf.game.rules import Game
from gan_tf.game.schedules import decaying
from gan_tf.game.step import step
from gan_tf.host import files
from gan_tf.models import Architecture

Points = npt.NDArray[np.float64]

MEAN, DEVIATION = 1.0, 0.4  # Of the data.
_BATCH, _MANY, _EVERY = 512, 100_000, 50
_K = 4  # Updates of D a step.
_EDGES = np.linspace(-2.5, 3.0, 111)
_MIDDLES = (_EDGES[1:] + _EDGES[:-1]) / 2.0
_ARROWS = scipy.stats.norm.ppf(np.linspace(0.025, 0.975, 20))  # Equal shares of the latents.


class Moment(NamedTuple):
    """What there is to see at a step.

    Attributes:
      step: which.
      density: p_g at _MIDDLES.
      belief: D there.
      reached: where G takes the latents _ARROWS.
      accuracy: D's, on reals and fakes in equal parts.
      value: V(D, G).
      divergence: JSD(p_data || p_g), of the densities themselves.
    """

    step: int
    density: Points
    belief: Points
    reached: Points
    accuracy: float
    value: float
    divergence: float


def p_data(x: Points) -> Points:
    """The data's density."""
    scaled = (x - MEAN) / DEVIATION
    return np.asarray(np.exp(-(scaled**2) / 2.0) / (DEVIATION * math.sqrt(2.0 * math.pi)))


def moments(steps: int) -> list[Moment]:
    """Trains the pair and returns what was to be seen every 50 steps, and before the first."""
    state = _players()
    game = Game(
        state,
        generator_objective("non_saturating"),
        discriminator_objective("non_saturating", 0.0, "sum"),
        lambda number: Draw(standard_normal((_BATCH, 1), stream_seed(0, TRAINING_STREAM, number))),
    )

    def steps_from(first: tf.Tensor) -> None:
        for number in tf.range(first, first + _EVERY):
            noise = standard_normal((_K * _BATCH, 1), stream_seed(1, TRAINING_STREAM, number))
            images = tf.reshape(MEAN + DEVIATION * noise, [_K, _BATCH, 1, 1, 1])
            step(game, Batch(images, tf.zeros([_K, _BATCH], tf.int64)))

    several, found = tf.function(steps_from), [_look(state, 0)]
    for first in range(0, steps, _EVERY):
        several(tf.constant(first, tf.int64))
        found.append(_look(state, first + _EVERY))
    return found


def _players() -> GanState:
    layers = keras.layers

    def generator(latent_dim: int, image_shape: tuple[int, int, int]) -> keras.Model:
        stack = [layers.Dense(64, "tanh"), layers.Dense(64, "tanh"), layers.Dense(1)]
        start = layers.Rescaling(1.0, -1.0)  # It begins beside the data.
        shaped = layers.Reshape(image_shape)
        return keras.Sequential([keras.Input([latent_dim]), *stack, start, shaped])

    def discriminator(image_shape: tuple[int, int, int]) -> keras.Model:
        stack = [layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1)]
        return keras.Sequential([keras.Input(image_shape), layers.Flatten(), *stack])

    def adam(rate: float, updates: int) -> Callable[[Sequence[keras.Variable]], Adam]:
        falling = decaying(rate, 1.001 ** (1 / updates), rate / 20)
        return functools.partial(Adam, learning_rate=falling, beta_1=0.0, beta_2=0.99, epsilon=1e-7)

    return new_state(
        Architecture(generator, discriminator),
        image_shape=(1, 1, 1),
        latent_dim=1,
        seed=0,
        precision="float32",
        generator_optimizer=adam(1e-3, 1),
        discriminator_optimizer=adam(5e-3, _K),
        reals=np.zeros((1, 1, 1, 1), np.uint8),
    )


def _look(state: GanState, number: int) -> Moment:
    def drawn(z: Points) -> Points:
        images = state.generator.network(z.reshape(-1, 1).astype(np.float32), training=False)
        return np.asarray(images, np.float64).ravel()

    def logits(x: Points) -> Points:
        images = x.reshape(-1, 1, 1, 1).astype(np.float32)
        return np.asarray(state.discriminator.network(images, training=False)).ravel()

    rng = np.random.default_rng(0)
    reals, fakes = rng.normal(MEAN, DEVIATION, _MANY), drawn(rng.normal(size=_MANY))
    width = _EDGES[1] - _EDGES[0]
    density = np.histogram(fakes, _EDGES)[0] / (_MANY * width)
    real_logits, fake_logits = logits(reals), logits(fakes)
    return Moment(
        step=number,
        density=density,
        belief=1.0 / (1.0 + np.exp(-logits(_MIDDLES))),
        reached=drawn(_ARROWS),
        accuracy=theory.accuracy(real_logits, fake_logits),
        value=theory.value(real_logits, fake_logits),
        divergence=divergence(p_data(_MIDDLES) * width, density * width),
    )


def divergence(p: Points, q: Points) -> float:
    """The Jensen-Shannon divergence of two lists of shares, in nats."""
    middle = (p + q) / 2.0

    def relative(of: Points) -> float:
        some = of > 0.0
        return float((of[some] * np.log(of[some] / middle[some])).sum())

    return (relative(p) + relative(q)) / 2.0


def bound(moment: Moment) -> float:
    """Returns V(D*, G) = -log 4 + 2 JSD(p_data || p_g), theorem 1."""
    return -math.log(4.0) + 2.0 * moment.divergence


def frames(seen: Sequence[Moment]) -> Figure:
    """The paper's figure 1: some moments side by side."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, moment in zip(figure.subplots(1, len(seen), sharey=True), seen, strict=True):
        _draw(axes, moment)
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=4, frameon=False)
    return figure


def _draw(axes: Axes, moment: Moment) -> None:
    axes.plot(_MIDDLES, p_data(_MIDDLES), "k:", label="p_data")
    axes.plot(_MIDDLES, moment.density, "C2", label="p_g")
    axes.plot(_MIDDLES, moment.belief, "C0--", label="D")
    best = p_data(_MIDDLES) / np.maximum(p_data(_MIDDLES) + moment.density, 1e-9)
    known = p_data(_MIDDLES) + moment.density > 0.01
    axes.plot(_MIDDLES[known], best[known], "C0", alpha=0.35, label="D* = p_data / (p_data + p_g)")
    for z, x in zip(_ARROWS, moment.reached, strict=True):
        axes.plot([z, x], [-0.6, -0.25], "C2", linewidth=0.5)
    axes.text(-2.4, -0.6, "z", va="center")
    axes.text(-2.4, -0.25, "x", va="center")
    axes.set_title(f"step {moment.step:,}", fontsize=10)
    axes.set_ylim(-0.7, 1.6)
    axes.set_xlim(_EDGES[0], _EDGES[-1])
    axes.set_yticks([0.0, 0.5, 1.0, 1.5])


def write_film(path: Path, seen: Sequence[Moment]) -> None:
    """Publishes the same as a film, a GIF."""
    pictures = []
    for moment in seen:
        figure = Figure(figsize=(5, 3.4), layout="constrained")
        _draw(figure.subplots(), moment)
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=80)
        pictures.append(Image.open(written).convert("P", palette=Image.Palette.ADAPTIVE))
    with files.published(path) as temporary:
        first, *others = pictures
        first.save(temporary, "GIF", save_all=True, append_images=others, duration=120, loop=0)


def curves(seen: Sequence[Moment]) -> Figure:
    """V, D's accuracy, and what both become at the equilibrium."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    value, accuracy = figure.subplots(1, 2)
    steps = [moment.step for moment in seen]
    value.plot(steps, [moment.value for moment in seen], label="V(D, G)")
    best = [bound(moment) for moment in seen]
    value.plot(steps, best, alpha=0.6, label="V(D*, G) = -log 4 + 2 JSD(p_data || p_g)")
    value.axhline(-math.log(4.0), color="k", linestyle=":", label="-log 4")
    accuracy.plot(steps, [moment.accuracy for moment in seen], label="D's accuracy")
    accuracy.axhline(0.5, color="k", linestyle=":", label="1/2")
    for axes in (value, accuracy):
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure
