"""What a generator's stacks are: which modes, how evenly, and how sure the judge is of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.special

from gan_tf.data.dataset import describe
from gan_tf.evaluation import classifier, fidelity
from gan_tf.evaluation.classifier import Classifier

Figures = dict[str, Any]
MODES = 1_000


def judge() -> Classifier:
    """Returns the classifier of digits that comes with the package."""
    return classifier.packaged(describe("mnist", (28, 28, 1)))


class Seen(NamedTuple):
    """What the judge makes of N stacks.

    Attributes:
      modes: of which each is, 0 to 999, `[N]`.
      sure: of how many of its three digits the judge is sure, `[N]`.
      judge: who that was.
    """

    modes: npt.NDArray[np.int64]
    sure: npt.NDArray[np.int64]
    judge: str

    def first(self, number: int) -> Seen:
        """Returns the same of the first stacks."""
        return Seen(self.modes[:number], self.sure[:number], self.judge)


def look(digits: Classifier, images: npt.NDArray[np.uint8]) -> Seen:
    """Returns what a classifier of digits makes of stacks, uint8 `[N, 28, 28, 3]`."""
    modes, sure = (np.zeros(len(images), np.int64) for _ in range(2))
    for channel in range(3):
        probabilities = digits(images[..., channel : channel + 1]).probabilities
        assert probabilities is not None
        modes = 10 * modes + probabilities.argmax(axis=1)
        sure += probabilities.max(axis=1) >= fidelity.CONFIDENT
    return Seen(modes, sure, f"{digits.name}, {100 * (digits.accuracy or 0.0):.2f} %")


def figures(seen: Seen, labels: npt.NDArray[np.int64]) -> Figures:
    """Returns the figures of N stacks.

    Args:
      seen: what the judge makes of them.
      labels: of the stacks to compare with, 0 to 999, `[M]`.

    Returns:
      `modes`, how many of 1,000 some image is of; `kl` and `kl_stacks`, KL divergence of their
      shares from equal ones and from those of the labels, in nats; `confident`, the share of the
      3 N digits that the judge is sure of; and how many `samples` and who `judge` was.
    """
    shares, uniform = _shares(seen.modes), np.full(MODES, 1 / MODES)
    return {
        "samples": len(seen.modes),
        "modes": int((shares > 0).sum()),
        "kl": round(float(scipy.special.rel_entr(shares, uniform).sum()), 5),
        "kl_stacks": round(float(scipy.special.rel_entr(shares, _shares(labels)).sum()), 5),
        "confident": round(float(seen.sure.mean()) / 3, 5),
        "judge": seen.judge,
    }


def _shares(modes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.bincount(modes, minlength=MODES) / len(modes)
