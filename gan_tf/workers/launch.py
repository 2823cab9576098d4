"""Starts the workers of one machine: a process each, with a share of the cores, or a GPU.

This process does not train. It passes signals on, shows what its workers say, and ends when they
have. Worker 0 has the terminal; what the others say stands behind their name.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gan_tf.host import devices
from gan_tf.host.errors import InputError
from gan_tf.workers.connection import SILENCE
from gan_tf.workers.place import Place, config_of

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE = SILENCE + 10.0  # Seconds in which the others notice that one has ended.
_PDEATHSIG = 1
_PORTS = range(20_000, 32_000)  # Linux gives none of these to whoever asks for any.


def run(number: int, arguments: Sequence[str]) -> int:
    """Runs this program so many times, as workers of one run; returns the status.

    Args:
      number: how many.
      arguments: the flags of each.
    """
    cores, command = shares(number), [sys.executable, *_program(number), *arguments]
    addresses = free_addresses(number)
    environments = [
        os.environ | gpu | {"TF_CONFIG": config_of(Place(rank, addresses))}
        for rank, gpu in enumerate(_gpus(number))
    ]
    workers: list[subprocess.Popen[bytes]] = []
    passed: list[int] = []

    def pass_on(signal_number: int, frame: Any) -> None:
        passed.append(signal_number)
        for each in workers:
            if each.poll() is None:
                each.send_signal(signal_number)

    for each in _SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, pass_on)
    for rank in range(number):
        workers.append(_start(rank, command, environments[rank], cores[rank]))
    speakers = [threading.Thread(target=_show, args=(w, i)) for i, w in enumerate(workers) if i]
    for speaker in speakers:
        speaker.start()
    _wait(workers)
    for speaker in speakers:
        speaker.join()
    return _status([each.returncode for each in workers], passed)


def _program(number: int) -> list[str]:
    """What Python is to run: `-m gan_tf.train`, or the file of a program of one's own."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec and spec.origin == sys.argv[0]:
        return ["-m", spec.name]
    if Path(sys.argv[0]).exists():
        return [sys.argv[0]]
    raise InputError(f"--workers={number}: each worker runs this program's file, and it has none")


def _start(
    rank: int, command: Sequence[str], environment: dict[str, str], cores: set[int]
) -> subprocess.Popen[bytes]:
    """Starts a worker. It has a session of its own, so that a terminal's Ctrl-C comes to it once,
    by way of this process, and it is asked to stop if this process is killed."""
    system = ctypes.CDLL(None)

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        system.prctl(_PDEATHSIG, signal.SIGTERM)

    output = None if rank == 0 else subprocess.PIPE
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if rank == 0 else subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=prepare,
    )


def _show(worker: subprocess.Popen[bytes], rank: int) -> None:
    assert worker.stdout
    for line in worker.stdout:
        if line.strip():
            text = line.decode(errors="replace").rstrip()
            print(f"worker {rank}: {text}", file=sys.stderr, flush=True)


def _wait(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Waits until all have ended; one that goes on long after another is killed."""
    deadline = float("inf")
    while any(each.poll() is None for each in workers):
        if deadline == float("inf") and any(each.poll() is not None for each in workers):
            deadline = time.monotonic() + _GRACE
        if time.monotonic() > deadline:
            for each in workers:
                each.kill()
        time.sleep(0.1)


def _status(statuses: Sequence[int], passed: Sequence[int]) -> int:
    """The status of them all: that of the first that did not do its work."""
    failed = [each for each in statuses if each]
    said = [each for each in failed if each > 0]
    if said:
        return said[0]
    if failed:  # By signals: ours, or another's.
        return 128 - failed[0] if -failed[0] in passed else 1
    return 0


def shares(number: int) -> list[set[int]]:
    """The cores of each worker: equal shares, side by side, or one core for several workers."""
    cores = sorted(os.sched_getaffinity(0))
    size = len(cores) // number
    if not size:
        return [{cores[rank % len(cores)]} for rank in range(number)]
    return [set(cores[rank * size : (rank + 1) * size]) for rank in range(number)]


def _gpus(number: int) -> list[dict[str, str]]:
    """What lets each worker see one GPU, where there are any."""
    gpus = devices.visible_gpus()
    if not gpus:
        return [{} for _ in range(number)]
    if number > len(gpus):
        raise InputError(
            f"--workers={number}: must be at most {len(gpus)}, for each worker takes a GPU; with "
            "CUDA_VISIBLE_DEVICES= they take shares of the cores"
        )
    return [{"CUDA_VISIBLE_DEVICES": each} for each in gpus[:number]]


def free_addresses(number: int) -> tuple[str, ...]:
    """Addresses on loopback whose ports are free now."""
    found: list[str] = []
    with ExitStack() as stack:
        while len(found) < number:
            port = random.SystemRandom().choice(_PORTS)
            place = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # Taken: another one.
                place.bind(("127.0.0.1", port))
                found.append(f"127.0.0.1:{port}")
    return tuple(found)
