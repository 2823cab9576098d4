"""How the two players learn; see the folder `game`."""

from __future__ import annotations

import dataclasses

from gan_tf.config.following import AUGMENTS
from gan_tf.config.knobs import MAX_STEPS, knob
from gan_tf.game.latents import CODES, LATENTS
from gan_tf.game.losses import LOSSES

_WITHOUT_TARGET = [name for name, loss in LOSSES.items() if not loss.smoothable]


@dataclasses.dataclass(frozen=True)
class GameConfig:
    """Losses, order of updates, latents, optimisers, the average."""

    loss: str = knob(
        "non_saturating",
        "The players' losses. relativistic compares each fake with a real; it wants R1 and R2 "
        "(--r2_gamma).",
        choices=LOSSES,
    )
    label_smoothing: float = knob(
        0.0,
        "One-sided label smoothing: 0.1 makes D's target for reals 0.9. Losses without a "
        f"target ({', '.join(_WITHOUT_TARGET)}) want 0.",
        low=0.0,
        high=0.5,
    )
    discriminator_steps: int = knob(
        1,
        "Updates of D in a step (k in Algorithm 1).",
        unit="updates",
        low=1,
        high=20,
    )
    discriminator_reduction: str = knob(
        "sum", "Sum or mean of D's terms for reals and for fakes.", choices=("sum", "mean")
    )
    r1_gamma: float | str | None = knob(
        None,
        "Weight of the R1 penalty on D's slope at the reals, for D without batch norm; 0 is none. "
        "By default 0.3 up to 32x32 pixels, and in proportion to the pixels above.",
        low=0.0,
        high=1e6,
        scheduled=True,
        older=0.3,
        kept=True,
    )
    r2_gamma: float | str = knob(
        0.0,
        "Weight of the R2 penalty on D's slope at the fakes, as heavy as R1 in R3GAN; 0 is none.",
        low=0.0,
        high=1e6,
        scheduled=True,
    )
    r1_every: int = knob(
        8,
        "Steps between two R1 penalties, each as many times as heavy, and so with R2.",
        unit="steps",
        low=1,
        high=1_000,
    )
    gradient_penalty: float = knob(
        0.0,
        "Weight of the penalty that pulls D's slope between reals and fakes to 1, which "
        "--loss=wasserstein wants (10 in its paper, with --r1_gamma=0); 0 is none.",
        low=0.0,
        high=1e6,
    )
    augment: str = knob(
        "auto",
        "What D sees in place of images, reals and fakes alike, so that it does not learn few "
        "reals by heart: none as they are; diffaugment other colours, moved, with a part cut out; "
        "ada turned, scaled, in other colours, the more often the surer D is. auto is none from "
        "50,000 images on, ada from 10,000, diffaugment below.",
        choices=(*AUGMENTS, "auto"),
        older="none",
        kept=True,
    )
    augment_p: float | str | None = knob(
        None,
        "Probability of each change of --augment=ada, in place of one that follows D.",
        low=0.0,
        high=1.0,
        scheduled=True,
    )
    mirror: bool = knob(False, "Mirror half of the reals, drawn anew each time, left to right.")
    update: str = knob(
        "discriminator_first",
        "Order of the two players' updates: Algorithm 1's by default; simultaneous takes one "
        "forward pass for both, which is faster and, here, not better for it.",
        choices=("discriminator_first", "generator_first", "simultaneous"),
    )
    generator_steps: int = knob(
        1, "Updates of G in a step; 0 freezes it.", unit="updates", low=0, high=20
    )
    batch_size: int = knob(
        64, "Reals, and as many fakes, in each update.", unit="images", low=1, high=65_536
    )
    latents: str = knob(
        "normal",
        "Distribution of z: normal is N(0, 1), uniform is U(-1, 1), unit_uniform the same "
        "with unit variance, unit_cube is U(0, 1), shifted_normal is N(-1, 1); mixture is one of "
        "--latent_codes codes, drawn alike, beside N(0, 1).",
        choices=LATENTS,
    )
    latent_codes: int = knob(
        CODES,
        "Codes of --latents=mixture, a latent each: one of them is 3, the others are 0.",
        unit="latents",
        low=2,
        high=4_095,
    )
    generator_latents: str = knob(
        "fresh",
        "Whether G learns from fresh latents, as in Algorithm 1, or from the same as D just "
        "did, which it always does with --update=simultaneous.",
        choices=("fresh", "same"),
    )
    fake_labels: str = knob(
        "reals",
        "The classes that G is asked for in training, if --conditional: those of the reals of the "
        "update, in the shares of the data; or uniform, each class as often.",
        choices=("reals", "uniform"),
    )
    latent_pool: int = knob(
        0,
        "Draw the latents of training once, so many, and take them in turn; 0 draws fresh ones.",
        unit="latents",
        low=0,
        high=10_000_000,
    )
    optimizer: str = knob("adam", "Optimiser of both players.", choices=("adam", "sgd"))
    generator_lr: float | str = knob(1e-3, "Learning rate of G.", low=0.0, high=1e6, scheduled=True)
    discriminator_lr: float | str = knob(
        1e-3, "Learning rate of D.", low=0.0, high=1e6, scheduled=True
    )
    lr_decay: float = knob(
        1.0,
        "What each update divides the learning rates by, where they have no schedule of their own.",
        low=1.0,
        high=2.0,
    )
    lr_min: float = knob(0.0, "Where that decay ends.", low=0.0, high=1e6)
    beta_1: float = knob(0.0, "Adam's decay of the first moment.", low=0.0, high=0.9999)
    beta_2: float | str = knob(
        0.99, "Adam's decay of the second moment.", low=0.0, high=0.999999, scheduled=True
    )
    adam_epsilon: float = knob(
        1e-7, "Adam's epsilon: 1e-7 in Keras, 1e-8 in PyTorch.", low=1e-16, high=1.0
    )
    momentum: float = knob(0.5, "SGD's momentum at the start.", low=0.0, high=0.9999)
    final_momentum: float = knob(
        0.5, "SGD's momentum after --momentum_updates.", low=0.0, high=0.9999
    )
    momentum_updates: int = knob(
        1, "Updates over which SGD's momentum changes.", unit="updates", low=1, high=MAX_STEPS
    )
    ema_decay: float | None = knob(
        None,
        "Decay a step of the average of G's weights that is sampled and exported; "
        "0 takes G as it is. By default 0.999 in batches of 64, and as much an image in others.",
        low=0.0,
        high=0.999999,
        older=0.999,
        kept=True,
        instead_of="ema_half_life",
    )
    ema_half_life: float | str | None = knob(
        None,
        "That average in images, in place of --ema_decay: in so many half of it is forgotten, from "
        "the first step on, where --ema_decay begins with fewer.",
        unit="images",
        low=0.0,
        high=1e12,
        scheduled=True,
    )
