"""Export a run's averaged generator as a SavedModel for TensorFlow and TF Serving."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from gan_tf import command_line
from gan_tf.errors import InputError
from gan_tf.knobs import knob


@dataclass(frozen=True)
class Options:
    """What to export, and to where."""

    run_dir: str | None = knob(None, "The run to export.", unit="a run directory")
    checkpoint: str = knob(
        "best",
        "Which of the run's checkpoints; best has the least Fréchet distance.",
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
    output: str | None = knob(
        None,
        "Parent directory of the numbered versions; RUN_DIR/export by default.",
        unit="a directory",
    )


def main(options: Options) -> str:
    """Publishes the next version and says where."""
    if options.run_dir is None:
        raise InputError("--run_dir: must name a run directory")
    if not re.fullmatch(r"best|last|\d{1,9}", options.checkpoint):
        raise InputError(f"--checkpoint={options.checkpoint}: must be best, last, or a step")
    from gan_tf import devices, run_directory
    from gan_tf.files import tensorflow_path

    run_dir = tensorflow_path("run_dir", options.run_dir)
    config = run_directory.read_config(run_dir)
    devices.start_tensorflow()
    from gan_tf import artefact

    checkpoint = artefact.find_checkpoint(run_dir, options.checkpoint)
    output = run_dir / "export"
    if options.output:
        output = tensorflow_path("output", options.output)
    formats = [name for name in ("onnx", "litert") if getattr(options, name)]
    return str(artefact.export(config, run_dir, checkpoint, output, options.precision, formats))


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, str(__doc__)))
