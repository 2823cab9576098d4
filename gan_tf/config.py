"""The configuration of a run: every knob that decides what is trained, and how.

A `Config` is written into the run directory before training starts; sampling,
evaluation and export read it there, never from the command line.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from pathlib import Path
from typing import Any

from gan_tf.errors import InputError
from gan_tf.files import user_path
from gan_tf.knobs import check_all, knob, knobs
from gan_tf.latents import LATENTS
from gan_tf.losses import LOSSES
from gan_tf.models import ARCHITECTURES

MAX_STEPS = 100_000_000


@dataclasses.dataclass(frozen=True)
class Config:
    """Raises InputError when a value is out of its bounds."""

    arch: str = knob("dcgan", "Pair of networks.", choices=ARCHITECTURES)
    dataset: str = knob(
        "mnist",
        "TensorFlow Datasets name of 28x28x1 images (emnist/letters has its config behind "
        "a slash). MNIST comes with the package.",
        unit="a TFDS name",
    )
    data_dir: str | None = knob(
        None,
        "Where prepared datasets are kept; $TFDS_DATA_DIR or ~/tensorflow_datasets by default.",
        unit="a directory",
        resumable=True,
    )
    manual_dir: str | None = knob(
        None,
        "Directory that holds the dataset's own files, for a machine without a network; "
        "DATA_DIR/manual/DATASET by default.",
        unit="a directory",
        resumable=True,
    )
    run_dir: str | None = knob(
        None,
        "Where the run keeps its checkpoints, pictures and export. A run that is already "
        "there is resumed; runs/ARCH-DATASET by default.",
        unit="a directory",
        resumable=True,
    )
    steps: int | None = knob(
        None,
        "Length of the run in passes of Algorithm 1's outer loop; wins over --epochs.",
        unit="steps",
        low=1,
        high=MAX_STEPS,
        resumable=True,
    )
    epochs: int = knob(
        16,
        "Length of the run in passes over the real images.",
        unit="epochs",
        low=1,
        high=1_000_000,
        resumable=True,
    )
    batch_size: int = knob(
        64, "Reals, and as many fakes, in each update.", unit="images", low=1, high=65_536
    )
    latent_dim: int = knob(64, "Size of the latent vector z.", unit="dimensions", low=1, high=4_096)
    latents: str = knob(
        "normal",
        "Distribution of z: normal is N(0, 1), uniform is U(-1, 1), unit_uniform the same "
        "with unit variance, shifted_normal is N(-1, 1).",
        choices=LATENTS,
    )
    validation_images: int = knob(
        0,
        "Training images that no step sees, kept to measure D on; with 0 the test split is.",
        unit="images",
        low=0,
        high=10_000_000,
    )
    seed: int = knob(
        0,
        "Seed of weights, data order, latents and dropout.",
        low=0,
        high=2**31 - 1,
    )
    loss: str = knob("non_saturating", "The players' losses.", choices=LOSSES)
    label_smoothing: float = knob(
        0.1,
        "One-sided label smoothing: 0.1 makes D's target for reals 0.9. Losses without a "
        "target (hinge, wasserstein) want 0.",
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
    r1_gamma: float = knob(
        0.0, "Weight of the R1 penalty on D's slope at the reals; 0 is none.", low=0.0, high=1e6
    )
    r1_every: int = knob(
        8,
        "Steps between two R1 penalties, each as many times as heavy.",
        unit="steps",
        low=1,
        high=1_000,
    )
    gradient_penalty: float = knob(
        0.0,
        "Weight of the penalty that pulls D's slope between reals and fakes to 1, which "
        "--loss=wasserstein wants (10 in its paper); 0 is none.",
        low=0.0,
        high=1e6,
    )
    update: str = knob(
        "discriminator_first",
        "Order of the two players' updates.",
        choices=("discriminator_first", "generator_first", "simultaneous"),
    )
    generator_steps: int = knob(
        1, "Updates of G in a step; 0 freezes it.", unit="updates", low=0, high=20
    )
    generator_latents: str = knob(
        "fresh",
        "Whether G learns from fresh latents or from the same as D just did.",
        choices=("fresh", "same"),
    )
    latent_pool: int = knob(
        0,
        "Draw the latents of training once, so many, and take them in turn; 0 draws fresh ones.",
        unit="latents",
        low=0,
        high=10_000_000,
    )
    optimizer: str = knob("adam", "Optimiser of both players.", choices=("adam", "sgd"))
    generator_lr: float = knob(2e-4, "Learning rate of G.", low=0.0, high=1e6)
    discriminator_lr: float = knob(2e-4, "Learning rate of D.", low=0.0, high=1e6)
    lr_decay: float = knob(
        1.0, "What each update divides the learning rates by.", low=1.0, high=2.0
    )
    lr_min: float = knob(0.0, "Where that decay ends.", low=0.0, high=1e6)
    beta_1: float = knob(0.5, "Adam's decay of the first moment.", low=0.0, high=0.9999)
    beta_2: float = knob(0.999, "Adam's decay of the second moment.", low=0.0, high=0.999999)
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
    ema_decay: float = knob(
        0.998,
        "Decay a step of the average of G's weights that is sampled and exported; "
        "0 takes G as it is.",
        low=0.0,
        high=0.999999,
    )
    precision: str = knob(
        "auto",
        "Arithmetic of the networks; weights, batch statistics, logits and losses stay "
        "float32. auto is bfloat16 where the processor computes in it, float32 elsewhere.",
        choices=("auto", "float32", "bfloat16"),
    )
    log_every: int = knob(
        100, "Steps between two lines of metrics.", unit="steps", low=1, high=MAX_STEPS
    )
    sample_every: int = knob(
        500, "Steps between two grids of samples.", unit="steps", low=1, high=MAX_STEPS
    )
    checkpoint_every: int = knob(
        1_000, "Steps between two checkpoints.", unit="steps", low=1, high=MAX_STEPS
    )
    keep_checkpoints: int = knob(
        3, "Newest checkpoints kept.", unit="checkpoints", low=1, high=1_000
    )

    def __post_init__(self) -> None:
        check_all(self)
        if self.label_smoothing and not LOSSES[self.loss].smoothable:
            raise InputError(
                f"--loss={self.loss}: has no target to smooth; add --label_smoothing=0"
            )

    def resolved(self) -> Config:
        """Returns the same configuration with its machine-dependent defaults filled in."""
        home = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
        name = f"{self.arch}-{self.dataset}".replace("/", "-").replace(":", "-")
        return dataclasses.replace(
            self,
            data_dir=str(user_path("data_dir", self.data_dir or home)),
            manual_dir=self.manual_dir and str(user_path("manual_dir", self.manual_dir)),
            run_dir=str(user_path("run_dir", self.run_dir or f"runs/{name}")),
            precision=_native_precision() if self.precision == "auto" else self.precision,
        )

    def total_steps(self, images: int) -> int:
        """Returns the run's length in steps, for a training set of so many images."""
        if self.steps is not None:
            return self.steps
        return -(-self.epochs * images // (self.batch_size * self.discriminator_steps))

    def to_json(self) -> dict[str, Any]:
        """Returns the knobs as plain values, in the order of their declaration."""
        return {each.name: getattr(self, each.name) for each in knobs(Config)}

    @staticmethod
    def from_json(values: Any, source: str) -> Config:
        """Returns the configuration that `to_json` gave; InputError names `source` if it is not."""
        names = [each.name for each in knobs(Config)]
        if not isinstance(values, dict) or sorted(values) != sorted(names):
            raise InputError(f"{source}: not the configuration of this version's runs")
        try:
            return Config(**values)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def dumps(self) -> str:
        """Returns the knobs as indented JSON text."""
        return json.dumps(self.to_json(), indent=2)


def _native_precision() -> str:
    """`bfloat16` where the processor has instructions for it, else `float32`."""
    try:
        features = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        features = [platform.processor()]
    native = {"avx512_bf16", "amx_bf16", "bf16"}
    return "bfloat16" if native & set(features) else "float32"
