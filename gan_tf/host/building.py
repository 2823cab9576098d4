"""What a network is built with: settings of the whole process, which are put back afterwards.

One thread builds at a time; others wait.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator

from gan_tf.host.errors import InputError

_BUILDING = threading.RLock()


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Within it, networks are built to compute in `float32` or `bfloat16`; their weights and
    batch statistics are float32 in both."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"Keras runs on {keras.backend.backend()} here: set KERAS_BACKEND=tensorflow before it "
            "is imported"
        )
    # A keras.json may say otherwise of each.
    config = keras.config
    with _BUILDING:
        before = config.dtype_policy(), config.image_data_format(), config.floatx()
        config.set_floatx("float32")
        config.set_image_data_format("channels_last")
        config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
        try:
            yield
        finally:
            policy, data_format, floatx = before
            config.set_floatx(floatx)
            config.set_image_data_format(data_format)
            config.set_dtype_policy(policy)


class _OfOneThread:
    """A seeded generator for the thread that makes it; others draw from Python's own."""

    def __init__(self, seed: int) -> None:
        self._thread, self._random = threading.get_ident(), random.Random(seed)

    def randint(self, low: int, high: int) -> int:
        """Returns a whole number from low to high."""
        mine = threading.get_ident() == self._thread
        return (self._random if mine else random).randint(low, high)


@contextlib.contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Within it, the initial weights and dropout's masks of the networks that are built are decided
    by a seed. After it, Python's generator and NumPy's stand where they stood.

    Keras draws the seeds of both from Python's generator, which other threads use, too. So this
    thread gives it one of its own. A network of one's own may draw from the global ones.
    """
    import numpy as np
    from keras.src.random import seed_generator

    with _BUILDING:
        python, numpy = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed)
        keras_draws_from = seed_generator.python_random
        seed_generator.python_random = _OfOneThread(seed)
        try:
            yield
        finally:
            seed_generator.python_random = keras_draws_from
            random.setstate(python)
            np.random.set_state(numpy)
