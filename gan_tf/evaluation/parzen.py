"""The Parzen-window log-likelihood that the 2014 paper reports for MNIST (225 +- 2).

See "Generative Adversarial Nets" (Goodfellow et al., 2014), section 5 and table 1. It
favours samples that average, and its variance is high; it stands here to be compared.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.floating]

_ROWS = 500  # Images scored at a time, which bounds the memory.


def log_likelihoods(images: Pixels, samples: Pixels, sigma: float) -> npt.NDArray[np.float64]:
    """Returns the log-density in nats of each image under a Gaussian of width sigma at each sample.

    Args:
      images: `[N, pixels]` in [0, 1].
      samples: `[M, pixels]` in [0, 1].
      sigma: standard deviation of every Gaussian, in units of a pixel's range.
    """
    pixels = samples.shape[1]
    norms = np.einsum("ij,ij->i", samples, samples)
    scores: npt.NDArray[np.float64] = np.empty(len(images))
    for start in range(0, len(images), _ROWS):
        rows = images[start : start + _ROWS]
        squares = np.einsum("ij,ij->i", rows, rows)[:, None] + norms - 2.0 * rows @ samples.T
        exponents = -squares / (2.0 * sigma**2)
        highest = exponents.max(axis=1)
        sums = np.exp(exponents - highest[:, None]).sum(axis=1)
        scores[start : start + _ROWS] = highest + np.log(sums / len(samples))
    scores -= pixels * math.log(sigma * math.sqrt(2.0 * math.pi))
    return scores


def parzen(
    test: Pixels, validation: Pixels, samples: Pixels, sigmas: npt.NDArray[np.floating]
) -> tuple[float, float, float]:
    """Returns the test set's mean log-likelihood, its standard error and the sigma chosen.

    Args:
      test, validation, samples: `[N, pixels]` in [0, 1].
      sigmas: candidates; the one with the highest validation likelihood is taken.
    """
    best = max(sigmas, key=lambda sigma: log_likelihoods(validation, samples, sigma).mean())
    scores = log_likelihoods(test, samples, best)
    return float(scores.mean()), float(scores.std() / math.sqrt(len(scores))), float(best)
