"""How a number changes over a run: the one place for every rule of that kind.

A schedule is a number, which stays what it is and costs nothing in the graph, or a function of
what is done so far: an optimiser's of its updates, any other of the steps. So a schedule has no
state, and a run that goes on needs nothing saved for it.

In a flag a schedule that is not a number is a cosine by images, `0.002:0.0005@2M`. Images are the
reals that D has been given until then, steps * batch_size * discriminator_steps, each pass over
them counted. No form depends on a run's length, so that a longer run begins with the same steps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from etils import epy

with epy.lazy_imports():
    import tensorflow as tf

Schedule = float | Callable[["tf.Tensor"], "tf.Tensor"]

EXAMPLE = "0.002:0.0005@2M"
MOST_IMAGES = 1_000_000_000_000
_UNITS = {"": 1, "k": 1_000, "M": 1_000_000}
_TEXT = re.compile(r"([^:@]+):([^:@]+)@(\d+(?:\.\d+)?)([kM]?)", re.ASCII)


class Cosine(NamedTuple):
    """What a flag's text says: from `start` to `end` over so many images, then `end`."""

    start: float
    end: float
    images: int

    def __str__(self) -> str:
        """The one spelling of it, with the largest unit that leaves a whole number."""
        unit = next(u for u in ("M", "k", "") if self.images % _UNITS[u] == 0)
        ends = ":".join(repr(each).removesuffix(".0") for each in self[:2])
        return f"{ends}@{self.images // _UNITS[unit]}{unit}"


def read(text: str) -> Cosine:
    """Returns what a text such as EXAMPLE says; ValueError if it says nothing."""
    match = _TEXT.fullmatch(text)
    if not match:
        raise ValueError(f"{text}: must look like {EXAMPLE}")
    images = Decimal(match[3]) * _UNITS[match[4]]  # As floats, 2.01 * 1,000,000 is a fraction.
    if not (1 <= images <= MOST_IMAGES and images % 1 == 0):
        raise ValueError(f"{text}: must name a whole number of images")
    return Cosine(float(match[1]), float(match[2]), int(images))


def by_images(value: float | str, each: float) -> Schedule:
    """Returns the schedule of a flag's value.

    Args:
      value: a number, or a text that `read` takes.
      each: images in one of what the schedule is a function of: a step or an update.
    """
    if not isinstance(value, str):
        return value
    cosine = read(value)
    start, change, units = cosine.start, cosine.end - cosine.start, cosine.images / each

    def at_images(done: tf.Tensor) -> tf.Tensor:
        way = tf.minimum(tf.cast(done, tf.float32) / units, 1.0)
        return start + change * 0.5 * (1.0 - tf.cos(math.pi * way))

    return at_images


def at(schedule: Schedule, done: tf.Tensor) -> tf.Tensor | float:
    """Returns what a schedule is after so many updates or steps, a whole number."""
    return schedule(done) if callable(schedule) else schedule


def decaying(start: float, divisor: float, floor: float) -> Schedule:
    """A learning rate that is divided by `divisor` at each update, down to `floor`."""
    if divisor == 1.0:
        return start

    def rate(updates: tf.Tensor) -> tf.Tensor:
        shrunk = start / tf.pow(divisor, tf.cast(updates, tf.float32))
        return tf.maximum(shrunk, min(start, floor))

    return rate


def rising(start: float, end: float, updates: float) -> Schedule:
    """A momentum that goes from `start` to `end` in a straight line over so many updates."""
    if start == end:
        return start

    def momentum(done: tf.Tensor) -> tf.Tensor:
        way = tf.minimum(tf.cast(done, tf.float32) / max(updates, 1.0), 1.0)
        return start + (end - start) * way

    return momentum


def growing(decay: float) -> Schedule:
    """The share of G's average that a step keeps: its horizon grows with the steps, so that it
    never remembers the initial weights for long, until the share is `decay`."""

    def kept(steps: tf.Tensor) -> tf.Tensor:
        done = tf.cast(steps, tf.float32)
        return tf.minimum(decay, (1.0 + done) / (10.0 + done))

    return kept


def forgetting(half_life: Schedule, images: float) -> Schedule:
    """The share of G's average that a step of so many images keeps: half of it is forgotten in
    `half_life` images, which may change, as in Huang et al. (2024, arXiv 2501.05441)."""

    def kept(steps: tf.Tensor) -> tf.Tensor:
        return tf.pow(0.5, images / tf.maximum(at(half_life, steps), 1e-8))

    return kept
