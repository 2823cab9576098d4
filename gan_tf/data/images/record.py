"""What is kept of an import beside its arrays, and what a person is told of it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gan_tf.data.images.labels import Labels
from gan_tf.data.images.sources import shown
from gan_tf.data.images.survey import Survey
from gan_tf.data.images.wanted import Wanted
from gan_tf.host import files
from gan_tf.host.errors import InputError
from gan_tf.host.listing import some

FILE = "imported.json"
# Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020, go down
# to 100 images, with augmentation; Karras et al., "Training GANs with Limited Data", NeurIPS 2020,
# call a few thousand enough for good results, with it.
_FEW, _FAR_TOO_FEW = 1_000, 100
_SHOWN, _LONG = 3, 60  # Reasons in a line, and characters of a name there.


@dataclass
class Record:
    """What came of a source.

    Attributes:
      source: where it is.
      wanted: what was wished.
      survey: what the first look said.
      labels: the classes.
      image_size, channels: of the images.
      numbers: images of each split.
      counts: images of each label.
      enlarged: how many were smaller.
      duplicates: how many were left out because another has the same content.
      elsewhere: in how many classes they were that the one that was kept is not in.
    """

    source: str
    wanted: Wanted
    survey: Survey
    labels: Labels
    image_size: int
    channels: int
    numbers: Counter[str] = field(default_factory=Counter)
    counts: Counter[int] = field(default_factory=Counter)
    enlarged: int = 0
    duplicates: int = 0
    elsewhere: int = 0

    def write(self, directory: Path, digest: str) -> None:
        """Publishes it as `imported.json`."""
        survey, classes = self.survey, [shown(name) for name in self.labels.classes]
        sides = sorted(survey.shorter)
        about = {
            "source": shown(self.source),
            "wanted": self.wanted.as_dict(),
            "digest": digest,
            "image_shape": [self.image_size, self.image_size, self.channels],
            "images": dict(sorted(self.numbers.items())),
            "classes": classes,
            "labels": {
                "from": self.labels.origin,
                "images": {name: self.counts[label] for label, name in enumerate(classes)},
                "absent": [shown(name) for name in self.labels.absent],
            },
            "shorter_sides": {"least": sides[0], "median": survey.median, "most": sides[-1]},
            "modes": dict(survey.modes.most_common()),
            "enlarged": self.enlarged,
            "duplicates": self.duplicates,
            "duplicates_of_another_class": self.elsewhere,
            "left_out": _printable(survey.left_out),
            "not_pictures": _printable(survey.others),
        }
        files.write_text(directory / FILE, json.dumps(about, indent=2, ensure_ascii=False) + "\n")

    def tell(self, directory: Path, seconds: float) -> None:
        """Says on standard error what a person should know."""
        images, out = self.numbers.total(), len(self.survey.left_out)
        size = f"{self.image_size}x{self.image_size}"
        if out:
            of = f"left out {out:,} of {images + self.duplicates + out:,} files"
            _say(f"{of}: {summary(self.survey.left_out)}; see {directory / FILE}")
        if absent := self.labels.absent:
            names = some([shown(name) for name in absent])
            _say(f"{self.labels.origin} names {names}, which the source does not hold")
        if self.elsewhere:
            of = f"{self.elsewhere:,} duplicate{'s' * (self.elsewhere > 1)} left out"
            _say(f"{of} of another class than the picture that was kept")
        if self.enlarged:
            _say(f"enlarged {self.enlarged:,} of {images:,} images, smaller than {size}")
        classes = f", {len(self.labels.classes):,} classes" * bool(self.labels.classes)
        copies = f", {self.duplicates:,} duplicate{'s' * (self.duplicates > 1)} left out"
        twice = copies * bool(self.duplicates)
        _say(
            f"Imported {images:,} images of {size}x{self.channels}{classes}{twice} in "
            f"{seconds:.0f} s: {self.numbers['train']:,} to train on, {self.numbers['test']:,} "
            "held out"
        )
        if images < _FAR_TOO_FEW:
            _say(f"{images} images are far too few: it can only learn to copy them")
        elif images < _FEW:
            _say(f"{images} images are few: expect little variety, and near copies of them")


def summary(left_out: dict[str, str]) -> str:
    """Says in a few words what was left out and why: one name a reason."""
    names: dict[str, str] = {}
    numbers = Counter(left_out.values())
    for name, reason in left_out.items():
        names.setdefault(reason, name)
    told = []
    for reason, number in numbers.most_common(_SHOWN):
        more = f" (and {number - 1:,} more)" * (number > 1)
        name = shown(names[reason])
        name = name if len(name) <= _LONG else f"...{name[3 - _LONG :]}"
        told.append(f"{name} {reason}{more}")
    return ", ".join(told) + ", ..." * (len(numbers) > _SHOWN)


def read(directory: Path) -> dict[str, Any]:
    """Returns what was kept; InputError if it is damaged."""
    try:
        found = json.loads((directory / FILE).read_text(encoding="utf-8"))
        if isinstance(found["digest"], str) and isinstance(found["classes"], list):
            return dict(found)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise InputError(f"{directory / FILE} is damaged: remove {directory} and import again")


def _printable(told: dict[str, str]) -> dict[str, str]:
    return {shown(name): reason for name, reason in told.items()}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
