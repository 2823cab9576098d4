"""What follows the data where no flag says otherwise: the one place that decides it, and why.

Each rule gives what was chosen on MNIST: 60,000 images of 28x28x1 in batches of 64.
"""

from __future__ import annotations

from typing import NamedTuple

_SIZE = 32  # Pixels a side up to which the default was tried.
_R1_GAMMA = 0.3
_EMA_DECAY, _BATCH = 0.999, 64
_EPOCHS, _LEAST_IMAGES = 16, 800_000
_ENOUGH = 50_000
FEW_IMAGES = 10_000  # D learns them by heart, with any seed.

AUGMENTS = ("none", "diffaugment", "ada")

NOT_KNOWN = "follows the images, which are not prepared yet"


class Followed(NamedTuple):
    """What a knob is set to by the data, and why; None while that is not known.

    Attributes:
      value: what it is set to.
      reason: a few words, without the value.
      usual: whether MNIST has the same.
    """

    value: float | str | None
    reason: str
    usual: bool


def rules(
    batch_size: int,
    image_shape: tuple[int, int, int] | None,
    images: int | None,
    *,
    signed: bool = True,
) -> dict[str, Followed]:
    """Returns what follows the data, by the knob's name.

    Args:
      batch_size: the reals of an update.
      image_shape: (H, W, C); None if it is not known yet.
      images: how many there are to train on; None if that is not known yet.
      signed: whether the sign of D's output says what it takes an image for.
    """
    unknown = Followed(None, NOT_KNOWN, usual=False)
    return {
        "r1_gamma": r1_gamma(image_shape) if image_shape else unknown,
        "ema_decay": ema_decay(batch_size),
        "epochs": epochs(images) if images else unknown,
        "augment": augment(images, signed) if images else unknown._replace(value="auto"),
    }


def compiler(native: str, augment: str) -> Followed:
    """What makes the program of a step, where `native` is the faster one."""
    if native == "xla" and augment == "ada":
        return Followed("none", "XLA has no kernel that ada needs", usual=False)
    return Followed(native, "the faster one on this device", usual=True)


def r1_gamma(image_shape: tuple[int, int, int]) -> Followed:
    """The weight of R1, in proportion to the pixels.

    A picture drawn with more pixels has a smaller slope at each: the sum of their squares falls
    as the pixels grow, and the weight makes up for that. So does the rule of thumb of Karras et
    al. (2020, arXiv 2006.06676), 0.0002 * pixels / batch; the weights of Huang et al. (2024,
    arXiv 2501.05441) grow faster still. The rule's own factor gives 0.0024 for 28x28 in batches
    of 64, and is not for these networks: theirs was found by trial (docs/ablation.md). The batch,
    of which no trial of ours says anything, is left out.
    """
    height, width, _ = image_shape
    times = height * width / _SIZE**2
    if times <= 1:
        return Followed(_R1_GAMMA, "what was found on MNIST serves up to 32x32", usual=True)
    reason = (
        f"{_R1_GAMMA} for 32x32, times {times:.3g} for {height}x{width}: as many times the pixels"
    )
    return Followed(float(f"{_R1_GAMMA * times:.4g}"), reason, usual=False)


def ema_decay(batch_size: int) -> Followed:
    """The average's decay a step: its horizon is so many images, not steps.

    0.999 in batches of 64 forgets half in 44,000 images. The number of images to train on does
    not matter: the average never remembers more than about a ninth of the way done
    (`schedules.growing`), which keeps it short in a short run.
    """
    decay = round(_EMA_DECAY ** (batch_size / _BATCH), 6)
    reason = f"half is forgotten in 44,000 images, in batches of {batch_size:,}"
    return Followed(decay, reason, usual=batch_size == _BATCH)


def epochs(images: int) -> Followed:
    """The length: 16 epochs, and more of them where there are few images.

    16 epochs of 3,000 images would be 750 steps. What G learns in a run of one length does not
    depend much on how many of its images differ; whether D learns them by heart does.
    """
    found = max(_EPOCHS, -(-_LEAST_IMAGES // images))
    if found == _EPOCHS:
        return Followed(_EPOCHS, f"enough for {images:,} images", usual=True)
    reason = f"of {images:,} images, so that D sees {_LEAST_IMAGES:,}, as of 50,000 in {_EPOCHS}"
    return Followed(found, reason, usual=False)


def augment(images: int, signed: bool) -> Followed:
    """What D sees in place of images, so that it does not learn few of them by heart.

    From 50,000 images on nothing, as on MNIST: each is seen 16 times. Whether D learns fewer by
    heart is not known beforehand, and ADA finds out: it changes nothing until D is too sure of the
    reals. But its probability rises by 1 in 500,000 images at most, and a run shows D 800,000. Of
    fewer than 10,000, seen more than 80 times, D knows too much before half of that: DiffAugment
    is there from the first step. Both papers gain most there (Zhao et al., 2020, arXiv 2006.10738,
    with hundreds to 10,000; Karras et al., 2020, arXiv 2006.06676, with 1,000 to 30,000). The
    borders are ours, from these arguments and not from trials.
    """
    if images >= _ENOUGH:
        return Followed("none", f"D does not learn {images:,} images by heart", usual=True)
    if images < FEW_IMAGES:
        return Followed("diffaugment", f"D soon knows {images:,} images by heart", usual=False)
    if not signed:
        reason = f"for {images:,} images; ada wants a loss with a sign"
        return Followed("diffaugment", reason, usual=False)
    reason = f"of {images:,} images; it begins where D learns them by heart"
    return Followed("ada", reason, usual=False)
