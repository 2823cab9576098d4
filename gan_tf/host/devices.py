"""Which device computes, in which precision it is fast, with how much memory, and why a GPU lies
idle."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
from pathlib import Path

from gan_tf.host import memory

_AMPERE = 8.0  # The first compute capability with bfloat16.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# Where TensorFlow uses oneDNN's kernels by itself.
_NEWER = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}


def faster_precision() -> str:
    """Returns the precision in which the device that will compute is fast, `bfloat16` or
    `float32`. A guess, for it is made without TensorFlow, which takes seconds to start."""
    capability = _gpu_capability()
    if capability is not None:
        return "bfloat16" if capability >= _AMPERE else "float32"
    # Without oneDNN TensorFlow has no kernels that use instructions for bfloat16.
    return "bfloat16" if _gains(_features()) and not _is_onednn_refused() else "float32"


def _gains(features: set[str]) -> bool:
    """Whether a processor with these features is faster in bfloat16.

    `avx512_bf16` alone is a gain on AMD's processors only: a Xeon that hides `amx_bf16` from its
    guests trains at two thirds of its float32 (docs/benchmark.md).
    """
    if "GenuineIntel" in features:
        return "amx_bf16" in features
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & features)


def _features() -> set[str]:
    """What the processor can do and who made it, as Linux names it."""
    try:
        return set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return {platform.processor()}


def wants_asking() -> bool:
    """Whether TensorFlow must be asked for the kernels that are fast here: oneDNN's, which it uses
    by itself only where there are instructions for neural networks. With AVX2 alone they make 1.7
    times the steps of `dcgan` (docs/benchmark.md). Not if the environment says something of them.
    """
    return ONEDNN not in os.environ and "avx2" in _features() and not _NEWER & _features()


def native_compiler() -> str:
    """Returns `xla` where a GPU will compute, else `none`: the one whose steps are faster there."""
    return "none" if _gpu_capability() is None else "xla"


def _is_onednn_refused() -> bool:
    return os.environ.get(ONEDNN, "1").lower() in ("0", "false")


def _slower_for() -> str:
    """Why the processor is slower than it could be; empty if it is not."""
    if _is_onednn_refused():
        return f"{ONEDNN}=0 turns its fast kernels off"
    # Then this program imported TensorFlow before it asked us for anything.
    if wants_asking():
        return f"set {ONEDNN}=1 before TensorFlow is imported"
    return ""


def _gpu_capability() -> float | None:
    """The least compute capability of the GPUs; None without one, or without CUDA's libraries
    from pip, where TensorFlow looks for them."""
    if _is_hidden() or importlib.util.find_spec("nvidia") is None:
        return None
    return _least_of_gpus("compute_cap")


def visible_gpus() -> list[str]:
    """Returns what CUDA_VISIBLE_DEVICES calls each GPU that a process of ours would see."""
    if _is_hidden() or importlib.util.find_spec("nvidia") is None:
        return []
    if given := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return given.split(",")
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        finished = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return []
    return finished.stdout.split()


def _least_of_gpus(what: str) -> float | None:
    """The least that nvidia-smi says of any GPU; None if it says nothing."""
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        finished = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
        return min(map(float, finished.stdout.split()))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def available_memory() -> int:
    """Returns the bytes that data may take: of the RAM or, if less, of the limit of a control group
    that this process is in; and of a GPU that computes."""
    import tensorflow as tf

    found = [memory.available(), *memory.limits()]
    if tf.config.list_physical_devices("GPU"):
        free = _least_of_gpus("memory.free")  # In MiB.
        found += [int(free) << 20] if free is not None else []
    return min(found)


def _is_hidden() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")


def description() -> str:
    """Returns one line on the device in use and, if a GPU is there in vain, the reason."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
        return f"{name} (1 of {len(gpus)} GPUs)" if len(gpus) > 1 else str(name)
    cpu = f"CPU, {len(os.sched_getaffinity(0))} cores"
    if reason := _slower_for():
        cpu += f" (slower than it could be: {reason})"
    if not Path("/dev/nvidia0").exists():
        return cpu
    return f"{cpu}; an NVIDIA GPU is present, but {_why_unusable(tf.test.is_built_with_cuda())}"


def _why_unusable(built_with_cuda: bool) -> str:
    if _is_hidden():
        return "CUDA_VISIBLE_DEVICES hides it"
    if not built_with_cuda:
        return "this TensorFlow is built without CUDA"
    if importlib.util.find_spec("nvidia") is None:
        return "CUDA's libraries are not installed: pip install 'gan_tf[gpu]'"
    return "TensorFlow cannot open it: run nvidia-smi, and compare the driver with its CUDA"
