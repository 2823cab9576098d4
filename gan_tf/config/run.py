"""What is trained on what, and for how long."""

from __future__ import annotations

import dataclasses

from gan_tf.knobs import MAX_STEPS, knob
from gan_tf.latents import LATENTS
from gan_tf.models import ARCHITECTURES


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Networks, data, length and place of a run."""

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
    deterministic: bool = knob(
        False,
        "Have TensorFlow choose only operations that give the same bits every time, or fail; "
        "for a GPU, and slower there. On a CPU runs are reproducible without it.",
    )
