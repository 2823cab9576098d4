"""The page of the 2014 paper, from what `paper_2014` has on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_tf.host import files

Values = dict[str, Any]

_NAMES = {
    "paper_2014": "the authors' networks, `--preset=paper_2014`",
    "mlp": "`--preset=mlp`, ours",
    "dcgan": "`--preset=dcgan`, ours",
    "training images": "10,000 training images, as if they were samples",
}
_HEAD = """\
# The paper of 2014

"Generative Adversarial Nets" ([Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661)), done
again: `scripts/paper_2014` writes this page, its pictures, and `{record}`.

```sh
scripts/paper_2014 --parts=toy      # figure 1, V and D's accuracy
scripts/paper_2014 --parts=digits   # the likelihood, figures 2 and 3: hours
scripts/paper_2014 --parts=course   # how far a run of it has come
scripts/paper_2014 --parts=order    # the order of updates
scripts/paper_2014 --parts=differences   # one change at a time: hours
# One change at a time where a run ends: hours.
scripts/paper_2014 --parts=limits --difference_steps=20000
```
"""
_TOY = """
## Figure 1: what the theory says, watched

Data are N(1, 0.4), the dotted line. Latents are N(0, 1), and the green lines show where G takes
some of them. D is the dashed line. Where the densities are known, so is the best D,
p_data / (p_data + p_g), the pale line (proposition 1). Both players are small dense networks,
trained by Algorithm 1 with k = 4.

![Four moments of training: p_g comes to lie on p_data, and D near 1/2]({place}/figure-1.png)

[The film]({place}/figure-1.gif) shows every 50th step.

At the best D, V(D, G) is -log 4 + 2 JSD(p_data || p_g) (theorem 1). As p_g nears p_data it falls to
-log 4 = -1.386, and D's accuracy to 1/2. After {steps:,} steps V is {value:.3f}, the best D's
{bound:.3f}, and the accuracy {accuracy:.3f}.

![V and that of the best D fall to -log 4, D's accuracy to one half]({place}/value.png)

{machine}.
"""
_DIGITS = """
## The likelihood

A Gaussian on each of 10,000 samples is a density, and the mean logarithm of what it gives the test
images is the figure that the paper reports for MNIST: 225 +- 2 nats. Its width is the best of ten,
from 0.1 to 1, by 1,000 validation images; pixels are in [0, 1]. `--best_by=log_likelihood` keeps
the generator that makes the validation images likeliest, and the test images judge it once.

The estimate is rough, and it favours samples that average: by [presets.md](presets.md), samples of
`mlp` have 235 +- 2.1, and those of `dcgan` 245 +- 2.1, as much as the training images themselves.

| samples of | test log-likelihood | width | epochs | best at step | minutes |
|---|---|---|---|---|---|
| the paper | 225 +- 2 | | not stated | | |
"""
_NOT_YET = """
The authors' networks were not trained to their end by this script yet.
"""
_COURSE = """
## The likelihood while training goes on

![The likelihood of validation images over the epochs]({place}/likelihood.png)

Seed {seed}: after {epoch:.0f} of {length:,.0f} epochs, 1,000 validation images have {last:.1f}
nats; after {earlier:.0f} epochs they had {before:.1f}. [presets.md](presets.md) says what was
tried. {machine}.
"""
_PICTURES = """
## Figure 2: samples, and the nearest training images

Odd rows are samples of the authors' networks, not chosen. Below each is the training image nearest
to it.

![Samples, and below each its nearest training image]({place}/figure-2.png)

## Figure 3: along lines in the space of latents

Each row goes from one draw of latents to another in a straight line.

![Three rows of digits that change step by step]({place}/figure-3.png)
"""
_ORDER = """
## The order of updates

The authors' program takes the gradients of both players from one forward pass, so neither sees what
the other has just learned (the preset's `--update=simultaneous`). Algorithm 1 updates D first, and
G then learns through the new D (`--update=discriminator_first`). Here are both, with the networks
of the preset, the authors' rates (`--lr_decay=1.000004`) and one seed.

| order | step | D(x) | D(G(z)) | slope of G | Fréchet distance | coverage |
|---|---|---|---|---|---|---|
"""
_DIFFERENCES = """
## What might differ from the authors' program

One thing changed at a time, in runs so short that the rate falls to a tenth within these steps: the
likelihood of 1,000 validation images at the end. The two seeds say how much is chance.

| change | steps | nats |
|---|---|---|
"""
_LIMITS = """
## What bounds the likelihood

A run at three times the preset's rate, 0.3, which falls by 1.00003 an update, comes soon to where
more of the same hardly helps. From its best networks others go on with one thing changed at a time,
and the rate falls from 0.1 to a tenth once more within these steps, where nothing else is said: the
likelihood of 1,000 validation images at the end. [presets.md](presets.md) says what follows.

| change | steps | nats |
|---|---|---|
"""


def write(record: Path, known: Values) -> None:
    """Writes the page beside a record, a path that ends in .json."""
    parts = [_HEAD.format(record=record.name)]
    place = record.stem
    if "toy" in known:
        parts.append(_TOY.format(place=place, **known["toy"]))
    if "digits" in known:
        parts += [_DIGITS, *_rows(known["digits"]), *_machines(known["digits"])]
        trained = "paper_2014" in known["digits"]
        parts += [] if trained else [_NOT_YET]
        parts += [_PICTURES.format(place=place)] if trained else []
    if "course" in known:
        parts.append(_course(known["course"], place))
    if "order" in known:
        parts += [_ORDER, *_orders(known["order"]), *_machines(known["order"])]
    if "differences" in known:
        parts += [_DIFFERENCES, *_changes(known["differences"])]
    if "limits" in known:
        parts += [_LIMITS, *_changes(known["limits"])]
    files.write_text(record.with_suffix(".md"), "".join(parts))


def _rows(digits: Values) -> Iterator[str]:
    """The likelihoods, in the order of _NAMES."""
    for name in (name for name in _NAMES if name in digits):
        found = digits[name]
        cells = [_NAMES[name], f"{found['log_likelihood']:.1f} +- {found['error']:.1f}"]
        cells += [f"{found['sigma']:.2f}"]
        if "steps" in found:
            cells += [f"{found['epochs']:.0f}", f"{found['best_step']:,}", f"{found['minutes']:,}"]
        else:
            cells += [""] * 3
        yield f"| {' | '.join(cells)} |\n"


def _course(course: Values, place: str) -> str:
    """How far the likelihood of validation images has come."""
    epochs, found = course["epochs"], course["log_likelihoods"]
    half = len(found) // 2
    return _COURSE.format(
        place=place,
        epoch=epochs[-1],
        last=found[-1],
        earlier=epochs[half],
        before=found[half],
        **{name: course[name] for name in ("seed", "length", "machine")},
    )


def _orders(order: Values) -> Iterator[str]:
    """Each order of updates, at each evaluation."""
    for name, found in order.items():
        flags = " ".join(found["flags"])
        for line in found["lines"]:
            cells = [f"`{flags}`" if flags else "the preset", f"{line['step']:,}"]
            cells += [f"{line['d_real']:.3f}", f"{line['d_fake']:.3f}"]
            cells += [f"{line['generator_gradient']:.2g}", f"{line['frechet_distance']:.1f}"]
            cells += [f"{line['coverage']:.2f}"]
            yield f"| {' | '.join(cells)} |\n"
        if found["health"]:
            yield f"| {name} | at its end: {found['health']} | | | | | |\n"


def _changes(found: Values) -> Iterator[str]:
    """What each change ended with."""
    for each in found.values():
        if failed := each.get("failed"):
            nats = f"{failed['kind']} at step {failed['step']:,}"
        else:
            nats = f"{each['log_likelihood']:.1f}"
        yield f"| {each['told']} | {each['steps']:,} | {nats} |\n"
    yield from _machines(found)


def _machines(found: Values) -> Iterator[str]:
    """On which machines it was measured."""
    machines = dict.fromkeys(each["machine"] for each in found.values() if "machine" in each)
    if machines:
        yield f"\n{'; '.join(machines)}.\n"
