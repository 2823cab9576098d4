"""Scores generated images against a dataset, by every figure of `fidelity`.

The reals are images that nothing is trained on, where there are enough of them, else the training
images; `reals` decides. The same figures of other reals show what a perfect generator would score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from gan_tf.evaluation import fidelity
from gan_tf.evaluation.by_class import ByClass, Labelled, Labels
from gan_tf.evaluation.classifier import Classifier, Judged
from gan_tf.evaluation.copies import Copies
from gan_tf.evaluation.fidelity import NearCopies
from gan_tf.evaluation.figures import COPIES, FIGURES, LIKELIHOOD
from gan_tf.evaluation.parzen import Likelihood
from gan_tf.evaluation.reals import Reals

Pixels = npt.NDArray[np.uint8]


class Evaluation:
    """Takes the figures of samples against a fixed set of reals.

    Attributes:
      classifier: what judges.
      reals: how many real images it judges against.
      against: which those are: `test` or `training` images.
      samples: how many samples it wants.
      near_copies: finds near copies of the training images.
      copies: finds samples nearer to training images than other reals are; None where the
        features of the training images are not at hand.
      by_class: takes figures class by class, of a conditional generator.
      likelihood: how likely samples make other images; None if nobody asks.
    """

    def __init__(
        self,
        judge: Classifier,
        reals: Reals,
        training_images: Pixels,
        copies: Copies | None = None,
        names: Sequence[str] = (),
        likelihood: Likelihood | None = None,
    ) -> None:
        """Takes the reals to compare with.

        Args:
          judge: the classifier.
          reals: what it makes of them.
          training_images: uint8 `[M, H, W, C]`, in which near copies are sought.
          copies: what finds copies by features.
          names: of the classes that a conditional generator is asked for.
          likelihood: how likely samples make images that no step sees, if that is a figure.
        """
        self.classifier, self.against, self.samples = judge, reals.against, reals.samples
        self._all, alike = reals.judged.features, reals.part(reals.samples)
        self.reals = len(self._all)
        self._features = alike.features
        self._radii = fidelity.neighbour_radii(self._features)
        self._histogram = _histogram(alike)
        self._variance = self._features.var(axis=0).sum()
        self.near_copies, self.copies = NearCopies(training_images), copies
        self.likelihood = likelihood
        labelled, of_labels = Labelled(reals.judged, reals.labels), judge.accuracy is not None
        self.by_class = ByClass(labelled, names, of_labels) if names else None

    def __call__(self, images: Pixels, labels: Labels | None = None) -> dict[str, Any]:
        """Returns the figures of uint8 images `[N, H, W, C]`: FIGURES, SPREAD, COPIES and
        LIKELIHOOD and, of images that were asked for by labels `[N]`, those of `ByClass.summary`,
        as far as they can be taken."""
        return self.of_samples(self.classifier(images), images, labels)

    def of_samples(
        self, judged: Judged, images: Pixels, labels: Labels | None = None
    ) -> dict[str, Any]:
        """Returns the same of samples that were judged already."""
        found: dict[str, Any] = self.of_judged(judged, self.near_copies.share(images))
        if self.copies:
            found[COPIES] = self.copies.share(judged.features)
        if self.likelihood:
            found[LIKELIHOOD] = self.likelihood(images)
        if self.by_class and labels is not None:
            found |= self.by_class.summary(Labelled(judged, labels))
        return found

    def of_judged(self, fakes: Judged, near_copies: float) -> dict[str, float]:
        """Returns the figures of images that were judged already."""
        # These depend on the numbers of both sides, which are the same for that.
        number = min(len(fakes.features), len(self._features))
        alike, reals, radii = fakes.features[:number], self._features, self._radii
        if number < len(reals):
            reals = reals[:number]
            radii = fidelity.neighbour_radii(reals)
        found = {
            "kid": fidelity.kernel_distance(reals, alike),
            **fidelity.manifold_figures(reals, alike, radii),
            "near_copies": near_copies,
        }
        if len(fakes.features) > fakes.features.shape[1]:  # Else its covariance is singular.
            distance = fidelity.frechet_distance(self._all, fakes.features)
            found["frechet_distance"] = distance
        spread = {"diversity": float(fakes.features.var(axis=0).sum() / self._variance)}
        if fakes.probabilities is not None and self._histogram is not None:
            histogram = fidelity.class_histogram(fakes.probabilities)
            found |= {
                "classifier_score": fidelity.classifier_score(fakes.probabilities),
                "confident_share": fidelity.confident_share(fakes.probabilities),
                "class_total_variation": fidelity.total_variation(self._histogram, histogram),
            }
            spread = {"classes": _effective(histogram) / _effective(self._histogram)} | spread
        return {name: found[name] for name in FIGURES if name in found} | spread


def _histogram(judged: Judged) -> npt.NDArray[np.float64] | None:
    """The shares of the classes `[C]`; None if the judge knows none."""
    return None if judged.probabilities is None else fidelity.class_histogram(judged.probabilities)


def _effective(histogram: npt.NDArray[np.float64]) -> float:
    """How many classes of equal shares have the entropy of these shares `[C]`."""
    return math.exp(scipy.special.entr(histogram).sum())
