"""How long, where and how a run goes; see the folder `training`."""

from __future__ import annotations

import dataclasses

from gan_tf.config.knobs import MAX_STEPS, knob


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Length, place, cadences, arithmetic, and what follows on illness."""

    run_dir: str | None = knob(
        None,
        "Where the run keeps its checkpoints, pictures and export. A run that is already "
        "there is resumed; runs/ARCH-DATASET by default.",
        unit="a directory",
        resumable=True,
    )
    steps: int | None = knob(
        None,
        "Length of the run in passes of Algorithm 1's outer loop. Of --steps and --epochs the last "
        "one given counts.",
        unit="steps",
        low=1,
        high=MAX_STEPS,
        resumable=True,
    )
    epochs: int | None = knob(
        None,
        "Length of the run in passes over the real images. By default 16, and as many as show D "
        "800,000 images where there are fewer than 50,000.",
        unit="epochs",
        instead_of="steps",
        low=1,
        high=1_000_000,
        resumable=True,
        older=16,
        kept=True,
    )
    seed: int = knob(
        0,
        "Seed of weights, data order, latents and dropout.",
        low=0,
        high=2**31 - 1,
    )
    precision: str = knob(
        "auto",
        "Arithmetic of the networks; weights, batch statistics, logits and losses stay "
        "float32. auto is bfloat16 where the processor or GPU is faster in it, else float32.",
        choices=("auto", "float32", "bfloat16"),
        kept=True,
    )
    deterministic: bool = knob(
        False,
        "Have TensorFlow choose only operations that give the same bits every time, or fail; "
        "for a GPU, and slower there. On a CPU runs are reproducible without it.",
    )
    compile: str = knob(
        "auto",
        "Whether XLA makes one program of a step. auto has it do so on a GPU, where that is more "
        "than twice as fast, and not on a processor, where TensorFlow's own kernels are faster. "
        "With several workers, or ADA, it cannot.",
        choices=("auto", "xla", "none"),
        kept=True,
        older="none",
    )
    log_every: int = knob(
        100,
        "Steps between two lines of metrics.",
        unit="steps",
        low=1,
        high=MAX_STEPS,
        resumable=True,
    )
    sample_every: int = knob(
        500,
        "Steps between two grids of samples.",
        unit="steps",
        low=1,
        high=MAX_STEPS,
        resumable=True,
    )
    checkpoint_every: int = knob(
        1_000,
        "Steps between two checkpoints.",
        unit="steps",
        low=1,
        high=MAX_STEPS,
        resumable=True,
    )
    keep_checkpoints: int = knob(
        3,
        "Newest checkpoints kept.",
        unit="checkpoints",
        low=1,
        high=1_000,
        resumable=True,
    )
    on_collapse: str = knob(
        "restart",
        "What follows when the run turns out ill: restart with the next seed and the full "
        "length, rollback to the best generator's state and go on with the next seed, stop, "
        "or ignore, which only reports it.",
        choices=("restart", "rollback", "stop", "ignore"),
        resumable=True,
    )
    max_restarts: int = knob(
        2,
        "Restarts and rollbacks before the run counts as failed.",
        unit="attempts",
        low=0,
        high=100,
        resumable=True,
    )
