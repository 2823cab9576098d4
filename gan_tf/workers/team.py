"""What the workers of a run are to one another outside the compiled steps.

The chief, worker 0, decides: it tells the others what comes next, and they answer. Whatever ends
one of them ends all, each with one line that says what happened to whom. A worker that is lost
leaves the others waiting in the midst of a step, which nothing can finish; so they end at once, as
if they had been killed, and what is on the disk is what counts.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from etils import epy

from gan_tf.host.errors import InterruptedRunError
from gan_tf.workers import guard
from gan_tf.workers.connection import SILENCE, Arrays, Connection, LostError, Message
from gan_tf.workers.meeting import meet
from gan_tf.workers.place import Place

with epy.lazy_imports():
    import tensorflow as tf

Result = TypeVar("Result")

_GOES_ON = "the same command goes on from the last checkpoint"
_CONNECTING = 120.0  # Seconds.
_ORDERLY = (0, 75)  # Statuses at which every worker stands between two steps.


class Team:
    """The workers of a run, as one of them sees the others.

    Attributes:
      place: which worker this is.
    """

    def __init__(self, place: Place, connections: dict[int, Connection]) -> None:
        """Takes what `meet` gives, and begins to watch over the others."""
        self.place, self._connections = place, connections
        self._strategy: tf.distribute.Strategy | None = None  # Its servers live as long as it.
        self._over, self._lock = False, threading.Lock()
        self._standard_error = os.dup(2)  # The start of TensorFlow turns 2 away for a while.
        for rank, connection in connections.items():
            connection.watch(
                functools.partial(self._lost, rank), functools.partial(self._ended, rank)
            )

    @property
    def is_chief(self) -> bool:
        """Whether this is worker 0."""
        return self.place.rank == 0

    @property
    def share(self) -> tuple[int, int]:
        """Its rank, and how many workers there are."""
        return self.place.rank, self.place.number

    def connect(self) -> None:
        """Has TensorFlow connect its servers. Must be the first that this process does with it."""
        self._wait_for_all()
        spec = tf.train.ClusterSpec({"worker": list(self.place.addresses)})
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            spec, task_type="worker", task_id=self.place.rank, rpc_layer="grpc"
        )
        lost = {
            connection.number: f"gan_tf.train: {self.place.name(rank)} ended; {_GOES_ON}\n"
            for rank, connection in self._connections.items()
        }
        late = f"gan_tf.train: TensorFlow did not connect the workers in {_CONNECTING:.0f} s\n"
        with guard.beside(lost, _CONNECTING, late, self._standard_error):
            self._strategy = self.compute(
                lambda: tf.distribute.MultiWorkerMirroredStrategy(resolver)
            )

    def _wait_for_all(self) -> None:
        """Returns once all have imported TensorFlow, which takes seconds, and differs."""
        if self.is_chief:
            self.hear()
            self.tell({"imported": True})
        else:
            self.answer({"imported": True})
            self.told()

    def tell(self, words: Message, arrays: Arrays | None = None) -> None:
        """Tells all others what comes next: words and, behind them, arrays. The chief's."""
        for rank, connection in self._connections.items():
            with self._reaching(rank):
                connection.say(words)
                if arrays is not None:
                    connection.send(arrays)

    def told(self) -> Any:
        """Returns what the chief tells next; None once the run is done.

        Raises:
          InterruptedRunError: a worker was asked to stop, and the state is saved.
        """
        found = self._connections[0].next()
        if "end" not in found:
            return found
        if found["end"]:
            raise InterruptedRunError(found["line"])
        return None

    def answer(self, words: Message) -> None:
        """Answers the chief."""
        with self._reaching(0):
            self._connections[0].say(words)

    def give(self, arrays: Arrays) -> None:
        """Answers the chief with arrays."""
        with self._reaching(0):
            self._connections[0].send(arrays)

    def hear(self) -> list[Any]:
        """Returns the next answer of each other, in the order of their ranks; the chief's."""
        return [self._connections[rank].next() for rank in sorted(self._connections)]

    def compute(self, call: Callable[[], Result]) -> Result:
        """Returns what a call gives that needs the others."""
        try:
            return call()
        except tf.errors.OpError:
            # Most likely the end of another cut it short. Whose, the connection knows soon, and
            # ends this process; else the error is said.
            time.sleep(SILENCE + 5.0)
            raise

    def end(self, status: int, line: str) -> None:
        """Tells all others that this worker ends now, and why, unless another did."""
        if self._is_first_to_end():
            self._say_end(status, line)

    def _is_first_to_end(self) -> bool:
        with self._lock:
            first, self._over = not self._over, True
        return first

    def _say_end(self, status: int, line: str) -> None:
        for connection in self._connections.values():
            with contextlib.suppress(LostError):
                connection.say({"end": status, "line": line})

    @contextlib.contextmanager
    def _reaching(self, rank: int) -> Iterator[None]:
        try:
            yield
        except LostError as error:
            self._lost(rank, str(error))
            threading.Event().wait()  # Another thread ends this process.

    def _lost(self, rank: int, how: str) -> None:
        """Ends all, for one is gone."""
        self._leave(1, f"{self.place.name(rank)} {how}; {_GOES_ON}")

    def _ended(self, rank: int, message: Message) -> bool:
        """Whether a message says that its sender ends, in the midst of something."""
        if "end" not in message or (rank == 0 and message["end"] in _ORDERLY):
            return False
        self._leave(int(message["end"]), str(message["line"]))
        return True

    def _leave(self, status: int, line: str) -> None:
        """Ends this process, and says the same to the others."""
        if not self._is_first_to_end():
            return
        self._say_end(status, line)
        said = "".join(each if each.isprintable() else " " for each in line)
        bar = "\n" if self.is_chief else ""  # Of progress, which stands in the last line.
        with contextlib.suppress(OSError):
            os.write(self._standard_error, f"{bar}gan_tf.train: {said}\n".encode(errors="replace"))
        os._exit(status)


@contextlib.contextmanager
def joined(place: Place, about: Message, seconds: float) -> Iterator[Team]:
    """Within it, this process is one of the workers of a run; at its end the others know why.

    Args:
      place, about, seconds: see `meet`, which raises what goes wrong before the first step.
    """
    team = Team(place, meet(place, about, seconds))
    try:
        yield team
    except BaseException as error:
        status = int(getattr(error, "status", 1))
        line = str(error) or type(error).__name__
        team.end(status, line if status in _ORDERLY else f"{place.name(place.rank)}: {line}")
        raise
    team.end(0, "")
