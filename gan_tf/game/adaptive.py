"""ADA's probability, which follows how well D knows the reals. See Karras et al. (2020, arXiv
2006.06676), section 3."""

from __future__ import annotations

import tensorflow as tf

from gan_tf.workers import replica

TARGET = 0.6  # E[sign D(real)] that the probability is moved to keep.
EVERY = 4  # Steps between two looks at it.
PACE = 500_000  # Images, at least, in which it goes from 0 to 1.
MOST = 0.8  # Up to there the authors found changes that do not leak into the samples.

METRICS = ("augment_p", "sign_real")


class Probability:
    """The probability of each change of ADA, between 0 and MOST, at first 0.

    D's output is positive for what it takes for a real. A D that has learnt the reals by heart says
    so of almost all of them, before it is any better on others; one that has not is often unsure.
    """

    def __init__(self) -> None:
        """Begins with no change."""
        self.value = tf.Variable(0.0, name="augment_p")
        self._signs = tf.Variable(0.0, name="signs")
        self._reals = tf.Variable(0.0, name="reals")

    @property
    def variables(self) -> list[tf.Variable]:
        """The probability, the sum of signs since the last look, and of how many reals."""
        return [self.value, self._signs, self._reals]

    def note(self, real_logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Notes what D said of reals `[B, 1]` in an update; returns the scalars of METRICS."""
        signs = tf.sign(real_logits)
        self._signs.assign_add(replica.total(tf.reduce_sum(signs)))
        self._reals.assign_add(float(signs.shape[0] * replica.number()))
        return {"augment_p": self.value.read_value(), "sign_real": tf.reduce_mean(signs)}

    def move(self, step: tf.Tensor) -> None:
        """Looks back at the end of each EVERY steps, `step` being the number of those done before
        this one, and goes one move towards the target."""
        due = tf.cast(step % EVERY == EVERY - 1, tf.float32)
        sign = tf.sign(self._signs - TARGET * self._reals)
        moved = self.value + due * sign * self._reals / PACE
        self.value.assign(tf.clip_by_value(moved, 0.0, MOST))
        for each in (self._signs, self._reals):
            each.assign((1.0 - due) * each)
