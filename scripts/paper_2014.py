"""Does again what "Generative Adversarial Nets" (Goodfellow et al., 2014) shows, and writes a page.

Parts: toy is figure 1 and theorem 1 in one dimension; digits trains the authors' networks,
keeps the generator that makes validation images likeliest, judges it once on the test images, and
draws figures 2 and 3; course says how far that likelihood has come in a run, which need not be at
its end; order compares orders of updates; differences tries what might set our networks apart from
the authors'; limits trains a run until more of the same does not help, and from there on with one
thing changed at a time. What a part finds goes on record, and the page is made from that. A run
that was cut off goes on.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import paper_2014_page as page
from commands import FAILED, run
from etils import epy

from gan_tf.config import Config, command_line
from gan_tf.config.knobs import knob
from gan_tf.host import files, process
from gan_tf.host.errors import InputError, TrainingFailedError

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    import benchmark
    import numpy as np
    import paper_2014_differences as differing
    import paper_2014_toy as toy
    from matplotlib import figure

    from gan_tf.data import dataset
    from gan_tf.evaluation import figures, parzen
    from gan_tf.report import pictures
    from gan_tf.serving import servable
    from gan_tf.training import health, metrics, run_directory

Values = dict[str, Any]

_VALIDATION = 10_000  # The last training images.
_SAMPLES = 10_000
# Whose likelihood stands beside that of the authors' networks.
BESIDE = ("mlp", "dcgan")
ORDERS: Mapping[str, tuple[str, ...]] = {
    "simultaneous": (),
    "sequential": ("--update=discriminator_first",),
}
_DECAY = "--lr_decay=1.000004"  # The authors'; within so few steps it hardly matters.
# How a run comes soon to where more of the same hardly helps: three times the preset's rate, which
# falls to a thirtieth.
_TO_ITS_LIMIT = ("--generator_lr=0.3", "--discriminator_lr=0.3", "--lr_decay=1.00003")


@dataclasses.dataclass(frozen=True)
class Options:
    """Which parts, how long, and to where."""

    parts: str = knob("toy,digits,order", "Parts to do.", unit="names and commas, or none")
    presets: str = knob(
        "paper_2014",
        "Presets that digits trains: paper_2014, mlp, dcgan.",
        unit="names and commas, or none",
    )
    epochs: int | None = knob(
        None,
        "Length of the run of paper_2014; its preset's by default.",
        unit="epochs",
        low=1,
        high=1_000_000,
    )
    seed: int = knob(0, "Seed of the runs.", low=0, high=2**31 - 1)
    toy_steps: int = knob(4_000, "Steps of the toy.", unit="steps", low=200, high=1_000_000)
    order_steps: int = knob(6_000, "Steps of each order.", unit="steps", low=10, high=1_000_000)
    differences: str = knob("all", "Differences to try.", unit="all, or names and commas")
    limits: str = knob("all", "Changes that limits tries.", unit="all, or names and commas")
    limit_after: int = knob(
        110_000,
        "Steps of the run that limits begins with.",
        unit="steps",
        low=10,
        high=1_000_000,
    )
    difference_steps: int = knob(
        30_000,
        "Steps with each difference, and with each change that limits tries.",
        unit="steps",
        low=10,
        high=1_000_000,
    )
    runs_dir: str = knob("runs/paper_2014", "Where the runs go.", unit="a directory")
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    record: str = knob(
        "docs/paper-2014.json",
        "What was found; the page and its pictures lie beside it.",
        unit="a path that ends in .json",
    )


def main(options: Options) -> str:
    """Does the parts; the record and the page are written anew after each."""
    parts: dict[str, Callable[[Options, Path], Values]] = {
        "toy": one_dimension,
        "digits": digits,
        "course": course,
        "order": order,
        "differences": differences,
        "limits": limits,
    }
    chosen = _names(options.parts)
    for name in chosen:
        if name not in parts:
            raise InputError(f"--parts={options.parts}: {name} is none of {', '.join(parts)}")
    for name in _names(options.presets):
        if name not in ("paper_2014", *BESIDE):
            raise InputError(f"--presets={options.presets}: {name} is not paper_2014, mlp or dcgan")
    record = files.user_path("record", options.record)
    if record.suffix != ".json":
        raise InputError(f"--record={options.record}: must end in .json")
    if not chosen and not record.exists():
        raise InputError(f"--record={options.record}: is not there, and --parts=none makes none")
    process.start_tensorflow()
    shown = record.with_suffix("")
    for name in chosen:
        found = parts[name](options, shown)
        known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
        known[name] = {**known.get(name, {}), **found}
        files.write_text(record, json.dumps(known, indent=2) + "\n")
        page.write(record, known)
    if not chosen:
        page.write(record, json.loads(record.read_text(encoding="utf-8")))
    return str(record.with_suffix(".md"))


def _names(text: str) -> list[str]:
    return [] if text == "none" else text.split(",")


def one_dimension(options: Options, shown: Path) -> Values:
    """Figure 1: four moments, a film, and V and D's accuracy over the steps."""
    seen = toy.moments(options.toy_steps)
    end = len(seen) - 1
    chosen = [seen[at] for at in (0, min(2, end), min(8, end), end)]
    for name, drawn in {"figure-1": toy.frames(chosen), "value": toy.curves(seen)}.items():
        with files.published(shown / f"{name}.png") as temporary:
            drawn.savefig(temporary, format="png", dpi=90)
    toy.write_film(shown / "figure-1.gif", [*seen[:40], *seen[40::4]])
    last = seen[-1]
    return {
        "steps": last.step,
        "accuracy": last.accuracy,
        "value": last.value,
        "bound": toy.bound(last),
        "machine": benchmark.machine(),
    }


def digits(options: Options, shown: Path) -> Values:
    """The likelihoods, and figures 2 and 3 of the authors' networks."""
    data_dir = files.data_directory(options.data_dir)
    data = dataset.open_dataset("mnist", data_dir)
    training = data.split("train").part(stop=-_VALIDATION).images
    # As their program: sigma by 1,000 validation images, the figure by the test images.
    validation = data.split("train").part(start=-_VALIDATION).images[: parzen.VALIDATION_IMAGES]
    chosen_by, judged_by = map(parzen.in_unit_range, (validation, data.split("test").images))

    def judged(samples: Any) -> Values:
        mean, error, sigma = parzen.parzen(judged_by, chosen_by, parzen.in_unit_range(samples))
        return {"log_likelihood": mean, "error": error, "sigma": sigma}

    found = {"training images": judged(training[:_SAMPLES])}
    for name in _names(options.presets):
        run_dir = _run_dir(options, name)
        flags = [f"--preset={name}", f"--seed={options.seed}", "--on_collapse=ignore"]
        if name == "paper_2014" and options.epochs:
            flags += [f"--epochs={options.epochs}"]
        train(run_dir, data_dir, *flags)
        result = _result(run_dir)
        exported = servable.load(Path(result["export"]))
        about = {"seed": options.seed, "best_step": result["best"]["step"]}
        about |= {"epochs": round(result["last"]["epoch"], 1)}
        about |= {"steps": result["steps"], "minutes": round(result["seconds"] / 60.0)}
        about["machine"] = benchmark.machine()
        found[name] = judged(exported.sample(_SAMPLES, seed=0)) | about
        if name == "paper_2014":
            nearest(exported, training, shown / "figure-2.png")
            between(exported, shown / "figure-3.png")
    return found


def course(options: Options, shown: Path) -> Values:
    """How likely the validation images became, evaluation by evaluation, in the run of digits."""
    run_dir = _run_dir(options, "paper_2014")
    key, every = figures.LIKELIHOOD, metrics.read_metrics(run_dir / "metrics.jsonl")
    lines = [line for line in every if key in line]
    if not lines:
        raise InputError(
            f"{run_dir}: has no likelihood of validation images yet; see --parts=digits"
        )
    epochs, found = [line["epoch"] for line in lines], [line[key] for line in lines]
    drawn = figure.Figure(figsize=(7, 3.2), layout="constrained")
    axes = drawn.subplots()
    axes.plot(epochs, found, ".-", label="1,000 validation images")
    axes.axhline(225.0, color="k", linestyle=":", label="the paper: test images")
    axes.set(xlabel="epoch", ylabel="nats")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with files.published(shown / "likelihood.png") as temporary:
        drawn.savefig(temporary, format="png", dpi=90)
    return {
        "seed": options.seed,
        "epochs": epochs,
        "log_likelihoods": found,
        "length": _epochs(run_directory.read(run_dir).config, lines[-1]),
        "machine": benchmark.machine(),
    }


def _epochs(config: Config, line: Values) -> float:
    """The whole length of a run, of which a line is."""
    if config.steps is None:
        return float(config.epochs or 0)
    return float(config.steps * line["epoch"] / line["step"])


def _run_dir(options: Options, preset: str) -> Path:
    return Path(options.runs_dir) / f"{preset}-{options.seed}"


def _result(run_dir: Path) -> Values:
    found: Values = json.loads((run_dir / "result.json").read_text(encoding="utf-8"))
    return found


def nearest(exported: servable.Servable, training: Any, output: Path) -> None:
    """Figure 2: rows of samples, each row with the training images nearest to its samples below."""
    samples = exported.sample(20, seed=0)
    flat, others = (parzen.in_unit_range(each) for each in (samples, training))
    squares = (others**2).sum(1) - 2.0 * flat @ others.T
    pairs = np.stack([samples, training[squares.argmin(axis=1)]])
    rows = pairs.reshape(2, 2, 10, *samples.shape[1:]).swapaxes(0, 1)
    drawn = pictures.grid(rows.reshape(-1, *samples.shape[1:]), 10)
    pictures.write_png(output, drawn, scale=2)


def between(exported: servable.Servable, output: Path) -> None:
    """Figure 3: digits along straight lines in the space of latents."""
    ends = exported.latents(6, seed=1)
    fractions = np.linspace(0.0, 1.0, 12, dtype=np.float32)[:, None]
    lines = [a + fractions * (b - a) for a, b in zip(ends[::2], ends[1::2], strict=True)]
    drawn = pictures.grid(exported.draw(np.concatenate(lines).astype(np.float32)), 12)
    pictures.write_png(output, drawn, scale=2)


def order(options: Options, _: Path) -> Values:
    """What becomes of the authors' networks in each order of updates."""
    found = {}
    for name, flags in ORDERS.items():
        run_dir = Path(options.runs_dir) / "order" / name
        every = max(1, options.order_steps // 6)
        train(
            run_dir,
            files.data_directory(options.data_dir),
            "--preset=paper_2014",
            f"--steps={options.order_steps}",
            f"--log_every={max(1, every // 10)}",
            f"--sample_every={2 * every}",
            f"--checkpoint_every={2 * every}",
            f"--evaluate_every={every}",
            "--export=none",
            _DECAY,
            *flags,
        )
        lines = metrics.read_metrics(run_dir / "metrics.jsonl")
        evaluated = [line for line in lines if "frechet_distance" in line]
        names = ("step", "d_real", "d_fake", "generator_gradient", "frechet_distance", "coverage")
        found[name] = {
            "flags": list(flags),
            "lines": [{each: line[each] for each in names} for line in evaluated],
            "health": health.at_the_end(lines, 50_000),
            "machine": benchmark.machine(),
        }
    return found


def differences(options: Options, _: Path) -> Values:
    """What becomes of the authors' networks where one thing is another."""
    known = differing.DIFFERENCES
    chosen = _chosen("differences", options.differences, known)
    return _tried("differences", {name: known[name] for name in chosen}, options)


def limits(options: Options, _: Path) -> Values:
    """What becomes of networks that have come to their limit, where one thing is another."""
    known = differing.LIMITS
    chosen = _chosen("limits", options.limits, known)
    start = Path(options.runs_dir) / "limits" / f"start-{options.limit_after}"
    flags = [*_TO_ITS_LIMIT, f"--steps={options.limit_after}", "--export=none"]
    train(start, files.data_directory(options.data_dir), "--preset=paper_2014", *flags)
    found = _tried("limits", {name: known[name] for name in chosen}, options, start)
    best = _result(start)["best"]
    began = {"told": "what they begin with", "steps": best["step"]}
    began |= {"log_likelihood": best[figures.LIKELIHOOD], "machine": benchmark.machine()}
    return {"start": began, **found}


def _chosen(option: str, given: str, known: Iterable[str]) -> list[str]:
    chosen = list(known) if given == "all" else _names(given)
    for name in chosen:
        if name not in known:
            raise InputError(f"--{option}={given}: {name} is none of {', '.join(known)}")
    return chosen


def _tried(
    part: str, changes: Mapping[str, Any], options: Options, start: Path | None = None
) -> Values:
    """The likelihood that each change ends with; it begins with the networks of the run `start`."""
    steps, data_dir = options.difference_steps, files.data_directory(options.data_dir)
    found: Values = {}
    for name, change in changes.items():
        run_dir = Path(options.runs_dir) / part / f"{name}-{steps}"
        found[name] = {"told": change.told, "steps": steps, "machine": benchmark.machine()}
        try:
            nats = differing.likelihood(change, steps, run_dir, data_dir, start)
            found[name]["log_likelihood"] = nats
        except TrainingFailedError:
            found[name]["failed"] = run_directory.failed(run_dir)
    return found


def train(run_dir: Path, data_dir: Path, *flags: str) -> None:
    """Trains a run to its end, or goes on with it."""
    if run("train", *flags, f"--run_dir={run_dir}", f"--data_dir={data_dir}") == FAILED:
        raise TrainingFailedError(f"{run_dir}: see above; the same command goes on")


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
