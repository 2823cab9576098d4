"""One connection between two workers: messages, and a sign of life every second.

A message is a line of JSON or named arrays; nothing is ever unpickled. Whoever is silent for
SILENCE seconds counts as lost, whether it was stopped or the network was cut.
"""

from __future__ import annotations

import io
import json
import queue
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[np.generic]]
Message = dict[str, Any]

SILENCE = 20.0  # Seconds without a sign of life after which a worker is lost.
_BEAT = 1.0  # Seconds between two signs of life.
_HEAD = struct.Struct("!cQ")  # The kind of what follows, and its bytes.
_LIFE, _WORDS, _ARRAYS = b".", b"w", b"a"
_PART = 2**20  # Bytes that the other end must take in that time.
_MOST = {_LIFE: 0, _WORDS: 2**20, _ARRAYS: 2**36}


class LostError(Exception):
    """The other end is gone; the message says how."""


class Connection:
    """Sends and receives messages, each whole and in their order."""

    def __init__(self, link: socket.socket) -> None:
        """Takes a socket that is connected; its timeout bounds each wait until `watch`."""
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link, self._sending = link, threading.Lock()
        self._received: queue.Queue[Any] = queue.Queue()

    def watch(self, lost: Callable[[str], None], ended: Callable[[Message], bool]) -> None:
        """Receives from now on in a thread, and gives signs of life in another.

        Args:
          lost: called once the other end is gone, with how.
          ended: called with each message of words; True if it was meant for it alone.
        """

        self._link.settimeout(SILENCE)

        def receive() -> None:
            try:
                while True:
                    message = self.receive()
                    if not isinstance(message, dict) or not ended(message):
                        self._received.put(message)
            except LostError as error:
                lost(str(error))
            except MemoryError:
                lost("sent more than there is memory for here")
            except BaseException as error:  # Whatever it is: nobody would hear the other end again.
                lost(f"sent what nobody understands here ({type(error).__name__})")

        for name, work in (("hears", receive), ("beats", self._beat)):
            threading.Thread(target=work, name=f"gan_tf-{name}", daemon=True).start()

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(_BEAT):
            if self._sending.acquire(blocking=False):  # Else a message is on its way: life enough.
                try:
                    self._link.sendall(_HEAD.pack(_LIFE, 0))
                except OSError:
                    return  # The other thread finds out why.
                finally:
                    self._sending.release()

    @property
    def number(self) -> int:
        """The socket's, as the system knows it."""
        return self._link.fileno()

    def next(self) -> Any:
        """Returns the next message that `watch` received, once there is one."""
        return self._received.get()

    def say(self, words: Mapping[str, Any]) -> None:
        """Sends words; LostError if nobody takes them."""
        self._send(_WORDS, json.dumps(words).encode())

    def send(self, arrays: Arrays) -> None:
        """Sends arrays; LostError if nobody takes them."""
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        self._send(_ARRAYS, content.getbuffer())

    def _send(self, kind: bytes, content: bytes | memoryview) -> None:
        try:
            with self._sending:
                self._link.sendall(_HEAD.pack(kind, len(content)))
                for start in range(0, len(content), _PART):
                    self._link.sendall(content[start : start + _PART])
        except OSError as error:
            raise LostError(_why(error)) from None

    def receive(self) -> Any:
        """Returns the next message from the socket; LostError if none comes."""
        while True:
            kind, size = _HEAD.unpack(self._read(_HEAD.size))
            if size > _MOST.get(kind, -1):
                raise LostError("says what no worker says")
            content = self._read(size)
            if kind == _WORDS:
                return json.loads(content)
            if kind == _ARRAYS:
                with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                    return dict(arrays)

    def _read(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._link.recv(min(size - len(parts), _PART))
            except OSError as error:
                raise LostError(_why(error)) from None
            if not part:
                raise LostError("ended")
            parts += part
        return bytes(parts)

    def close(self) -> None:
        """Says no more."""
        self._link.close()


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"gave no sign of life for {SILENCE:.0f} s"
    return "ended"
