"""The model card of an export, in the form that model hubs read: Markdown behind a head of YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gan_tf.evaluation import random_network
from gan_tf.evaluation.figures import SHOWN
from gan_tf.training import words
from gan_tf.training.metrics import Line, is_judged
from gan_tf.training.run_directory import Run

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!])")
_KINDS = {1: "grey", 3: "colour", 4: "transparent"}

_CARD = """\
---
tags: [gan, image-generation, tensorflow]
pipeline_tag: unconditional-image-generation
{datasets}---

# {arch} on {dataset}

A generator of {kind} images of {height}x{width} pixels: a SavedModel for TensorFlow and
TensorFlow Serving. It is the averaged generator of a generative adversarial network
(Goodfellow et al., 2014).

| | |
|---|---|
| input | {latent_dim} latents, distribution `{latents}`{classes} |
| output | {pixels} |
| trained on | {dataset} |
| licence of the images | {licence} |
| step, attempt | {step}, {attempt} |
| versions | gan_tf {gan_tf}, TensorFlow {tensorflow}, Keras {keras} |

## Use

```python
import tensorflow as tf

model = tf.saved_model.load(".")
png = model.signatures["generate_png"]({inputs})["png_bytes"]
```
{figures}
## Limits

- It draws what its training images show, with what is common and what is missing in them.
- Some samples are malformed. Figures say how many, as far as their judge sees it.
- A sample can resemble a training image: `python -m gan_tf.evaluate --copies=FILE.png` shows
  those most alike. Nothing here protects the privacy of the training images.
- What the licence of the images means for the model is for who passes it on to decide.

## How it was trained

```sh
{command}
```
"""

_FIGURES = """
## Figures

Taken {when}, of {samples} samples, judged by {judge}. Only figures of one judge and of as
many samples can be compared.

| figure | value | better is |
|---|---|---|
{rows}
"""


def text(about: Mapping[str, Any], command: str) -> str:
    """Returns the card: the same for the same export, at any time and place.

    Args:
      about: the export's description, see `exporting.export`.
      command: what trained it.
    """
    dataset, classes = str(about["dataset"]), about.get("classes", {})
    height, width, channels = about["image_shape"]
    versions = {name: about[name] for name in ("gan_tf", "tensorflow", "keras")}
    seeds = "seeds=tf.constant([7], tf.int64)"
    is_known = re.fullmatch(r"[a-z][\w/.-]*", dataset) and not about.get("imported")
    return _CARD.format(
        # A hub looks a dataset up by this name, and takes only such names.
        datasets=f"datasets: [{dataset}]\n" if is_known else "",
        arch=_plain(about["config"]["arch"]),
        dataset=_plain(dataset),
        kind=_KINDS[channels],
        height=height,
        width=width,
        latent_dim=about["latent_dim"],
        latents=about["latents"],
        classes=f", and a class: {', '.join(map(_plain, classes))}" if classes else "",
        pixels=_plain(about["pixels"]),
        licence=_plain(about["licence"]),
        step=f"{about['step']:,}",
        attempt=about["attempt"],
        inputs=f"{seeds}, labels=tf.constant([0], tf.int64)" if classes else seeds,
        figures=_figures(about),
        command=command,
        **versions,
    )


def judge(run: Run, metrics: Sequence[Line]) -> str:
    """Returns what is said of the judge of a run; empty if nothing was judged."""
    if not any(map(is_judged, metrics)):
        return ""
    if run.config.classifier == "train":
        return f"{run.data.name}'s own"
    if run.config.classifier == "auto" and run.data.judge:
        return run.data.judge
    return random_network.NAME


def _figures(about: Mapping[str, Any]) -> str:
    """What the run found of this generator; empty if it was not evaluated."""
    values, by, when = about["metrics"], about["classifier"], "in training"
    samples = words.samples(about["config"])
    if kept := about.get("figures"):  # A generator of the package was judged once more.
        values = {name: each["value"] for name, each in kept.items() if isinstance(each, dict)}
        samples, by, when = f"{kept['num']:,}", kept["judge"], "after training"
    rows = [
        f"| `{name}` | {values[name]:{form}} | {better} |"
        for name, (form, better) in SHOWN.items()
        if name in values
    ]
    if not rows:
        return ""
    return _FIGURES.format(when=when, samples=samples, judge=_plain(by), rows="\n".join(rows))


def _plain(value: object) -> str:
    """A text of somebody else's that stays text in Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))
