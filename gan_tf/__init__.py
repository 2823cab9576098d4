"""Generative adversarial networks in TensorFlow and Keras.

The commands are `python -m gan_tf.train`, `gan_tf.evaluate`, `gan_tf.sample` and
`gan_tf.export`. The library behind them:

- `gan_tf.config.Config`: what is trained, and how.
- `gan_tf.run.train`: trains, resumes and exports one configuration.
- `gan_tf.models.ARCHITECTURES`: the networks; add your own entry.
- `gan_tf.losses.LOSSES`, `gan_tf.latents.LATENTS`: losses and latent distributions.
- `gan_tf.fidelity`: the figures that generators are judged by, in NumPy.
- `gan_tf.servable.load`: an exported generator, ready to sample from.

Importing the package, and any of its configuration, does not import TensorFlow.
"""

__version__ = "0.1.0"
