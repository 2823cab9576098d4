"""How the generator is judged in training; see the folder `evaluation`."""

from __future__ import annotations

import dataclasses

from gan_tf.config.knobs import MAX_STEPS, knob


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """How often, by how many samples and by whom it is judged."""

    evaluate_every: int = knob(
        1_000,
        "Steps between two evaluations of the averaged generator, from which the best is kept "
        "and the health of the run is judged; 0 makes none.",
        unit="steps",
        low=0,
        high=MAX_STEPS,
        resumable=True,
    )
    evaluate_images: int = knob(
        2_000,
        "Samples scored in each, against as many images of the test split; where that is small, "
        "against all training images, up to 50,000. At the end D is asked about as many.",
        unit="images",
        low=100,
        high=100_000,
    )
    patience: int = knob(
        0,
        "Evaluations in a row without a better generator after which the run ends; 0 goes "
        "its whole length.",
        unit="evaluations",
        low=0,
        high=100_000,
        resumable=True,
    )
    best_by: str = knob(
        "frechet_distance",
        "What makes one generator of a run better than another: a smaller Fréchet distance, or a "
        "higher log-likelihood of 1,000 held-out images (Parzen window, as in the 2014 paper).",
        choices=("frechet_distance", "log_likelihood"),
        older="frechet_distance",
    )
    classifier: str = knob(
        "auto",
        "What judges the samples: auto is the package's own classifier for MNIST (mnist-v1), and "
        "random for others; random is a network of random weights (random-v1), for any images; "
        "train trains a classifier on the dataset's labels, once, in minutes.",
        choices=("auto", "random", "train"),
    )
