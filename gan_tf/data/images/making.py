"""From a source to a stream of images, and a record of what it held."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from gan_tf.data.images import idx, labels, parallel, record, sources
from gan_tf.data.images.arrays import Arrays
from gan_tf.data.images.decoding import LeftOutError, Square, decode, fit
from gan_tf.data.images.labels import Labels
from gan_tf.data.images.opening import Material
from gan_tf.data.images.record import Record
from gan_tf.data.images.sources import Entry, Source
from gan_tf.data.images.splitting import Image, Seen
from gan_tf.data.images.survey import Survey, looker
from gan_tf.data.images.wanted import Wanted
from gan_tf.data.rows import ReadError, Rows
from gan_tf.host import progress
from gan_tf.host.errors import InputError


class Item(NamedTuple):
    """An image to be made.

    Attributes:
      name: of its file.
      label: its class.
      pixels: what it is made from, if that is no file of its own.
    """

    name: str
    label: int
    pixels: npt.NDArray[np.uint8] | None = None


class Done(NamedTuple):
    """What became of an item.

    Attributes:
      item: the item.
      content: the digest of what it was made from.
      square: the picture; None where it is left out.
      left_out: the reason for that.
    """

    item: Item
    content: bytes
    square: Square | None
    left_out: str = ""


@dataclass(frozen=True)
class Made:
    """A source that was looked at.

    Attributes:
      given: what its user calls it.
      record: what is known of it; `images` adds to it.
    """

    given: str
    record: Record
    _items: Callable[[], Iterable[Item]]
    _read: Callable[[str], bytes]

    def images(self) -> Generator[Image]:
        """Yields its images, each content once; InputError if they are fewer than two."""
        kept, seen, classes = self.record, Seen(), Seen()
        work = parallel.ordered(self._make, self._items())
        for done in progress.shown(work, "Importing", kept.survey.images):
            if done.square is None:
                kept.survey.left_out[done.item.name] = done.left_out
                continue
            of_class = hashlib.sha256(b"%d %b" % (done.item.label, done.content)).digest()
            is_first, is_first_of_class = seen.add(done.content), classes.add(of_class)
            if not is_first:
                kept.duplicates += 1
                kept.elsewhere += is_first_of_class
            else:
                kept.enlarged += done.square.enlarged
                yield Image(done.content, done.square.pixels, done.item.label)
        _check(self.given, len(seen), kept.survey, kept.duplicates)

    def _make(self, item: Item) -> Done:
        """Makes an image; runs in several threads."""
        wish, content = self.record, b""
        try:
            if item.pixels is None:
                read = self._read(item.name)
                content = hashlib.sha256(read).digest()
                square = decode(read, wish.image_size, wish.channels, wish.wanted)
            else:
                content = hashlib.sha256(item.pixels.tobytes()).digest()
                pixels = item.pixels[..., 0] if item.pixels.shape[2:] == (1,) else item.pixels
                picture = Pillow.fromarray(np.ascontiguousarray(pixels))
                square = fit(picture, wish.image_size, wish.channels, wish.wanted)
        except LeftOutError as error:
            return Done(item, content, None, str(error))
        return Done(item, content, square)


def prepare(given: Material, listing: Iterable[Entry], wanted: Wanted) -> Made:
    """Looks at a source, and decides what its images are to be.

    Args:
      given: the source.
      listing: its listing, to be looped over again and again.
      wanted: what is wished.

    Raises:
      InputError: it holds fewer than two images, or labels for some alone.
    """
    content = given.content()
    if isinstance(content, Arrays):
        survey, found = content.survey(), content.find_labels(wanted)
        _check(given.given, survey.images, survey)
        about = _record(given, wanted, survey, found)
        return Made(given.given, about, lambda: _rows(given.given, content, found), _no_file)
    survey = Survey()

    def members() -> Iterable[Entry]:
        own = content.members()
        return listing if own is None else own

    looked = parallel.ordered(looker(content), members())
    for each in progress.shown(looked, "Looking at files", None):
        survey.add(each)
    _check(given.given, survey.images, survey)
    found = labels.find(content, survey.pictures(members()), survey, wanted)
    return Made(
        given.given,
        _record(given, wanted, survey, found),
        lambda: _items(content, survey.pictures(members()), survey, found),
        lambda name: sources.read(content, name),
    )


def _record(given: Material, wanted: Wanted, survey: Survey, found: Labels) -> Record:
    size, channels = survey.image_size(wanted), survey.channels(wanted)
    return Record(given.told, wanted, survey, found, size, channels)


def _items(source: Source, names: Iterable[str], survey: Survey, found: Labels) -> Iterator[Item]:
    """Yields the images of files, those of an IDX file one by one."""
    number = {name: label for label, name in enumerate(found.classes)}
    for name in names:
        if name not in survey.idx:
            yield Item(name, number.get(found.of(name) or "", 0))
            continue
        own = found.idx.get(name)
        try:
            for row, pixels in enumerate(idx.images(source, name)):
                label = found.of(name) if own is None else str(own[row])
                yield Item(name, number.get(label or "", 0), pixels)
        except LeftOutError as error:
            survey.left_out[name] = str(error)


def _rows(given: str, content: Arrays, found: Labels) -> Iterator[Item]:
    """Yields the images of an array; InputError if its file became shorter meanwhile."""
    number = {name: label for label, name in enumerate(found.classes)}
    try:
        rows = Rows(content.images)
        for row in range(len(rows)):
            label = str(content.labels[row]) if content.labels is not None else ""
            yield Item(f"[{row}]", number.get(label, 0), rows[row : row + 1][0])
    except ReadError:
        raise InputError(
            f"--images={sources.shown(given)}: became shorter while it was imported, or cannot be "
            "read; give it again once it is whole"
        ) from None


def _no_file(name: str) -> bytes:
    raise LeftOutError("is no file")


def _check(given: str, images: int, survey: Survey, duplicates: int = 0) -> None:
    """Raises InputError unless there are two images, and says what was found instead."""
    if images < 2:
        holds = "one image that can be read" if images else "no image that can be read"
        holds += f" and {duplicates:,} more of the same content" * bool(duplicates)
        why = f" ({record.summary(survey.left_out)})" if survey.left_out else ""
        raise InputError(
            f"--images={sources.shown(given)}: holds {holds}, and 2 are needed at least{why}"
        )
