"""The Parzen-window log-likelihood that the 2014 paper reports for MNIST (225 +- 2).

See "Generative Adversarial Nets" (Goodfellow et al., 2014), section 5 and table 1. It
favours samples that average, and its variance is high; it stands here to be compared.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.floating]
Images = npt.NDArray[np.uint8]
Sigmas = npt.NDArray[np.floating]

SIGMAS = np.logspace(-1.0, 0.0, 10)  # Those that the paper's program chooses from.
VALIDATION_IMAGES = 1_000  # On as many, as there.
_ROWS = 500  # Images scored at a time, which bounds the memory.


class Likelihood:
    """What one generator after another makes likely: always the same images."""

    def __init__(self, images: Images) -> None:
        """Takes uint8 images `[N, H, W, C]` that no step sees."""
        self._images = in_unit_range(images)

    def __call__(self, samples: Images) -> float:
        """Returns the images' mean log-likelihood in nats under uint8 samples `[M, H, W, C]`, by
        the sigma that makes it highest."""
        scores = log_likelihoods(self._images, in_unit_range(samples), SIGMAS)
        return float(scores.mean(axis=1).max())


def in_unit_range(images: Images) -> npt.NDArray[np.float32]:
    """Returns uint8 images `[N, H, W, C]` as rows of pixels in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255.0)


def log_likelihoods(images: Pixels, samples: Pixels, sigmas: Sigmas) -> npt.NDArray[np.float64]:
    """Returns the log-density in nats of each image under a Gaussian at each sample.

    Args:
      images: `[N, pixels]` in [0, 1].
      samples: `[M, pixels]` in [0, 1].
      sigmas: `[S]` standard deviations of the Gaussians, in units of a pixel's range.

    Returns:
      `[S, N]`: a row for each sigma.
    """
    pixels = samples.shape[1]
    norms = np.einsum("ij,ij->i", samples, samples)
    scores: npt.NDArray[np.float64] = np.empty((len(sigmas), len(images)))
    for start in range(0, len(images), _ROWS):
        rows = images[start : start + _ROWS]
        squares = np.einsum("ij,ij->i", rows, rows)[:, None] + norms - 2.0 * rows @ samples.T
        for row, sigma in zip(scores, sigmas, strict=True):
            exponents = -squares / (2.0 * sigma**2)
            highest = exponents.max(axis=1)
            sums = np.exp(exponents - highest[:, None]).sum(axis=1)
            row[start : start + _ROWS] = highest + np.log(sums / len(samples))
    scores -= pixels * np.log(sigmas * math.sqrt(2.0 * math.pi))[:, None]
    return scores


def parzen(
    test: Pixels, validation: Pixels, samples: Pixels, sigmas: Sigmas = SIGMAS
) -> tuple[float, float, float]:
    """Returns the test set's mean log-likelihood, its standard error and the sigma chosen.

    Args:
      test, validation, samples: `[N, pixels]` in [0, 1].
      sigmas: candidates; the one with the highest validation likelihood is taken.
    """
    best = sigmas[log_likelihoods(validation, samples, sigmas).mean(axis=1).argmax()]
    scores = log_likelihoods(test, samples, np.array([best]))[0]
    return float(scores.mean()), float(scores.std() / math.sqrt(len(scores))), float(best)
