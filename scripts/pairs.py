"""Workers of one run on loopback, each started by hand with its TF_CONFIG, and what becomes of
them. `faults` and the tests use it."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_tf.workers import launch
from gan_tf.workers.place import Place, config_of


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
    ) -> None:
        """Starts them.

        Args:
          flags: of all workers.
          place: their working directory.
          number: how many there are.
          own: flags besides, by rank.
          variables: of the environment besides, by rank.
          missing: the rank of one that is not started.
          taken: the rank of one whose port this process takes.
        """
        self.addresses = launch.free_addresses(number)
        if taken is not None:
            host, port = self.addresses[taken].split(":")
            self._taken = socket.create_server((host, int(port)))
        self._logs = {rank: place / f"worker-{rank}.log" for rank in range(number)}
        self.processes = {}
        cores = launch.shares(number)  # As the launcher's, for the same bits.
        for rank in range(number):
            if rank == missing:
                continue
            config = {"TF_CONFIG": config_of(Place(rank, self.addresses))}
            with self._logs[rank].open("w") as log:
                self.processes[rank] = subprocess.Popen(
                    [sys.executable, "-m", "gan_tf.train", *flags, *(own or {}).get(rank, [])],
                    cwd=place,
                    env=os.environ | config | dict((variables or {}).get(rank, {})),
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    preexec_fn=functools.partial(os.sched_setaffinity, 0, cores[rank]),
                )

    def wait_for(self, path: Path, lines: int, seconds: float = 300.0) -> None:
        """Waits until a file has so many lines."""
        deadline = time.monotonic() + seconds
        while not path.exists() or path.read_bytes().count(b"\n") < lines:
            early = [rank for rank, each in self.processes.items() if each.poll() is not None]
            if early or time.monotonic() > deadline:
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

    def kill(self) -> None:
        """Ends those that are still there."""
        for each in self.processes.values():
            each.kill()
            each.wait()
