"""Measure how real a generator's images look, and how much of the data's variety they have.

Every figure compares the samples of an exported SavedModel with images of the
dataset's test split, by the features and class probabilities of a judge, which
the figures are named by: mnist-v1 for MNIST, a classifier of the dataset's
labels where it has enough of them, else a network of random weights, which
knows no classes. Under "real" stands what as many real training images score:
no generator should be expected to do better. Where few images are held out,
samples are compared with all training images, up to 50,000, and "real" is what
held-out images score. The interval is that of the mean over the latent seeds
(Student's t).

  frechet_distance       squared distance of the Gaussians with the features'
                         moments (Heusel et al., 2017); the features' mean
                         square is 1 on real images
  kid                    unbiased squared MMD of the features, with kernel
                         (x.y / D + 1)^3 (Binkowski et al., 2018)
  classifier_score       exp(mean KL(p(y|x) || p(y))), from 1 to the number of
                         classes (Salimans et al., 2016)
  confident_share        share whose likeliest class has at least 0.9
  class_total_variation  half the sum of |share of a class - its share in the
                         data|, classes as the classifier sees them; 0 to 1
  precision, recall      share of samples within the 5-neighbour ball of some
                         real feature, and the reverse (Kynkaanniemi et al.,
                         2019, where k is 3)
  density, coverage      real 5-neighbour balls that hold a sample, over 5;
                         share of those balls that hold one (Naeem et al.,
                         2020)
  near_copies            share whose nearest training image differs by at most
                         0.04 of the pixels' range, root mean square;
                         its floor is that of test images
  copies                 share like a copy: with a ratio of the distances to the
                         nearest and second nearest training image (Yoon et
                         al., 2023) below that of 95 % of held-out images
                         (Meehan et al., 2020), or, where fewer than 40 are
                         held out, of training images among the others, and a
                         distance below that of half of them; 0.05 or less by
                         chance

Of a model that takes labels also:

  label_accuracy         share that the judge takes for the class that was asked
                         for, if it knows these classes
  by class               accuracy; Frechet distance and coverage of the samples
                         and reals of one class, in equal numbers; spread, the
                         variance of the features within it, as a share of the
                         reals'. The worst has the least coverage, as a share of
                         that of real images

The three figures of classes are left out where the judge knows none. The
Frechet distance needs more samples than the judge has features, any figure 40
training images. Copies are sought where samples are compared with training
images, or with --copies.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError
from gan_tf.models import PRETRAINED


@dataclass(frozen=True)
class Options:
    """What to evaluate, on how much, against what."""

    run_dir: str | None = knob(
        None, "Evaluate the newest export of this run.", unit="a run directory"
    )
    saved_model: str | None = knob(
        None, "Evaluate this SavedModel instead.", unit="a directory such as RUN_DIR/export/1"
    )
    pretrained: str | None = knob(
        None, "Evaluate a generator that comes with the package instead.", choices=PRETRAINED
    )
    dataset: str | None = knob(
        None, "What to compare with; the data it was trained on by default.", unit="a TFDS name"
    )
    num: int = knob(
        10_000,
        "Samples of each seed, and as many reals; at most what the smaller split has.",
        unit="images",
        low=100,
        high=100_000,
    )
    seeds: str = knob(
        "0,1,2", "Latent seeds; two or more give an interval.", unit="whole numbers and commas"
    )
    classifier: str = knob(
        "auto",
        "What judges: random is a network of random weights (random-v1), for any images; train "
        "trains a classifier on the dataset's labels, once, named by dataset and digest; auto is "
        "the package's own for MNIST (mnist-v1), else train if 10,000 images or more have labels "
        "and it takes minutes, else random; inception is ImageNet's Inception v3, dinov2 "
        "is DINOv2: both know photographs, and need their weights.",
        choices=("auto", "random", "train", "inception", "dinov2"),
    )
    inception_weights: str | None = knob(
        None,
        "The weights of keras.applications' InceptionV3 with its top; there is no other way "
        "to get them than to download them.",
        unit="a file inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
    )
    dinov2_weights: str | None = knob(
        None,
        "DINOv2 as keras_hub downloads or saves a DINOV2Backbone.",
        unit="a directory with config.json and model.weights.h5",
    )
    output: str | None = knob(
        None, "Also write every figure there, as JSON.", unit="a path that ends in .json"
    )
    copies: str | None = knob(
        None,
        "Draw samples there beside the real images most like them: three training images, and "
        "one held out, with their distances by features and by pixels (of 1).",
        unit="a path that ends in .png",
    )
    classes: str | None = knob(
        None,
        "Draw a row of samples of each class there, if the model takes labels.",
        unit="a path that ends in .png",
    )
    data_dir: str | None = knob(
        None,
        "Where prepared datasets are kept; $TFDS_DATA_DIR or ~/tensorflow_datasets by default.",
        unit="a directory",
    )
    manual_dir: str | None = knob(
        None,
        "Directory that holds the dataset's own files, for a machine without a network.",
        unit="a directory",
    )
    verify: bool = knob(
        False,
        "Compare every byte of the prepared data with its digest, not only sizes and times.",
    )


def main(options: Options) -> str:
    """Writes the JSON; returns the table."""
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", options.seeds):
        raise InputError(f"--seeds={options.seeds}: must be whole numbers and commas, as in 0,1,2")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    if len(set(seeds)) < len(seeds):
        raise InputError(f"--seeds={options.seeds}: must not have a seed twice")
    if (options.classifier == "inception") != (options.inception_weights is not None):
        raise InputError("--classifier=inception and --inception_weights=FILE go together")
    if (options.classifier == "dinov2") != (options.dinov2_weights is not None):
        raise InputError("--classifier=dinov2 and --dinov2_weights=DIR go together")
    from gan_tf.evaluation import outputs
    from gan_tf.host import process
    from gan_tf.host.files import data_directory, user_path, write_text
    from gan_tf.training import run_directory

    paths = outputs.checked(output=options.output, copies=options.copies, classes=options.classes)
    for flag, path in paths.items():
        run_directory.spare(flag, path)
    output, picture, rows = (paths.get(flag) for flag in ("output", "copies", "classes"))

    process.start_tensorflow()
    import numpy as np

    from gan_tf import __version__
    from gan_tf.data.dataset import open_dataset, open_imported
    from gan_tf.data.images.wanted import Wanted
    from gan_tf.evaluation import brought, class_table, judges, likeness, scorecard
    from gan_tf.serving import asking, described
    from gan_tf.training import exports

    exported = exports.opened(options.run_dir, options.saved_model, options.pretrained)
    about = exported.metadata
    place = options.data_dir
    if options.run_dir and not place:
        content = run_directory.read_content(user_path("run_dir", options.run_dir))
        place = content["config"].get("data_dir")
    manual_dir = user_path("manual_dir", options.manual_dir) if options.manual_dir else None
    name, data_dir = options.dataset or str(about["dataset"]), data_directory(place)
    if about.get("imported") and not options.dataset:
        data = open_imported(name, str(about["digest"]), data_dir, options.verify)
    else:
        was = {} if options.dataset else dict(about.get("config", {}))
        wanted = Wanted(**{key: was[key] for key in Wanted().as_dict() if key in was})
        data = open_dataset(name, data_dir, manual_dir, options.verify, wanted)
    # One of version 0.1.0 does not know what it was trained on.
    if not options.dataset and about.get("digest", "") not in ("", data.description.digest):
        raise InputError(
            f"{data.directory} holds other images than those that {exported.path} was trained on; "
            f"--dataset={name} compares with them nevertheless"
        )
    described.check_shape(exported.metadata, exported.path, data.description)
    if options.inception_weights:
        judge = brought.inception(user_path("inception_weights", options.inception_weights))
    elif options.dinov2_weights:
        judge = brought.dinov2(user_path("dinov2_weights", options.dinov2_weights))
    else:
        judge = judges.find(data, judges.to_evaluate(data, options.classifier))
    names = list(exported.classes)
    others = bool(names and options.dataset) and (data.classes < 2 or names != [*data.counted()])
    if rows and not names:
        raise InputError(f"--classes={rows}: {exported.path} takes no labels; it has no classes")
    unlike = f"{data.name} has not the classes of the model, in their order"
    if rows and others:
        raise InputError(f"--classes={rows}: {unlike}")
    card = scorecard.scorecard(
        lambda num, seed: (exported.sample(num, seed), exported.labels(num, seed)),
        judge,
        data,
        num=options.num,
        seeds=seeds,
        copies_too=bool(picture),
        names=[] if others else names,
    )
    card |= {
        "saved_model": str(exported.path.absolute()),
        "step": exported.metadata.get("step"),
        "checkpoint": exported.metadata.get("checkpoint"),
        "computed_in": exported.metadata.get("precision"),
        "gan_tf": __version__,
    }
    said = scorecard.table(card) + (f"\n\nno figures by class: {unlike}" if others else "")
    try:
        if rows:
            asked = asking.every(names)
            latents = exported.latents(asking.COLUMNS, seeds[0])[asked.places]
            class_table.write(rows, exported.draw(latents, np.array(asked.labels)), names, card)
        if picture:
            likeness.write(picture, exported.sample(card["num"], seeds[0]), judge, data)
        if output:
            write_text(output, json.dumps(card, indent=2) + "\n")
    except (OSError, MemoryError):
        print(said, flush=True)  # It took minutes, and a full disk does not make it less true.
        raise
    return said


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
