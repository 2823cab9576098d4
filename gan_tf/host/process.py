"""Every setting that holds for the whole process, and nothing else may change one.

Commands call `start_tensorflow`; training runs within `reproducible`; networks are built within
`computing_in`. Signals are in `signals`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import IO

from gan_tf.host import devices, signals
from gan_tf.host.errors import InputError

_TRAINED: set[int] = set()  # Processes that began a run: this one, and those it was forked from.


def require_linux() -> None:
    """Raises InputError on another system: file locks and core counts are Linux's here."""
    if sys.platform != "linux":
        raise InputError(
            f"gan_tf runs on Linux, not on {sys.platform}: use WSL 2 on Windows, a Linux "
            "container on macOS"
        )


def require_room() -> None:
    """Raises InputError where a run cannot train: on another system, within what the calling
    program has TensorFlow build, or in a process that was forked from one that has trained."""
    require_linux()
    if _TRAINED - {os.getpid()}:  # TensorFlow's threads are not there: it would wait for ever.
        raise InputError(
            "this process was forked from one that has trained, and TensorFlow cannot go on in it; "
            "start it by multiprocessing.get_context('spawn')"
        )
    _TRAINED.add(os.getpid())
    require_own_compiler()
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise InputError("a run cannot train within a tf.Graph or a tf.function: call it outside")
    if tf.distribute.has_strategy():
        raise InputError(
            "a run cannot train within the scope of a tf.distribute strategy: call it outside; "
            "workers share a run by --workers or TF_CONFIG"
        )


def out_of_memory() -> tuple[type[Exception], ...]:
    """What Python raises for want of memory and, where it is there, TensorFlow: on a GPU, above
    all."""
    tensorflow = sys.modules.get("tensorflow")
    return (MemoryError, *([tensorflow.errors.ResourceExhaustedError] if tensorflow else []))


def require_own_compiler() -> None:
    """Raises InputError where the environment has XLA compile whatever it finds: it draws other
    random numbers, so that neither a run's seed nor an export's would mean what it says."""
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if re.search(r"--tf_xla_auto_jit=(?!(0|off|-1)\b)", flags):
        raise InputError(
            f"TF_XLA_FLAGS={flags}: must not have --tf_xla_auto_jit, for XLA draws other random "
            "numbers from the same seed; unset it, and let --compile=xla compile a run"
        )


def open_standard_streams() -> None:
    """Makes both streams usable: one that is closed takes what is written and throws it away,
    one whose encoding lacks a letter shows a question mark for it."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            descriptor = os.open(os.devnull, os.O_WRONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, os.fdopen(number, "w"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def start_tensorflow(begin: Callable[[], object] | None = None) -> None:
    """Imports TensorFlow; what it writes to standard error is shown only if that fails.

    Its C++ libraries greet with a dozen lines before any log level can be set, and so
    would bury the lines that the user must read.

    Args:
      begin: starts the runtime; by default one of this process alone.
    """
    require_own_compiler()
    if "tensorflow" not in sys.modules:
        ask_for_fast_kernels()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # The client itself says what went wrong.
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # Whatever else the user trains with.
    with tempfile.TemporaryFile() as noise:
        try:
            with standard_error_to(noise):
                tf = importlib.import_module("tensorflow")
                for gpu in tf.config.list_physical_devices("GPU"):
                    tf.config.experimental.set_memory_growth(gpu, True)
                if begin is None:
                    tf.zeros([]).numpy()  # Starts the runtime, with whatever it has to say.
                else:
                    begin()
        except BaseException:
            noise.seek(0)
            os.write(2, noise.read())
            raise
    signals.raise_at_signals()


def ask_for_fast_kernels() -> None:
    """Asks TensorFlow, before its import, for the kernels that are fast on this processor."""
    if devices.wants_asking():
        os.environ[devices.ONEDNN] = "1"
    # It says as an error that they lack an operation on whole numbers, and uses another.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def standard_error_to(noise: IO[bytes]) -> Iterator[None]:
    """Within it, all that is written to standard error, by C++ too, goes to a file instead."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    os.dup2(noise.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)


@contextlib.contextmanager
def reproducible(deterministic: bool = False) -> Iterator[None]:
    """Within it, the same steps give the same bits every time, on a CPU.

    Steps are compiled to a graph, whatever `tf.config.run_functions_eagerly` asked for before:
    operation by operation they round otherwise.

    With Grappler on, the same steps differ in their last bits from one time to the next (even
    under enable_op_determinism); probably it sums gradients in the order in which they arrive.
    With it off they are reproducible on a CPU, and as fast.

    Args:
      deterministic: choose only operations that are deterministic on a GPU, too, or fail. Holds
        for the rest of the process.
    """
    import tensorflow as tf

    if deterministic:
        tf.config.experimental.enable_op_determinism()
    name = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(name, False)
    eagerly = tf.config.functions_run_eagerly()
    tf.config.optimizer.set_experimental_options({name: True})
    tf.config.run_functions_eagerly(False)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(eagerly)
        tf.config.optimizer.set_experimental_options({name: before})


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
    before = keras.config.dtype_policy(), keras.config.image_data_format(), keras.config.floatx()
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        yield
    finally:
        policy, data_format, floatx = before
        keras.config.set_floatx(floatx)
        keras.config.set_image_data_format(data_format)
        keras.config.set_dtype_policy(policy)


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
