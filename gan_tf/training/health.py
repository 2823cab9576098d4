"""Whether a run is healthy: from its latest measurements to a verdict with a reason.

Nothing here reads or writes anything. An evaluation is bad if a rule finds a reason; the
verdict falls at the second bad one in a row, because healthy runs, too, stumble once. Where a run
ends, `ending` asks besides whether it came anywhere, however few evaluations fell into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gan_tf.config.following import FEW_IMAGES
from gan_tf.training.metrics import Line, is_judged

Measurement = Mapping[str, Any]
History = Sequence[Measurement]
Rule = Callable[[History], str | None]

IN_A_ROW = 2  # Bad evaluations that make a verdict.
PATIENCE = 4  # Evaluations after which a generator must have come to something.
FEW_CLASSES = 0.3  # Of the data's effective number of classes.
LOW_DIVERSITY = 0.05  # Of the features' variance in the data.
LOST = 0.25  # Of the best coverage that the attempt has had ...
WORTH_LOSING = 0.1  # ... if that was so much.
SURE = 0.999  # Accuracy of a discriminator that makes no mistakes.
NO_CHANCE = 1e-3  # D(G(z)), the mean over fakes, when no fake fools D any more.
NO_GRADIENT = 1e-2  # Of the largest gradient that G has had.
NO_EFFECT = 0.1  # Of the share of the data's variance that lies between its classes.
STILL = 1e-5  # Relative change of the Fréchet distance; an average of the same weights rounds.
PROGRESS = 0.9  # Of the first Fréchet distance, which G must have passed in time ...
ARRIVED = 0.5  # ... unless it has this coverage: who is good at first has little way to go.
REGRESSION = 3.0  # Times the best Fréchet distance of the attempt.
REGRESSED = "regression"  # The kind of verdict that `regressed` gives.
FAR_OFF = "far off"  # The kind of verdict that `ending` gives.
ABSURD = 1e3  # Size of a mean loss; at chance D's is 1.4, and D overpowering leaves G's below 100.
NOWHERE = 0.05  # Coverage of a generator that is near no data; real images have 0.9.
LONG = 500  # Steps between two evaluations in which a healthy generator comes closer.


class Verdict(NamedTuple):
    """What is wrong with a run, and the figures that say so."""

    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


def verdict(history: History, images: int = FEW_IMAGES) -> Verdict | None:
    """Returns what is wrong with an attempt, or None if nothing is.

    Args:
      history: the attempt's evaluations so far, oldest first: lines of metrics with
        `frechet_distance`, `coverage`, `diversity`, `d_accuracy`, `d_fake_after` and
        `generator_gradient`, and `classes` if the judge knows any; of a conditional run also
        `label_effect`, `class_spread` and `narrowest_class`, where they can be taken.
      images: how many it trains on. On few, a regression ends nothing, so it must not hide what
        does: it is asked for last.
    """
    few = images < FEW_IMAGES
    for kind, rule in sorted(RULES, key=lambda each: few and each[0] == REGRESSED):
        reasons = [rule(history[: len(history) - back]) for back in range(IN_A_ROW)]
        if reasons[0] is not None and all(reasons):
            return Verdict(kind, reasons[0])
    return None


def ends(found: Verdict | None, on_collapse: str, images: int) -> bool:
    """Whether a verdict ends an attempt that trains on so many images.

    On few images a regression does not: another seed would come to the same, and the best generator
    is kept.
    """
    if found is None or on_collapse == "ignore":
        return False
    return found.kind != REGRESSED or images >= FEW_IMAGES


def is_borne(found: Verdict, on_collapse: str, images: int) -> bool:
    """Whether an attempt goes on with a verdict where others would end it."""
    return on_collapse != "ignore" and not ends(found, on_collapse, images)


def ending(history: History, last: Measurement) -> Verdict | None:
    """Returns what is wrong with where an attempt ended, or None if nothing is.

    Args:
      history: all its evaluations, as in `verdict`, with `step`.
      last: the last line of metrics, evaluated or not, with `generator_loss` and
        `discriminator_loss`; without them if that line is lost.
    """
    losses = [last[name] for name in ("generator_loss", "discriminator_loss") if name in last]
    if max(map(abs, losses), default=0.0) > ABSURD:
        sizes = " and ".join(f"{loss:.1e}" for loss in losses)
        return Verdict(FAR_OFF, f"the losses of G and D are {sizes} at its end")
    if not history or history[-1]["step"] < LONG or history[-1]["coverage"] > NOWHERE:
        return None
    covered = f"with coverage {history[-1]['coverage']:.2f}"
    first, end = (history[at]["frechet_distance"] for at in (0, -1))
    if history[-1]["step"] - history[0]["step"] >= LONG and end >= PROGRESS * first:
        reason = f"the Fréchet distance was {first:.1f} at first and is {end:.1f} at its end"
        return Verdict(FAR_OFF, f"{reason}, {covered}")
    # One evaluation says it where no second one follows.
    if seen := overpowered(history) or _narrow(history[-1]):
        return Verdict(FAR_OFF, f"{seen}, {covered} at its end")
    return None


def not_finite(names: Sequence[str]) -> Verdict:
    """Returns the verdict on a run in which these metrics or variables are not finite."""
    return Verdict("not finite", f"{' and '.join(names)} not finite")


def still(history: History) -> str | None:
    """G does not move at all: the same latents give the same samples."""
    distances = [each["frechet_distance"] for each in history]
    if len(distances) < 2 or not math.isclose(*distances[-2:], rel_tol=STILL):
        return None
    if history[-1]["coverage"] >= ARRIVED:  # Its learning rate may have come to 0, as asked.
        return None
    return f"the same samples as at the evaluation before, Fréchet distance {distances[-1]:.1f}"


def overpowered(history: History) -> str | None:
    """D classifies every held-out image correctly, and G has nothing to learn from it any more."""
    if not history or "value" not in history[-1] or history[-1]["d_accuracy"] < SURE:
        return None  # Without a value V(D, G), D gives no probabilities to be sure by.
    last, gradient = history[-1], max(each["generator_gradient"] for each in history)
    if last["d_fake_after"] < NO_CHANCE:
        return f"D is right on all held-out images, and D(G(z)) is {last['d_fake_after']:.0e}"
    if last["generator_gradient"] < NO_GRADIENT * gradient:
        return (
            f"D is right on all held-out images, and G's gradient fell from {gradient:.1g} to "
            f"{last['generator_gradient']:.1g}"
        )
    return None


def collapsed(history: History) -> str | None:
    """G draws few kinds of images: far fewer than it did, or still after some time."""
    if not history:
        return None
    last, coverage = history[-1], max(each["coverage"] for each in history)
    if coverage > WORTH_LOSING and last["coverage"] < LOST * coverage:
        return f"coverage fell from {coverage:.2f} to {last['coverage']:.2f}"
    return _narrow(last) if len(history) > PATIENCE else None


def _narrow(last: Measurement) -> str | None:
    if last["diversity"] < LOW_DIVERSITY:
        return f"the samples vary {last['diversity']:.2f} times as much as the data"
    if last.get("classes", 1.0) < FEW_CLASSES:
        return f"the samples have {last['classes']:.2f} times as many classes as the data"
    return None


def class_collapsed(history: History) -> str | None:
    """G draws one class always alike, though it draws others well."""
    if len(history) <= PATIENCE or history[-1].get("class_spread", 1.0) >= LOW_DIVERSITY:
        return None
    last = history[-1]
    return (
        f"the samples of class {last['narrowest_class']} vary {last['class_spread']:.2f} times as "
        "much as its images"
    )


def labels_ignored(history: History) -> str | None:
    """G draws the same whatever class it is asked for."""
    effect = history[-1].get("label_effect", 1.0) if len(history) > PATIENCE else 1.0
    if effect >= NO_EFFECT:
        return None
    return f"labels change the samples {effect:.2f} times as much as the data"


def regressed(history: History) -> str | None:
    """G has moved far away from the best that it was."""
    distances = [each["frechet_distance"] for each in history]
    if not distances or distances[-1] < REGRESSION * min(distances):
        return None
    last = history[-1]
    classes = f" and {last['classes']:.2f} times the data's classes" if "classes" in last else ""
    return (
        f"the Fréchet distance rose from {min(distances):.1f} to {distances[-1]:.1f}, with "
        f"coverage {last['coverage']:.2f}{classes}"
    )


def no_progress(history: History) -> str | None:
    """G has not come closer to the data in all its time."""
    distances = [each["frechet_distance"] for each in history]
    if len(distances) <= PATIENCE or min(distances) < PROGRESS * distances[0]:
        return None
    if history[-1]["coverage"] >= ARRIVED:
        return None
    return (
        f"the Fréchet distance was {distances[0]:.1f} at first and is {min(distances):.1f} at "
        f"best after {len(distances)} evaluations"
    )


# The first that finds a reason decides: what stands before is the likelier cause of the rest.
RULES: tuple[tuple[str, Rule], ...] = (
    ("no progress", still),
    ("D overpowering", overpowered),
    (REGRESSED, regressed),
    ("G collapsed", collapsed),
    ("class collapsed", class_collapsed),
    ("labels ignored", labels_ignored),
    ("no progress", no_progress),
)


def at_the_end(lines: Sequence[Line], images: int) -> str | None:
    """What is said of an attempt on so many images that came to its end though its last line says
    that it is ill."""
    if not lines or "health" not in lines[-1]:
        return None
    evaluated = list(filter(is_judged, lines))
    found = verdict(evaluated, images) or ending(evaluated, lines[-1])
    return str(found) if found else str(lines[-1]["health"])
