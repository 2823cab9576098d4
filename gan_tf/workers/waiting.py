"""How long the workers of a run wait for one another, and for which of them.

All run the same steps at the same speed, that of the slowest. It shows in what the processes do
besides: who is slow computes, or stands in line for a core, while the others sleep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from etils import epy

from gan_tf.workers.place import Place

with epy.lazy_imports():
    import tensorflow as tf

_STEPS_OF = 10.0  # Seconds of steps from which a worker is judged.
_SLOW = 0.2  # The share of the slowest one's work that every other one must have less.


class Own:
    """What one worker can say of a call.

    Attributes:
      waited: a float64 scalar; the steps add the seconds that their sums take.
    """

    def __init__(self) -> None:
        """Begins with nothing."""
        self.waited = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self._before = 0.0

    def begin(self) -> None:
        """Stands before a call."""
        self.waited.assign(0.0)
        self._before = _wanted()

    def told(self) -> dict[str, float]:
        """Returns the seconds of the call in which it waited for sums, and those that it wanted
        to compute, over all threads."""
        return {"waited": float(self.waited.numpy()), "wanted": max(0.0, _wanted() - self._before)}


def _wanted() -> float:
    """Seconds that the threads of this process have computed, or stood in line for a core."""
    found = 0
    for each in Path("/proc/self/task").glob("*/schedstat"):
        try:
            computed, stood, _ = each.read_text().split()
        except (OSError, ValueError):  # The thread is gone, or the system does not count.
            continue
        found += int(computed) + int(stood)
    return found / 1e9


class Waits:
    """What workers tell of their waiting, call by call; the chief's."""

    def __init__(self, place: Place) -> None:
        """Takes who they are."""
        self._place = place
        self._known: int | None = None  # The slow one that was named last.
        self._remark: str | None = None
        self._wanted, self._seconds = np.zeros(place.number), 0.0
        self.reset()

    def reset(self) -> None:
        """Begins the means anew."""
        self._waited, self._steps = np.zeros(self._place.number), 0

    def add(self, told: Sequence[Mapping[str, float]], steps: int, seconds: float) -> None:
        """Takes a call: what each worker told of it, by rank, the steps that it ran, and how long
        it took."""
        self._waited += [each["waited"] for each in told]
        self._steps += steps
        self._wanted += [each["wanted"] for each in told]
        self._seconds += seconds
        if self._seconds >= _STEPS_OF:
            self._judge()
            self._wanted, self._seconds = np.zeros(self._place.number), 0.0

    def means(self) -> dict[str, float]:
        """Returns the seconds of a step that workers wait for the sums of `replica.mean`, since the
        last `reset`: `waited`, their mean, and `waited_least`, of the one that waits least. That
        one waits for the sums alone, the others for it besides."""
        if not self._steps:
            return {}
        found = self._waited / self._steps
        return {"waited": round(found.mean(), 6), "waited_least": round(found.min(), 6)}

    def remark(self) -> str | None:
        """Returns, once, which worker has turned out to be slow; None if there is nothing new."""
        found, self._remark = self._remark, None
        return found

    def _judge(self) -> None:
        slowest = int(self._wanted.argmax())
        most = float(self._wanted[slowest])
        less = 1.0 - float(np.delete(self._wanted, slowest).max()) / most if most else 0.0
        if less < _SLOW:
            self._known = None
        elif slowest != self._known:
            self._known = slowest
            self._remark = (
                f"{self._place.name(slowest)} is slow: the others wait for it, {100 * less:.0f} % "
                "of the time"
            )
