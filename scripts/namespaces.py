"""A network of this machine's own: each worker in a network namespace, as on a machine of its own.

Their links meet at a bridge, which has a namespace, too. So nothing of the machine's own network is
touched, and a link can be cut. It needs root, and `ip` of iproute2.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from gan_tf.host.errors import InputError, InterruptedStartError

PLACES = LOOPBACK, NAMESPACES = ("loopback", "namespaces")
_LINK = "eth0"


class Host(NamedTuple):
    """Where a worker runs.

    Attributes:
      address: its IPv4 address.
      prefix: what stands before a command that is to run there.
    """

    address: str
    prefix: tuple[str, ...]


class Network:
    """Hosts, each with a link to all others.

    Attributes:
      hosts: where workers can run, by rank.
    """

    def __init__(self, number: int, stack: ExitStack) -> None:
        """Makes them; the stack removes them."""
        own = f"gan_tf-{os.getpid()}"
        self._names = [f"{own}-{rank}" for rank in range(number)]
        self.hosts: Sequence[Host] = [
            Host(f"10.77.0.{rank + 1}", ("ip", "netns", "exec", name))
            for rank, name in enumerate(self._names)
        ]
        hub = f"{own}-hub"
        for name in (hub, *self._names):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
        _ip("-n", hub, "link", "add", "hub", "type", "bridge")
        _ip("-n", hub, "link", "set", "hub", "up")
        for rank, (name, host) in enumerate(zip(self._names, self.hosts, strict=True)):
            end = f"w{rank}"
            pair = ("type", "veth", "peer", "name", _LINK, "netns", name)
            _ip("-n", hub, "link", "add", end, *pair)
            _ip("-n", hub, "link", "set", end, "master", "hub", "up")
            _ip("-n", name, "address", "add", f"{host.address}/24", "dev", _LINK)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", _LINK, "up")

    def cut(self, rank: int) -> None:
        """Takes a worker's link down."""
        _ip("-n", self._names[rank], "link", "set", _LINK, "down")

    def mend(self, rank: int) -> None:
        """Takes it up again."""
        _ip("-n", self._names[rank], "link", "set", _LINK, "up")


@contextlib.contextmanager
def network(number: int) -> Iterator[Network]:
    """Within it there is a network of so many hosts. It goes with whatever ends it, SIGTERM and
    SIGHUP included.

    Raises:
      InputError: this process may not make one.
    """
    if os.geteuid() or not shutil.which("ip"):
        raise InputError(_needs("this process is not root" if os.geteuid() else "there is no `ip`"))

    def end(number: int, frame: Any) -> None:
        raise InterruptedStartError(number)

    with ExitStack() as stack:
        for each in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(each) is not signal.SIG_IGN:
                stack.callback(signal.signal, each, signal.signal(each, end))
        yield Network(number, stack)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(_needs(f"`ip {' '.join(words)}` says {done.stderr.strip()}"))


def _needs(reason: str) -> str:
    return (
        f"--place={NAMESPACES}: needs root, and `ip` of iproute2, and {reason}; --place={LOOPBACK} "
        "needs neither"
    )
