"""How well a conditional generator draws each class that it is asked for.

Accuracy alone rewards a generator that draws one good image a class; so spread and coverage within
each class stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gan_tf.evaluation import fidelity
from gan_tf.evaluation.classifier import Judged
from gan_tf.evaluation.figures import CLASS_FIGURES, NEEDED

Labels = npt.NDArray[np.int64]
Features = npt.NDArray[np.float32]

# The least share of the reals' variance between classes at which labels can be seen to matter.
_SHOWS = 0.02


class Labelled(NamedTuple):
    """Images that a judge has looked at, and their classes.

    Attributes:
      judged: what it makes of them.
      labels: `[N]`, that they have or that were asked for.
    """

    judged: Judged
    labels: Labels


class ByClass:
    """Takes figures of samples by the class that was asked for.

    Attributes:
      names: of the classes, in the order of the labels.
    """

    def __init__(self, reals: Labelled, names: Sequence[str], of_labels: bool = True) -> None:
        """Takes the reals to compare with, the names of the classes, and whether the judge learned
        labels of such a dataset: Inception knows 1,000 classes, which are others."""
        self.names, self._reals = names, reals
        probabilities = reals.judged.probabilities
        # A judge that knows other classes, or none, cannot say which class it sees.
        is_named = probabilities is not None and probabilities.shape[1] == len(names)
        self._is_named = of_labels and is_named
        self._features = [reals.judged.features[reals.labels == c] for c in range(len(names))]

    def summary(self, fakes: Labelled) -> dict[str, Any]:
        """Returns what the health of a run is judged by, as far as it can be taken.

        `label_accuracy` is the share of samples that the judge takes for the class that was asked
        for. `class_spread` is the variance of the samples' features within a class, as a share of
        that of its reals, in the class where it is least, `narrowest_class`. `label_effect` is the
        share of the features' variance that lies between the classes, again of the reals' share.
        """
        found: dict[str, Any] = {}
        if (accuracy := self._accuracy(fakes)) is not None:
            found["label_accuracy"] = accuracy
        spreads = {name: row["spread"] for name, row in self._rows(fakes) if "spread" in row}
        if spreads:
            narrowest = min(spreads, key=lambda name: spreads[name])
            found |= {"class_spread": spreads[narrowest], "narrowest_class": narrowest}
        usual = _between(self._reals)
        if usual >= _SHOWS:
            found["label_effect"] = _between(fakes) / usual
        return found

    def table(self, fakes: Labelled) -> dict[str, dict[str, float]]:
        """Returns CLASS_FIGURES of each class by its name, as far as they can be taken.

        Fréchet distances need more samples and reals of a class than the judge has features, the
        others NEEDED.
        """
        found = {}
        for label, (name, row) in enumerate(self._rows(fakes)):
            mine = fakes.labels == label
            reals, features = self._features[label], fakes.judged.features[mine]
            judged = Judged(features, _part(fakes.judged.probabilities, mine))
            accuracy = self._accuracy(Labelled(judged, fakes.labels[mine]))
            if accuracy is not None and len(features):
                row["accuracy"] = accuracy
            number = min(len(reals), len(features))
            reals, features = reals[:number], features[:number]
            if number > features.shape[1]:
                row["frechet_distance"] = fidelity.frechet_distance(reals, features)
            if number >= NEEDED:
                radii = fidelity.neighbour_radii(reals)
                figures = fidelity.manifold_figures(reals, features, radii)
                row["coverage"] = figures["coverage"]
            found[name] = {figure: row[figure] for figure in CLASS_FIGURES if figure in row}
        return found

    def _rows(self, fakes: Labelled) -> list[tuple[str, dict[str, float]]]:
        """A row for each class, with the spread of those that have enough samples and reals."""
        rows = []
        for label, (name, reals) in enumerate(zip(self.names, self._features, strict=True)):
            features, row = fakes.judged.features[fakes.labels == label], {}
            if min(len(reals), len(features)) >= NEEDED and (usual := _variance(reals)):
                row["spread"] = _variance(features) / usual
            rows.append((name, row))
        return rows

    def _accuracy(self, fakes: Labelled) -> float | None:
        probabilities = fakes.judged.probabilities
        if not self._is_named or probabilities is None or not len(probabilities):
            return None
        return float((probabilities.argmax(axis=1) == fakes.labels).mean())


def worst(
    rows: dict[str, dict[str, float]], floor: dict[str, dict[str, float]]
) -> tuple[str, float] | None:
    """Returns the class with the least coverage as a share of that of real images, and that share;
    None where it is known of no class. A class without a floor is compared with none."""
    shares = {
        name: row["coverage"] / floor[name]["coverage"]
        for name, row in rows.items()
        if "coverage" in row and floor.get(name, {}).get("coverage")
    }
    return min(shares.items(), key=lambda each: each[1], default=None)


def _part(
    probabilities: npt.NDArray[np.float32] | None, mine: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32] | None:
    return None if probabilities is None else probabilities[mine]


def _variance(features: Features) -> float:
    return float(features.var(axis=0, dtype=np.float64).sum())


def _between(labelled: Labelled) -> float:
    """The share of the features' variance that lies between classes, at least 0: epsilon squared of
    Kelley (1935), which is 0 on average where labels say nothing, however few images there are."""
    features, labels = labelled.judged.features.astype(np.float64), labelled.labels
    total = float(np.square(features - features.mean(axis=0)).sum())
    present = np.unique(labels)
    within = sum(
        float(np.square(features[labels == c] - features[labels == c].mean(axis=0)).sum())
        for c in present
    )
    free = len(labels) - len(present)
    if not total or not free:
        return 0.0
    return max(0.0, 1.0 - within / free * (len(labels) - 1) / total)
