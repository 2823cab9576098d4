"""The figures of an evaluation, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Name -> (how it is printed, what a better generator has).
FIGURES = {
    "frechet_distance": (".2f", "lower"),
    "kid": (".4f", "lower"),
    "classifier_score": (".3f", "higher"),
    "confident_share": (".4f", "higher"),
    "class_total_variation": (".4f", "lower"),
    "precision": (".4f", "higher"),
    "recall": (".4f", "higher"),
    "density": (".4f", "near the real"),
    "coverage": (".4f", "higher"),
    "near_copies": (".4f", "near the real"),
}
# Real images without which no figure means anything: a ball of 5 neighbours holds an eighth then.
NEEDED = 40
MANY = 2_000  # Held-out images that are enough for any number of samples.
# What the health of a run is judged by besides: the effective number of classes, and the
# variance of the features, both as a share of the data's.
SPREAD = ("classes", "diversity")
# The share of samples that are nearer to a training image than nearly all other reals are.
COPIES = "copies"
# In nats, of images that no step sees, by a Parzen window over the samples (`parzen`).
LIKELIHOOD = "log_likelihood"
# Of a conditional generator: the share of samples taken for the class that was asked for, ...
LABEL_ACCURACY = "label_accuracy"
SHOWN = FIGURES | {LABEL_ACCURACY: (".4f", "higher")}  # What tables have, as in FIGURES.
# ... what the health of a run is judged by besides (`ByClass.summary`), ...
CONDITIONING = ("label_effect", "class_spread", "narrowest_class")
# ... and the figures within each class: name -> how it is printed.
CLASS_FIGURES = {
    "accuracy": ".3f",
    "frechet_distance": ".2f",
    "coverage": ".3f",
    "spread": ".2f",
}


def distance(figures: Mapping[str, Any]) -> float:
    """Returns how far a generator is from the data, by what its run chooses the best one by: the
    Fréchet distance or, where it is taken, minus the log-likelihood of images that no step sees."""
    likelihood = figures.get(LIKELIHOOD)
    return float(figures["frechet_distance"]) if likelihood is None else -float(likelihood)
