"""Export a run's averaged generator as a SavedModel for TensorFlow and TF Serving."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError
from gan_tf.models import PRETRAINED

if TYPE_CHECKING:
    from pathlib import Path

_MAIL = 20  # MB, of an attachment.


@dataclass(frozen=True)
class Options:
    """What to export, and to where."""

    run_dir: str | None = knob(None, "The run to export.", unit="a run directory")
    pretrained: str | None = knob(
        None,
        "Export a generator that comes with the package instead, below --output.",
        choices=PRETRAINED,
    )
    checkpoint: str = knob(
        "best",
        "Which of the run's checkpoints; best is that of the best evaluation.",
        unit="best, last, or the step of a checkpoint kept",
    )
    precision: str = knob(
        "float32",
        "Arithmetic of the export. bfloat16 is faster where the processor computes in it, and "
        "coarser; the weights are float32 in both.",
        choices=("float32", "bfloat16"),
    )
    onnx: bool = knob(
        False,
        "Also write serving_default as ONNX, to assets.extra/generator.onnx of the version; "
        "needs the extra onnx.",
    )
    litert: bool = knob(
        False,
        "Also write serving_default for LiteRT (TensorFlow Lite), to "
        "assets.extra/generator.tflite of the version.",
    )
    web: bool = knob(
        False,
        "Also write a page that runs the networks in a browser, to assets.extra/web.html of the "
        "version, one file that opens from disk, and to assets.extra/web, a folder for a web "
        "server; needs the extra onnx.",
    )
    output: str | None = knob(
        None,
        "Parent directory of the numbered versions; RUN_DIR/export by default.",
        unit="a directory",
    )


def main(options: Options) -> str:
    """Publishes the next version and says where."""
    if (options.run_dir is None) == (options.pretrained is None):
        raise InputError(
            "--run_dir: must name a run directory, or --pretrained=mnist stand instead"
        )
    if options.pretrained and options.output is None:
        raise InputError(f"--pretrained={options.pretrained}: needs --output=DIR to go to")
    if options.pretrained and options.precision != "float32":
        raise InputError(
            f"--precision={options.precision}: --pretrained={options.pretrained} is exported in "
            "float32; leave it out"
        )
    if options.pretrained and options.checkpoint != "best":
        raise InputError(
            f"--checkpoint={options.checkpoint}: --pretrained={options.pretrained} has one state; "
            "leave it out"
        )
    if not re.fullmatch(r"best|last|\d{1,9}", options.checkpoint):
        raise InputError(f"--checkpoint={options.checkpoint}: must be best, last, or a step")
    if options.web and options.precision != "float32":
        raise InputError(
            f"--precision={options.precision}: --web computes in float32; leave one of them out"
        )
    version = _pretrained(options) if options.pretrained else _of_run(options)
    if options.web:
        page = version / "assets.extra" / "web.html"
        size = page.stat().st_size / 1e6
        much = "" if size <= _MAIL else f", more than the {_MAIL} MB that most mail servers take"
        print(f"The page, one file of {size:.1f} MB{much}: {page}", file=sys.stderr)
        print(f"The same for a web server, a folder: {page.with_suffix('')}", file=sys.stderr)
    return str(version)


def _of_run(options: Options) -> Path:
    from gan_tf.host import process
    from gan_tf.host.files import tensorflow_path
    from gan_tf.training import run_directory

    run_dir = tensorflow_path("run_dir", str(options.run_dir))
    run_directory.read(run_dir)
    process.start_tensorflow()
    from gan_tf.training import exporting

    checkpoint = exporting.find_checkpoint(run_dir, options.checkpoint)
    output = run_dir / "export"
    if options.output:
        output = tensorflow_path("output", options.output)
        if output.resolve() != (run_dir / "export").resolve():
            run_directory.spare("output", output, below="1")
    return exporting.export(
        run_dir, checkpoint, output, precision=options.precision, formats=_formats(options)
    )


def _pretrained(options: Options) -> Path:
    from gan_tf.host import process
    from gan_tf.host.files import tensorflow_path
    from gan_tf.training import run_directory

    name, output = str(options.pretrained), tensorflow_path("output", str(options.output))
    run_directory.spare("output", output, below="1")
    process.start_tensorflow()
    from gan_tf.serving import pretrained
    from gan_tf.training import card, words

    about = pretrained.metadata(name)
    text = card.text(about, words.command(about["config"]))
    return pretrained.export(name, output, _formats(options), text)


def _formats(options: Options) -> list[str]:
    """The other formats that are asked for."""
    from gan_tf.serving.formats import CONVERTERS

    return [name for name in CONVERTERS if getattr(options, name)]


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
