"""Trains the presets one after the other and writes what each reached as one table.

Every run is a command of its own, so that its figures are those of a user; a run that
is cut off goes on where it was, and a preset that is done is not trained again.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from etils import epy

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.evaluation import parzen
from gan_tf.host import files, process
from gan_tf.host.errors import InputError, TrainingFailedError
from gan_tf.report import pictures
from gan_tf.training import health

# In the order of the sources' age; what each author says of the result.
CLAIMS = {
    "paper_2014": "Parzen-window log-likelihood 225 +- 2",
    "conditional_2014": "Parzen-window log-likelihood 132 +- 1.8",
    "noise_classifier": "100 % of 10,000 + 10,000 held-out images told apart",
    "step_by_step": "sometimes all images look bad and nothing improves",
    "label_smoothing": "digits such as 1, 7, 3 and 2 are recognisable",
    "bells_and_whistles": "same seed, same result",
    "tensorflow_notebook": "names collapse and a too strong D as its failures",
    "lightning_cnn": "digits take shape from epoch 4",
    "tensorflow_tutorial": "no result stated",
    "r3gan": "FID 1.96 on CIFAR-10; no figure of MNIST",
    "mlp": "ours",
    "dcgan": "ours, the default",
}
INTERRUPTED = 75

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    import keras

    from gan_tf.game import losses
    from gan_tf.serving import servable
    from gan_tf.training import build, exporting, metrics, run_directory


@dataclasses.dataclass(frozen=True)
class Options:
    """Which presets, how long, and to where."""

    presets: str = knob("all", "Presets to run.", unit="all, or names between commas")
    steps: int | None = knob(
        None, "Length of every run, instead of the preset's own.", unit="steps", low=1, high=10**8
    )
    minutes: float = knob(60.0, "When to cut a run; the table says so.", low=0.01, high=1e5)
    samples: int = knob(
        10_000, "Samples that are judged, of each of 3 seeds.", unit="images", low=100, high=10_000
    )
    runs_dir: str = knob("runs/reproduce", "Where the runs go.", unit="a directory")
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    output: str = knob(
        "runs/reproduce/table.md", "The table, as Markdown; pictures lie beside it.", unit="a file"
    )


def main(options: Options) -> str:
    """Runs what is left to run and writes the table anew after each preset."""
    chosen = list(CLAIMS) if options.presets == "all" else options.presets.split(",")
    for name in chosen:
        if name not in CLAIMS:
            raise InputError(f"--presets={options.presets}: {name} is none of {', '.join(CLAIMS)}")
    process.start_tensorflow()
    output = Path(options.output)
    rows = earlier(output)
    for name in CLAIMS:
        run_dir = Path(options.runs_dir) / name
        if name in chosen:
            print(f"{name}: {time.strftime('%H:%M')}", file=sys.stderr, flush=True)
            status = train(name, run_dir, options)
            rows[name] = row(name, run_dir, status, options, output.parent)
            files.write_text(output, table([rows[each] for each in CLAIMS if each in rows]))
            print(rows[name], file=sys.stderr, flush=True)
    return str(output)


def earlier(output: Path) -> dict[str, str]:
    """The rows of a table that is there, by the preset; what is not asked for now stays in it."""
    lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
    return {name: each for name in CLAIMS for each in lines if each.startswith(f"| `{name}` |")}


def train(name: str, run_dir: Path, options: Options) -> str:
    """Trains a preset in a process of its own; returns `done`, `cut` or why it failed."""
    command = [sys.executable, "-m", "gan_tf.train", f"--preset={name}", f"--run_dir={run_dir}"]
    command += [f"--steps={options.steps}"] if options.steps else []
    command += [f"--data_dir={options.data_dir}"] if options.data_dir else []
    left = 60 * options.minutes - seconds(run_dir)
    if left <= 0 and not (run_dir / "result.json").exists():
        return "cut"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        try:
            _, errors = child.communicate(timeout=max(left, 60.0))
        except subprocess.TimeoutExpired:
            child.terminate()  # It saves first.
            _, errors = child.communicate()
        except KeyboardInterrupt:
            child.wait()
            raise
    if child.returncode == INTERRUPTED:
        return "cut"
    if child.returncode == 1:
        return "failed: " + errors.decode().strip().splitlines()[-1].partition(": ")[2]
    if child.returncode:
        raise TrainingFailedError(errors.decode().strip().splitlines()[-1])
    return "done"


def lines(run_dir: Path) -> list[dict[str, Any]]:
    """The run's metrics so far."""
    return metrics.read_metrics(run_dir / "metrics.jsonl")


def seconds(run_dir: Path) -> float:
    """Seconds of training behind a run."""
    found = lines(run_dir)
    before = sum(float(each["seconds"]) for each in run_directory.attempts_given_up(run_dir))
    return before + (float(found[-1]["seconds"]) if found else 0.0)


def row(name: str, run_dir: Path, status: str, options: Options, directory: Path) -> str:
    """One line of the table; its picture is written into the table's directory."""
    found = lines(run_dir)
    if not found:
        return f"| `{name}` | {CLAIMS[name]} | {status} |" + " - |" * 6
    last = found[-1]
    found = [line for line in found if line["attempt"] == last["attempt"]]
    measured = [] if status == "done" else [status]
    loss = run_directory.read(run_dir).config.loss
    measured.append(of_d(loss, accuracy(run_dir, last)))
    if "jensen_shannon" in last:
        measured.append(f"JSD {last['jensen_shannon']:.2f}")
    try:
        saved_model = exporting.export_best(run_dir)  # The best so far, if it was cut.
    except InputError:  # It failed before there was anything to keep.
        return f"| `{name}` | {CLAIMS[name]} | {status} |" + " - |" * 6
    exported = servable.load(saved_model)
    pixels = exported.sample(options.samples, seed=0)
    pictures.write_grid(directory / f"{name}.png", pixels[:16])
    quality = ["-"] * 3
    if run_directory.read(run_dir).config.evaluate_every:
        card = scorecard(run_dir, saved_model, options)
        quality = [
            f"{card['frechet_distance']['value']:.2f}",
            f"{100 * card['confident_share']['value']:.0f} %",
            f"{card['precision']['value']:.2f} / {card['recall']['value']:.2f}",
        ]
        measured += [log_likelihood(run_dir, pixels)]
        masked = through_masks(run_dir, exported, options.samples)
        if masked is not None:
            pictures.write_grid(directory / f"{name}-masks.png", masked[:16])
            measured += [f"with G's masks {log_likelihood(run_dir, masked)}"]
        measured += [verdicts(found)]
    cells = [f"`{name}`", CLAIMS[name], *quality, "; ".join(measured)]
    cells += [f"{last['step']:,}", f"{last['seconds'] / 60:.0f}", f"![{name}]({name}.png)"]
    return f"| {' | '.join(cells)} |"


def scorecard(run_dir: Path, saved_model: Path, options: Options) -> dict[str, Any]:
    """What the evaluate command says of a SavedModel, kept beside the run."""
    output = run_dir / "evaluation.json"
    known = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    if (known.get("saved_model"), known.get("num")) != (
        str(saved_model.absolute()),
        options.samples,
    ):
        command = [sys.executable, "-m", "gan_tf.evaluate", f"--saved_model={saved_model}"]
        command += [f"--data_dir={run_directory.read(run_dir).config.data_dir}"]
        command += [f"--num={options.samples}", f"--output={output}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        known = json.loads(output.read_text(encoding="utf-8"))
    return dict(known)


def verdicts(found: list[dict[str, Any]]) -> str:
    """What is wrong with a run by its evaluations: the first verdict of each kind."""
    evaluated = [line for line in found if "frechet_distance" in line]
    first: dict[str, int] = {}
    for end in range(1, len(evaluated) + 1):
        if verdict := health.verdict(evaluated[:end]):
            first.setdefault(verdict.kind, evaluated[end - 1]["step"])
    return ", ".join(f"{kind} from step {step:,}" for kind, step in first.items()) or "healthy"


def accuracy(run_dir: Path, last: dict[str, Any]) -> float:
    """D's held-out accuracy: at its end if the run has ended, else a log line's."""
    result = run_dir / "result.json"
    if result.exists():
        found = json.loads(result.read_text(encoding="utf-8"))
        return float(found.get("discriminator_accuracy", last["d_accuracy"]))
    return float(last["d_accuracy"])


def of_d(loss: str, share: float) -> str:
    """D's accuracy in words; of a loss that compares, D is right about pairs."""
    if losses.LOSSES[loss].signed:
        return f"D classifies {100 * share:.0f} % correctly"
    return f"D puts {100 * share:.0f} % of held-out images above a fresh fake"


def log_likelihood(run_dir: Path, pixels: np.ndarray) -> str:
    """The Parzen-window log-likelihood of MNIST's test set, sigma chosen on training images."""
    data = build.dataset(run_directory.read(run_dir).config)
    test, validation, drawn = (
        each.reshape(len(each), -1).astype(np.float32) / 255.0
        for each in (
            data.split("test").images,
            data.split("train").images[-1_000:],
            pixels,
        )
    )
    mean, error, sigma = parzen.parzen(test, validation, drawn)
    return f"Parzen {mean:.0f} +- {error:.1f} (sigma {sigma:.2f})"


def through_masks(run_dir: Path, exported: servable.Servable, num: int) -> np.ndarray | None:
    """Samples of a run's best G through the masks of its dropout, as D sees them in training:
    pixels `[num, H, W, C]` of the export's latents and labels. None if G has no dropout."""
    checkpoint = exporting.find_checkpoint(run_dir, "best")
    generator = exporting.load_networks(run_directory.read(run_dir), checkpoint).generator
    dropouts = keras.layers.Dropout, keras.layers.SpatialDropout2D
    if not any(isinstance(layer, dropouts) for layer in generator.layers):
        return None
    latents, labels = exported.latents(num, 0), exported.labels(num, 0)
    parts = []
    for start in range(0, num, 500):
        inputs = [each[start : start + 500] for each in (latents, labels) if each is not None]
        parts.append(generator(inputs if len(inputs) > 1 else inputs[0], training=True).numpy())
    return np.rint((np.concatenate(parts) + 1.0) * 127.5).astype(np.uint8)


def table(rows: list[str]) -> str:
    """The rows under their head."""
    head = "| preset | its author says | Fréchet distance | recognised | precision / recall | "
    head += "also | steps | minutes | samples |"
    return "\n".join([head, "|---" * 9 + "|", *rows]) + "\n"


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
