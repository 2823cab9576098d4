"""Workers of one run, each started by hand with its TF_CONFIG, and what becomes of them. They meet
on loopback, or each has a host of its own. `faults`, `torture` and the tests use it."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from namespaces import Host

from gan_tf.workers import launch
from gan_tf.workers.place import Place, config_of

_PORT = 2222  # Of each worker that has a host of its own.
_TAKES = """
import socket, sys
own = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("taken", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Ended:
    """How a worker ended.

    Attributes:
      status: its exit status; minus the signal's number, if one killed it.
      seconds: how long after the fault it ended.
      said: its lines on standard error.
    """

    status: int
    seconds: float
    said: list[str]

    @property
    def last(self) -> str:
        """Its last line."""
        return self.said[-1] if self.said else ""


class Workers:
    """Workers of one run."""

    def __init__(
        self,
        flags: Sequence[str],
        place: Path,
        *,
        number: int = 2,
        own: Mapping[int, Sequence[str]] | None = None,
        variables: Mapping[int, Mapping[str, str]] | None = None,
        missing: int | None = None,
        taken: int | None = None,
        hosts: Sequence[Host] | None = None,
    ) -> None:
        """Starts them.

        Args:
          flags: of all workers.
          place: their working directory.
          number: how many there are.
          own: flags besides, by rank.
          variables: of the environment besides, by rank.
          missing: the rank of one that is not started.
          taken: the rank of one whose port another process has.
          hosts: where each runs, by rank; None is this machine, where they meet on loopback.
        """
        if hosts is None:
            hosts = [Host("127.0.0.1", ())] * number
            self.addresses = launch.free_addresses(number)
        else:
            self.addresses = tuple(f"{hosts[rank].address}:{_PORT}" for rank in range(number))
        self._others = [] if taken is None else [self._take(taken, hosts[taken])]
        self._logs = {rank: place / f"worker-{rank}.log" for rank in range(number)}
        self.processes = {}
        cores = launch.shares(number)  # As the launcher's, for the same bits.
        for rank in range(number):
            if rank == missing:
                continue
            config = {"TF_CONFIG": config_of(Place(rank, self.addresses))}
            command = [*hosts[rank].prefix, sys.executable, "-m", "gan_tf.train", *flags]
            with self._logs[rank].open("w") as log:
                self.processes[rank] = subprocess.Popen(
                    [*command, *(own or {}).get(rank, [])],
                    cwd=place,
                    env=os.environ | config | dict((variables or {}).get(rank, {})),
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    preexec_fn=functools.partial(os.sched_setaffinity, 0, cores[rank]),
                )

    def _take(self, rank: int, host: Host) -> subprocess.Popen[bytes]:
        """Starts a process that has a worker's port."""
        command = [*host.prefix, sys.executable, "-c", _TAKES, *self.addresses[rank].split(":")]
        other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert other.stdout
        assert other.stdout.readline() == b"taken\n"
        return other

    def wait_for(self, path: Path, lines: int, seconds: float = 300.0) -> None:
        """Waits until a file has so many lines."""
        deadline = time.monotonic() + seconds
        while not path.exists() or path.read_bytes().count(b"\n") < lines:
            if self.one_ended() or time.monotonic() > deadline:
                self.kill()
                raise AssertionError([self._logs[rank].read_text() for rank in self.processes])
            time.sleep(0.02)

    def ends(self, seconds: float, hangs: int | None = None) -> dict[int, Ended]:
        """Returns how each ended, by rank; kills those that have not after so many seconds, and
        one that hangs once the others have ended."""
        start = time.monotonic()
        took: dict[int, float] = {}
        awaited = self.processes.keys() - {hangs}
        while awaited - took.keys() and time.monotonic() < start + seconds:
            for rank, each in self.processes.items():
                if each.poll() is not None:
                    took.setdefault(rank, time.monotonic() - start)
            time.sleep(0.02)
        self.kill()
        return {
            rank: Ended(each.returncode, took.get(rank, seconds), self.said(rank))
            for rank, each in self.processes.items()
        }

    def said(self, rank: int) -> list[str]:
        """Returns what a worker said on standard error, line by line."""
        text = self._logs[rank].read_text(encoding="utf-8", errors="replace")
        return [line for line in text.replace("\r", "\n").splitlines() if line.strip()]

    def one_ended(self) -> bool:
        """Whether one is no longer there."""
        return any(each.poll() is not None for each in self.processes.values())

    def kill(self) -> None:
        """Ends those that are still there."""
        for each in (*self.processes.values(), *self._others):
            each.kill()
            each.wait()
