"""What a run records of itself, and how it judges it."""

from __future__ import annotations

import dataclasses

from gan_tf.knobs import MAX_STEPS, knob


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
    """Cadences in steps, evaluation and health."""

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
    evaluate_every: int = knob(
        1_000,
        "Steps between two evaluations of the averaged generator, from which the best is kept "
        "and the health of the run is judged; 0 makes none.",
        unit="steps",
        low=0,
        high=MAX_STEPS,
    )
    evaluate_images: int = knob(
        2_000,
        "Samples scored in each, against as many images of the test split, if it has them.",
        unit="images",
        low=100,
        high=100_000,
    )
    classifier: str = knob(
        "auto",
        "What judges the samples: auto is the package's own for MNIST (mnist-v1) and makes no "
        "evaluations of another dataset, train trains one on the dataset's labels, once.",
        choices=("auto", "train"),
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
