"""How the workers of a run find one another, in bounded time, before TensorFlow connects them.

The chief listens at its own address until everybody has come, and then leaves that address to
TensorFlow's server. The connections stay.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time

from gan_tf.host.errors import InputError, TrainingFailedError
from gan_tf.workers.connection import Connection, LostError, Message
from gan_tf.workers.place import Place

_HELLO = 5.0  # Seconds that somebody who connects has to say who it is.
_AGAIN = 0.2  # Seconds between two tries to reach the chief.


def meet(place: Place, about: Message, seconds: float) -> dict[int, Connection]:
    """Returns the connections of a worker by rank: the chief's to all others, or to the chief.

    Args:
      place: which worker this is.
      about: what must be the same for all, by its name.
      seconds: how long to wait for the others.

    Raises:
      InputError: the own address cannot be had, or `about` differs.
      TrainingFailedError: somebody did not come in time.
    """
    deadline = time.monotonic() + seconds
    with _listen(place, deadline) as own:
        if place.rank:
            own.close()  # It was only to see whether it can be had.
            return {0: _find_chief(place, about, deadline, seconds)}
        return _gather(place, about, own, deadline, seconds)


def _listen(place: Place, deadline: float) -> socket.socket:
    """Listens at the own address."""
    host, port = place.addresses[place.rank].split(":")
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind((_resolved(host, deadline), int(port)))
        own.listen(place.number)
    except OSError as error:
        own.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "another process has this port" if taken else error.strerror
        raise InputError(
            f"{place.name(place.rank)}: cannot listen there: {reason}; give it an address of this "
            "machine and a free port"
        ) from None
    return own


def _resolved(host: str, deadline: float) -> str:
    """The number of a host, whose name may be made known only now."""
    while True:
        try:
            return socket.gethostbyname(host)
        except socket.gaierror:
            if time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)


def _gather(
    place: Place, about: Message, own: socket.socket, deadline: float, seconds: float
) -> dict[int, Connection]:
    found: dict[int, Connection] = {}
    try:
        while len(found) < place.number - 1:
            own.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                link, _ = own.accept()
            except TimeoutError:
                raise TrainingFailedError(_missing(place, found, seconds)) from None
            link.settimeout(_HELLO)
            connection = Connection(link)
            hello = _words(connection)
            if hello.get("rank") not in range(1, place.number) or hello["rank"] in found:
                connection.close()  # A stranger, whom nothing is told.
                continue
            found[hello["rank"]] = connection
            _compare(place, hello["rank"], about, hello.get("about") or {})
        for rank, connection in found.items():
            try:
                connection.say({"go": True})
            except LostError as error:
                raise TrainingFailedError(f"{place.name(rank)} {error} before the start") from None
    except (InputError, TrainingFailedError) as error:
        for connection in found.values():
            with contextlib.suppress(LostError):
                connection.say({"end": error.status, "line": str(error)})
            connection.close()
        raise
    return found


def _missing(place: Place, found: dict[int, Connection], seconds: float) -> str:
    missing = [rank for rank in range(1, place.number) if rank not in found]
    who = ", ".join(place.name(rank) for rank in missing)
    return f"{who} did not come within {seconds:g} s (--start_timeout); is it started?"


def _compare(place: Place, rank: int, mine: Message, theirs: Message) -> None:
    """Raises InputError if a worker is not of the same run."""
    for name in [*mine, *(theirs.keys() - mine.keys())]:
        if mine.get(name) != theirs.get(name):
            raise InputError(
                f"{place.name(rank)} has {name}={theirs.get(name)}, and {place.name(0)} has "
                f"{mine.get(name)}; all workers must have the same"
            )


def _find_chief(place: Place, about: Message, deadline: float, seconds: float) -> Connection:
    host, port = place.addresses[0].split(":")
    while (left := deadline - time.monotonic()) > 0:
        try:
            link = socket.create_connection((host, int(port)), timeout=min(_HELLO, left))
        except OSError:  # It has not begun to listen, or its name is not known yet.
            time.sleep(_AGAIN)
            continue
        # The chief may have begun to wait later, and says so itself when it waits no more.
        link.settimeout(seconds + _HELLO)
        connection = Connection(link)
        with contextlib.suppress(LostError):
            connection.say({"rank": place.rank, "about": about})
        answer = _words(connection)
        if "end" in answer:
            raise (InputError if answer["end"] == 2 else TrainingFailedError)(answer["line"])
        if "go" in answer:
            return connection
        connection.close()
        time.sleep(_AGAIN)
    raise TrainingFailedError(
        f"{place.name(0)} did not answer within {seconds:g} s (--start_timeout); is it started?"
    )


def _words(connection: Connection) -> Message:
    """What the other end says first; nothing if it is no worker, or about to leave."""
    try:
        message = connection.receive()
    except (LostError, ValueError):
        return {}
    return message if isinstance(message, dict) else {}
