"""The package's commands in processes of their own, as a user runs them."""

from __future__ import annotations

import functools
import multiprocessing
import os
import pkgutil
import runpy
import shlex
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from multiprocessing import forkserver
from pathlib import Path

import pytest

import gan_tf
from gan_tf.host import process as settings

ROOT = Path(__file__).parents[1]
Finished = subprocess.CompletedProcess[str]

MODULES = sorted(module.name for module in pkgutil.walk_packages(gan_tf.__path__, prefix="gan_tf."))
# Our own code must run without a warning of any kind; the filters match whole names, so each
# module is listed. The one that is run is `__main__`.
_OURS = ("__main__", *MODULES)

# These tests may run where both are ignored, as under `nohup`. A command inherits what is ignored,
# and it must obey as from a terminal; what is only handled is its default again in a new program.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

# Half of most commands' time is the import of TensorFlow, so this one has been imported in a
# process that is forked for each command.
_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(["tensorflow", "keras", "scipy.stats", "matplotlib.figure", "tqdm"])


def start(
    module: str,
    *flags: str,
    cwd: Path,
    home: Path,
    before: Callable[[], None] | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Starts `python -m gan_tf.<module>` with an environment of its own, and `variables` in it,
    after calling `before` in its process.

    Only with `before` is this process copied by a plain fork, at which the threads of a gRPC server
    in it can leave the copy hanging.
    """
    environment = _environment(home) | dict(variables or {})
    environment["PYTHONWARNINGS"] = ",".join(f"error:::{name}" for name in _OURS)
    if before:  # A limit that it sets must not cut the cache of compiled modules short.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"

    return subprocess.Popen(
        [sys.executable, "-m", f"gan_tf.{module}", *flags],
        cwd=cwd,
        preexec_fn=before,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@functools.cache
def warm() -> None:
    """Starts the process that is forked."""
    with pytest.MonkeyPatch.context() as patch:
        # A library reads the environment when it is imported: OpenBLAS, which kernels to choose.
        for name in set(os.environ) - {"PATH"}:
            patch.delenv(name)
        settings.ask_for_fast_kernels()  # As `start_tensorflow` has it; so is this:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"))
        forkserver.ensure_running()


def run_warm(module: str, *flags: str, cwd: Path, home: Path, timeout: float) -> Finished:
    """Runs `python -m gan_tf.<module>` or a `scripts/<name>.py` to its end, in a process that has
    imported TensorFlow."""
    warm()
    with tempfile.TemporaryDirectory() as directory:
        outputs = [Path(directory) / name for name in ("output", "errors")]
        arguments = (module, flags, cwd, _environment(home), outputs)
        process = _WARM.Process(target=_become, args=arguments)
        process.start()
        process.join(timeout)
        ended = not process.is_alive()
        process.kill()
        process.join()
        output, errors = (path.read_text(encoding="utf-8") for path in outputs)
    if not ended:
        raise subprocess.TimeoutExpired(module, timeout, output, errors)
    return Finished(flags, process.exitcode or 0, output, errors)


def _environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"]}


def _become(
    module: str, flags: list[str], cwd: Path, environment: dict[str, str], outputs: list[Path]
) -> None:
    """Makes this process the command."""
    for number, path in enumerate(outputs, start=1):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    settings.ask_for_fast_kernels()  # Whose TensorFlow this is.
    os.chdir(cwd)
    sys.path.insert(0, str(cwd))
    for name in _OURS:
        warnings.filterwarnings("error", module=f"{name}$")
    sys.argv = [module, *flags]
    if module.startswith("scripts/"):
        sys.path.insert(0, str(ROOT / "scripts"))
        runpy.run_path(str(ROOT / module), run_name="__main__")
    else:
        runpy.run_module(f"gan_tf.{module}", run_name="__main__", alter_sys=True)


def run_mounted(mount: str, module: str, *flags: str, cwd: Path, home: Path) -> Finished:
    """Runs a command where something is mounted that no other process sees; skips the test where
    nothing can be mounted."""
    alone = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*alone, mount], cwd=cwd, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    return subprocess.run(
        [*alone, f"{mount} && {shlex.join([sys.executable, '-m', f'gan_tf.{module}', *flags])}"],
        cwd=cwd,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
