"""How long the workers of a run wait for one another, and for which of them.

All run the same steps, so whoever is slow is waited for by the others: it waits least itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_tf.workers.place import Place

_SECONDS = 10.0  # Of steps from which a worker is judged.
_SLOW = 0.2  # The share of them that every other one must wait longer.


class Waits:
    """What workers tell of their waiting, call by call; the chief's."""

    def __init__(self, place: Place) -> None:
        """Takes who they are."""
        self._place = place
        self._known: int | None = None  # The slow one that was named last.
        self._remark: str | None = None
        self._judged, self._seconds = np.zeros(place.number), 0.0
        self.reset()

    def reset(self) -> None:
        """Begins the means anew."""
        self._sums, self._steps = np.zeros(self._place.number), 0

    def add(self, waited: Sequence[float], steps: int, seconds: float) -> None:
        """Takes a call: the seconds that each worker waited, by rank, the steps that it ran, and
        how long it took."""
        self._sums += waited
        self._steps += steps
        self._judged += waited
        self._seconds += seconds
        if self._seconds >= _SECONDS:
            self._judge()
            self._judged, self._seconds = np.zeros(self._place.number), 0.0

    def means(self) -> dict[str, float]:
        """Returns the seconds of a step that workers wait for sums over all of them, since the
        last `reset`: `waited`, their mean, and `waited_least`, of the one that waits least. That
        one waits for the sums alone, the others for it besides."""
        if not self._steps:
            return {}
        found = self._sums / self._steps
        return {"waited": round(found.mean(), 6), "waited_least": round(found.min(), 6)}

    def remark(self) -> str | None:
        """Returns, once, which worker has turned out to be slow; None if there is nothing new."""
        found, self._remark = self._remark, None
        return found

    def _judge(self) -> None:
        shares = self._judged / self._seconds
        slowest = int(shares.argmin())
        others = float(np.delete(shares, slowest).min() - shares[slowest])
        if others < _SLOW:
            self._known = None
        elif slowest != self._known:
            self._known = slowest
            self._remark = (
                f"{self._place.name(slowest)} is slow: the others wait for it, "
                f"{100 * others:.0f} % of the time"
            )
