"""The tests' own TensorFlow computes with the kernels that the commands ask for."""

from gan_tf.host import process

process.ask_for_fast_kernels()
