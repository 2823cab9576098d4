"""Every setting that holds for the whole process, and nothing else may change one.

Commands call `start_tensorflow`; training runs within `reproducible`. What networks are built with
is in `building`, signals are in `signals`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from gan_tf.host import devices, signals
from gan_tf.host.errors import InputError

# Forked from a process in which TensorFlow was at work: its threads are not there.
_forked = False


def _note_fork() -> None:
    global _forked
    context = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    _forked = _forked or bool(getattr(context, "_initialized", False))


os.register_at_fork(after_in_child=_note_fork)


def require_linux() -> None:
    """Raises InputError on another system: file locks and core counts are Linux's here."""
    if sys.platform != "linux":
        raise InputError(
            f"gan_tf runs on Linux, not on {sys.platform}: use WSL 2 on Windows, a Linux "
            "container on macOS"
        )


def require_room() -> None:
    """Raises InputError where a run cannot train: on another system, within what the calling
    program has TensorFlow build, or in a process that cannot compute."""
    require_linux()
    require_threads()
    require_own_compiler()
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise InputError("a run cannot train within a tf.Graph or a tf.function: call it outside")
    if tf.distribute.has_strategy():
        raise InputError(
            "a run cannot train within the scope of a tf.distribute strategy: call it outside; "
            "workers share a run by --workers or TF_CONFIG"
        )


def require_threads() -> None:
    """Raises InputError in a process that was forked from one that has computed by TensorFlow: it
    would wait for ever."""
    if _forked:
        raise InputError(
            "this process was forked from one that has used TensorFlow, which cannot go on in it; "
            "start it by multiprocessing.get_context('spawn')"
        )


def out_of_memory() -> tuple[type[Exception], ...]:
    """What Python raises for want of memory and, where it is there, TensorFlow: on a GPU, above
    all."""
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    return (MemoryError, *([errors.ResourceExhaustedError] if errors else []))


def require_own_compiler() -> None:
    """Raises InputError where the environment has XLA compile whatever it finds: it draws other
    random numbers, so that neither a run's seed nor an export's would mean what it says."""
    flags = text = os.environ.get("TF_XLA_FLAGS", "")
    if not flags.lstrip().startswith("-"):  # It names a file of flags.
        with contextlib.suppress(OSError, ValueError):
            text = Path(flags).read_text(encoding="utf-8")
    default = os.environ.get("TF_FUNCTION_JIT_COMPILE_DEFAULT", "")
    found = ""
    if re.search(r"--tf_xla_auto_jit=(?!(0|off|-1)\b)", text):
        found = f"TF_XLA_FLAGS={flags}: must not have --tf_xla_auto_jit"
    elif default.lower() in ("1", "true"):
        found = f"TF_FUNCTION_JIT_COMPILE_DEFAULT={default}: must be 0"
    if found:
        raise InputError(
            f"{found}, for XLA draws other random numbers from the same seed; unset it, and let "
            "--compile=xla compile a run"
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
    operation by operation they round otherwise. XLA compiles none of them by itself, whatever
    `tf.config.optimizer.set_jit` asked for.

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
    eagerly, compiled = tf.config.functions_run_eagerly(), tf.config.optimizer.get_jit()
    tf.config.optimizer.set_experimental_options({name: True})
    tf.config.run_functions_eagerly(False)
    tf.config.optimizer.set_jit(False)
    try:
        yield
    finally:
        tf.config.optimizer.set_jit(compiled or False)
        tf.config.run_functions_eagerly(eagerly)
        tf.config.optimizer.set_experimental_options({name: before})
