"""Every setting that holds for the whole process, and nothing else may change one.

Commands call `start_tensorflow`; training runs within `reproducible` and `deferred_signals`;
networks are built within `computing_in`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any

from gan_tf.host import devices
from gan_tf.host.errors import InputError, InterruptedStartError

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def require_linux() -> None:
    """Raises InputError on another system: file locks and core counts are Linux's here."""
    if sys.platform != "linux":
        raise InputError(
            f"gan_tf runs on Linux, not on {sys.platform}: use WSL 2 on Windows, a Linux "
            "container on macOS"
        )


def end_quietly() -> None:
    """Lets SIGINT end a command of ours at once and without a word while it starts, as SIGTERM
    does; in another program nothing changes. Python would show where it was in its imports."""
    # One that the process was started to ignore stays ignored.
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_command() -> bool:
    """Whether this process is `python -m gan_tf...` or the console command."""
    _, *given = sys.orig_argv
    module = given[given.index("-m") + 1 :] if "-m" in given else []
    names = [*module[:1], *(Path(each).name for each in given[:1])]
    return any(f"{name}.".startswith("gan_tf.") for name in names)


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
    _raise_at_signals()


def ask_for_fast_kernels() -> None:
    """Asks TensorFlow, before its import, for the kernels that are fast on this processor."""
    if devices.wants_asking():
        os.environ[devices.ONEDNN] = "1"
        # It then says as an error that they lack an operation on whole numbers.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _raise_at_signals() -> None:
    """From here on a signal lets a command of ours clear up, and say that it was interrupted."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise InterruptedStartError(number)

    if _is_command():
        for each in _ENDING:
            if signal.getsignal(each) is signal.SIG_DFL:
                signal.signal(each, stop)


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
    tf.config.optimizer.set_experimental_options({name: True})
    try:
        yield
    finally:
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


@contextlib.contextmanager
def deferred_signals() -> Iterator[Callable[[], bool]]:
    """Within it, the first SIGINT, SIGTERM or SIGHUP is only noted; a second ends the process at
    once. One that the process was started to ignore (by `nohup`, or in the background of a script)
    stays ignored.

    Yields:
      A function that says whether a signal has come.
    """
    received: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    # Python delivers signals to the main thread alone, and lets no other change handlers.
    if threading.current_thread() is threading.main_thread():
        for each in _ENDING:
            if signal.getsignal(each) is not signal.SIG_IGN:
                before[each] = signal.signal(each, note)
    try:
        yield lambda: bool(received)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
