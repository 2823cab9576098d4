"""Ask TensorFlow Serving for images of an exported generator, by REST or gRPC.

The image of a seed is always the same; a conditional model needs --labels or
--text, too. Examples:
python -m gan_tf.client --seeds=0,1,2 --output=three.png
python -m gan_tf.client --text=2026 --output=2026.png
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from gan_tf.config import command_line, sampling
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError
from gan_tf.serving import asking, remote
from gan_tf.serving.remote import Ask, Request

if TYPE_CHECKING:
    from gan_tf.report.pictures import Pixels

_ROWS = 64  # What scripts/serving/batching.config allows a request.
_CLASSES = 100_000  # More are no model's, but a broken server's.
_ROWS_OF_NUMBERS = 16  # A pixel by REST is a line of text, some 30 bytes.

# Of all pictures together: 64 pictures of 512x512 pixels fit, and, in RGBA, in base64 and however
# badly they compress, into the bytes that remote.py takes in.
_PIXELS = 64 * 512 * 512

Inputs = Mapping[str, Sequence[int] | Sequence[float]]


@dataclass(frozen=True)
class Options:
    """Whom to ask for what."""

    url: str = knob(
        "http://localhost:8501",
        "The server; http:// is REST (port 8501), grpc:// is gRPC (port 8500), which needs the "
        "extra serving.",
        unit="an address such as grpc://localhost:8500",
    )
    model: str = knob("gan_tf", "The model's name there.")
    version: int | None = knob(
        None, "Version of the model; the newest that is served by default.", low=1, high=2**31 - 1
    )
    seeds: str | None = knob(
        None,
        "Seeds of the images; 0 by default, or 0,1,2 and so on, as many as --labels or --text "
        "asks for.",
        unit="whole numbers and commas, as in 0,1,2",
    )
    labels: str | None = knob(
        None,
        "Classes to draw, of a conditional model, each of the seed in its place; all is a row "
        "for each class, every row of the same seeds.",
        unit="names of classes and commas, or all",
    )
    text: str | None = sampling.text()
    truncation: float = sampling.truncation()
    output: str = knob(
        "served.png", "Where the images go, as a grid.", unit="a path that ends in .png"
    )
    timeout: float = knob(
        30.0, "Seconds for the whole answer, all requests together.", low=0.1, high=3600.0
    )


def main(options: Options) -> str:
    """Writes the images and says where.

    Raises:
      InputError: a flag or an answer cannot be used; nothing was written.
    """
    asking.check(options.labels, options.text)
    address, seeds = _address(options.url), _seeds(options.seeds)
    from gan_tf.host.files import user_path
    from gan_tf.training import run_directory

    output = user_path("output", options.output)
    if output.suffix.lower() != ".png":
        raise InputError(f"--output={output}: must be a path that ends in .png")
    if output.is_dir():
        raise InputError(f"--output={output}: is a directory; it must be a file")
    run_directory.spare("output", output)
    server = remote.Server(address, options.model, options.version, options.timeout)
    ask = server.asked()
    end = time.monotonic() + options.timeout
    with _named(options):
        conditional = options.labels is not None or options.text is not None
        names = _classes(ask, end) if conditional else []
    inputs, columns = _inputs(options, seeds, names)
    from gan_tf.report import pictures

    with _named(options):
        images = _images(ask, inputs, options.truncation, end)
    pictures.write_grid(output, images, columns)
    return str(output)


@contextlib.contextmanager
def _named(options: Options) -> Iterator[None]:
    """Names the server in what is said of its answers."""
    try:
        yield
    except TimeoutError:
        late = f"no whole answer within {options.timeout:g} s; --timeout can give it longer"
        raise InputError(f"--url={options.url}: {late}") from None
    except InputError as error:
        raise InputError(f"--url={options.url}: {str(error)[:500]}") from None


def _address(url: str) -> SplitResult:
    """The parts of --url."""
    with contextlib.suppress(ValueError):  # The port is no number, for example.
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https", "grpc") and parts.hostname and parts.port != 0
        if known and not (parts.query or parts.fragment):  # The model's path goes behind it.
            return parts
    raise InputError(
        f"--url={url}: must be http://HOST:PORT, https://HOST:PORT or grpc://HOST:PORT"
    )


def _seeds(text: str | None) -> list[int]:
    """The numbers of --seeds, each an int64; none without it."""
    if text is None:
        return []
    whole = re.fullmatch(r"-?[0-9]{1,19}(,-?[0-9]{1,19})*", text)
    found = [int(seed) for seed in text.split(",")] if whole else []
    if not found or min(found) < -(2**63) or max(found) >= 2**63:
        raise InputError(
            f"--seeds={text}: must be whole numbers from -2^63 to 2^63 - 1 and commas, as in 0,1,2"
        )
    return found


def _classes(ask: Ask, end: float) -> list[str]:
    """What the classes of the model there are called; `end` is a time of time.monotonic()."""
    request = Request("classes", {"labels": [0]}, "names", end - time.monotonic())
    try:
        names = [name.decode(errors="replace") for name in ask.strings(request)]
    except remote.RefusedError as error:
        raise InputError(f"{error} (--labels and --text need a conditional model)") from None
    if not names:
        raise InputError("answered no names of classes")
    if len(names) > _CLASSES:
        raise InputError(f"answered {len(names):,} names of classes; {_CLASSES:,} can be asked for")
    return names


def _inputs(
    options: Options, seeds: Sequence[int], names: Sequence[str]
) -> tuple[Inputs, int | None]:
    """Seeds, and labels of a conditional model, and the columns of the grid."""
    if not names:
        return {"seeds": seeds or [0]}, None
    columns = len(seeds) or asking.COLUMNS
    asked = asking.find(options.labels, options.text, names, columns=columns)
    if len(seeds) > len(asked.labels):
        asked = asking.find(options.labels, options.text, names, len(seeds))
    seeds = seeds or range(len(asked.places))
    each = [seeds[place % len(seeds)] for place in asked.places]
    return {"seeds": each, "labels": asked.labels}, asked.columns


def _images(ask: Ask, inputs: Inputs, truncation: float, end: float) -> Pixels:
    """The images of inputs, uint8 [N, H, W, C]."""
    import numpy as np

    images: list[Pixels] = []
    number = len(inputs["seeds"])
    answer, rows = _pngs, _ROWS
    if truncation != 1.0:  # Only then, for an older export has no such signature.
        answer, rows = _truncated, _ROWS_OF_NUMBERS
        inputs = {**inputs, "truncations": [truncation] * number}
    for start in range(0, number, rows):
        some = {name: numbers[start : start + rows] for name, numbers in inputs.items()}
        images += answer(ask, some, _PIXELS // number, end - time.monotonic())
    if len({image.shape for image in images}) > 1:
        raise InputError("answered pictures of more than one size, which make no grid")
    return np.stack(images)


def _pngs(ask: Ask, inputs: Inputs, most: int, seconds: float) -> list[Pixels]:
    """Images as they are, which come as PNGs."""
    from gan_tf.report import pictures

    pngs = ask.strings(Request("generate_png", inputs, "png_bytes", seconds))
    _check_number(pngs, inputs)  # Before they are unpacked.
    return [pictures.read_png(png, most) for png in pngs]


def _truncated(ask: Ask, inputs: Inputs, most: int, seconds: float) -> list[Pixels]:
    """Images of latents nearer to their mean or farther from it, which come as numbers."""
    name = "generate_truncated"
    try:
        found = ask.images(Request(name, inputs, "images", seconds), most)
    except remote.RefusedError as error:
        if name not in str(error):
            raise
        raise InputError(
            f"the model there has no signature {name}, which --truncation asks; export it anew"
        ) from None
    _check_number(found, inputs)
    return list(found)


def _check_number(found: Sized, inputs: Inputs) -> None:
    """Raises InputError unless there is a picture for each seed."""
    if len(found) != len(inputs["seeds"]):
        raise InputError(f"answered {len(found)} pictures for {len(inputs['seeds'])} seeds")


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
