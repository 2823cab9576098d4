"""Generative adversarial networks in TensorFlow and Keras.

Algorithm 1 is `gan_tf/game/algorithm_1.py`. A folder for each thing that the package knows:

    train, evaluate, sample, export, report, client    the commands: python -m gan_tf.train
    training/      a run from its first step to its export: `gan_tf.training.run.train`
    config/        every knob, declared once: `gan_tf.config.Config`
    evaluation/    how good a generator is: figures, classifiers, what D thinks
    serving/       the SavedModel and what it can be asked: `gan_tf.serving.servable.load`
    game/          Algorithm 1, losses, penalties, optimisers, latents, augmentations
    models/        the networks: `gan_tf.models.ARCHITECTURES`; add your own entry
    data/          datasets, their cache, batches by the step
    report/        pictures, curves, the page of a run
    workers/       several processes that train one run
    host/          files, archives of arrays, devices, settings of the process

A folder imports only from those below it. Importing the package, and any of its configuration,
does not import TensorFlow.
"""

from gan_tf.host import moved, signals

__version__ = "0.3.0"

signals.end_quietly()
moved.keep_old_names()
