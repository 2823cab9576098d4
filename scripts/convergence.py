"""Trains the Dirac-GAN by the package's own step, and says which rules bring it to its end.

It is the GAN of "Which Training Methods for GANs do actually Converge?" (Mescheder et al., 2018,
section 2): the only real is 0, G's only fake is its only weight theta, and D(x) = psi x. Both
weights must become 0. Prints a table as Markdown, and draws the ways as a picture.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from etils import epy

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host import files, process

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    import keras
    import tensorflow as tf
    from matplotlib import figure

    from gan_tf.data import feed
    from gan_tf.game import latents, losses, optimizers, penalties, players
    from gan_tf.game import rules as game
    from gan_tf.game import step as steps_of

Way = npt.NDArray[np.float64]

RATE = 0.2  # The learning rate of both players.
START = (1.0, 1.0)  # (theta, psi).
NEAR = (0.01, 0.01)  # Where theory, which is of the neighbourhood of the end, is compared.
UPDATES = ("simultaneous", "discriminator_first")


class Rules(NamedTuple):
    """What is played: the losses, and the weights of both penalties."""

    loss: str
    r1: float = 0.0
    r2: float = 0.0

    def __str__(self) -> str:
        """Its name in table and picture."""
        weights = {"R1": self.r1, "R2": self.r2}
        return f"{self.loss}, {' + '.join(n for n, w in weights.items() if w) or 'no penalty'}"


RULES = (
    Rules("minimax"),
    Rules("relativistic"),
    Rules("relativistic", r1=0.3),
    Rules("relativistic", r1=0.3, r2=0.3),
)


@dataclasses.dataclass(frozen=True)
class Options:
    """How long, and to where."""

    steps: int = knob(400, "Steps of each way.", unit="steps", low=10, high=100_000)
    output: str = knob("docs/convergence.png", "The picture.", unit="a file")


def main(options: Options) -> str:
    """Takes every way, draws them and returns the table."""
    process.start_tensorflow()
    played = [(update, rules) for update in UPDATES for rules in RULES]
    ways = {each: way(*each, steps=options.steps) for each in played}
    with files.published(Path(options.output)) as temporary:
        picture(ways).savefig(temporary, format="png", dpi=100)
    return table({each: way(*each, steps=options.steps, start=NEAR) for each in played})


def way(
    update: str,
    rules: Rules,
    *,
    steps: int,
    start: tuple[float, float] = START,
    rate: float = RATE,
) -> Way:
    """Returns (theta, psi) before the first step and after each, `[steps + 1, 2]`."""
    played = dirac(update, rules, start, rate)
    run = tf.function(functools.partial(steps_of.step, played))
    weights = [
        each.network.weights[0] for each in (played.state.generator, played.state.discriminator)
    ]
    reals = feed.Batch(tf.zeros([1, 1, 1, 1, 1]), tf.zeros([1, 1], tf.int64))
    found = [np.array(start)]
    for _ in range(steps):
        run(reals)
        found.append(np.array([each.numpy().item() for each in weights]))
    return np.stack(found)


def dirac(update: str, rules: Rules, start: tuple[float, float], rate: float) -> game.Game:
    """Returns the game: an image is 1x1x1, z is always 1, and gradient descent is plain."""

    def player(inputs: tuple[int, ...], weight: float) -> players.Player:
        network = keras.Sequential(
            [
                keras.Input(inputs),
                keras.layers.Flatten(),
                keras.layers.Dense(1, use_bias=False),
                *([keras.layers.Reshape((1, 1, 1))] if len(inputs) == 1 else []),
            ]
        )
        network.set_weights([np.full((1, 1), weight)])
        return players.Player(network, optimizers.Sgd(network.trainable_variables, rate, 0.0))

    generator, discriminator = player((1,), start[0]), player((1, 1, 1), start[1])
    counter = tf.Variable(0, dtype=tf.int64)
    return game.Game(
        players.GanState(
            generator, discriminator, keras.models.clone_model(generator.network), counter
        ),
        losses.generator_objective(rules.loss),
        losses.discriminator_objective(rules.loss, 0.0, "sum"),
        lambda number: latents.Draw(tf.ones([1, 1]), number=number),
        compares=losses.LOSSES[rules.loss].compares,
        update=update,
        penalty=penalties.penalty_of(
            gradient_penalty_weight=0.0,
            r1_gamma=rules.r1,
            r2_gamma=rules.r2,
            r1_every=1,
            seed=0,
            step=counter,
        ),
    )


def predicted(update: str, rules: Rules, rate: float = RATE) -> float:
    """Returns what theory says that a step near the end multiplies the distance by.

    There the slopes are linear: D moves by -(theta / 2 + gamma psi), G by psi / 2, gamma being the
    sum of both weights, for D's slope is the same everywhere. The largest absolute eigenvalue of a
    step's matrix is below 1 where it converges; without the step's discreteness its logarithm
    would be -gamma / 2 a unit of time, as in the paper's lemma on R1 for gamma < 1.
    """
    gamma = rules.r1 + rules.r2
    of_d = np.array([[1.0, 0.0], [-rate / 2, 1.0 - rate * gamma]])
    of_g = np.array([[1.0, rate / 2], [0.0, 1.0]])
    whole = of_g @ of_d if update == "discriminator_first" else of_g + of_d - np.eye(2)
    return float(np.abs(np.linalg.eigvals(whole)).max())


def measured(found: Way) -> float:
    """Returns by what a step multiplied the distance to the end: the slope of its logarithm."""
    distance = np.log(np.hypot(*found.T))
    return float(np.exp(np.polyfit(np.arange(len(distance)), distance, 1)[0]))


def table(ways: dict[tuple[str, Rules], Way]) -> str:
    """How far each way came, and its pace beside the predicted one, as Markdown."""
    lines = [
        "| order of updates | losses and penalty | distance at last | times a step | in theory |",
        "|---|---|---|---|---|",
    ]
    for (update, rules), found in ways.items():
        end = math.hypot(*found[-1])
        lines.append(
            f"| `{update}` | {rules} | {end:.2g} | {measured(found):.4f} | "
            f"{predicted(update, rules):.4f} |"
        )
    return "\n".join(lines) + "\n"


def picture(ways: dict[tuple[str, Rules], Way]) -> figure.Figure:
    """The ways of each order as a panel, and below it the distances."""
    drawn = figure.Figure(figsize=(9, 8.5), layout="constrained")
    panels = drawn.subplots(2, 2, sharex="row", sharey="row")
    for column, update in enumerate(UPDATES):
        plane, distances = panels[:, column]
        for rules in RULES:
            found = ways[update, rules]
            plane.plot(*found.T, ".-", markersize=3, linewidth=0.7, label=str(rules))
            distances.plot(np.hypot(*found.T), label=str(rules))
        plane.plot(0, 0, "k+", markersize=12)
        plane.set_title(update)
        plane.set_xlabel("theta, the fake (the real is 0)")
        plane.set_aspect("equal")
        plane.set_xlim(-3.2, 3.2)
        plane.set_ylim(-3.2, 3.2)
        distances.set_yscale("log")
        distances.set_xlabel("step")
        for axes in (plane, distances):
            axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("psi, D's slope")
    panels[1, 0].set_ylabel("distance to (0, 0)")
    lines, names = panels[0, 0].get_legend_handles_labels()
    drawn.legend(lines, names, loc="outside upper center", ncols=2, frameon=False)
    return drawn


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
