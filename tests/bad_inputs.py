"""What users may get wrong, a row each: how it is brought about, and the command that meets it.

What is answered stands in docs/bad-input.md, beside the rows; `python -m tests.bad_inputs` runs
every row and writes that page, `test_bad_input.py` runs every row and compares.
"""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_tf import data

from .processes import ROOT, Finished, run_warm
from .scenes import (
    TRAINED,
    Make,
    Scene,
    flags_file,
    grow,
    images,
    last_line,
    other_latents,
    something_else,
    then,
)

PAGE = ROOT / "docs" / "bad-input.md"


@dataclass(frozen=True)
class Row:
    """One bad input.

    Attributes:
      kind: what it is an example of; at most five rows have the same.
      wrong: what is wrong.
      command: the module, or the script, and its flags.
      make: brings it about.
      early: whether it is refused before TensorFlow is imported.
    """

    kind: str
    wrong: str
    command: tuple[str, ...]
    make: Make | None = None
    early: bool = False

    def prepare(self, scene: Scene) -> None:
        """Brings it about."""
        if self.make:
            self.make(scene)

    @property
    def shown(self) -> str:
        """The command as it stands in the page."""
        module, *flags = self.command
        program = module if "/" in module else f"python -m gan_tf.{module}"
        return f"{program} {shlex.join(flags)}".strip()


def row(kind: str, wrong: str, command: str, make: Make | None = None, early: bool = False) -> Row:
    """A row; its command as one would type it."""
    return Row(kind, wrong, tuple(shlex.split(command)), make, early)


def flag(kind: str, wrong: str, command: str) -> Row:
    """A row that the flags alone decide."""
    return row(kind, wrong, command, early=True)


RUN = Scene.run
TRAIN = "train --run_dir=run"
RESUME = f"{TRAIN} --flagfile=resume.flags --steps=200"
CACHED = "train --steps=1 --data_dir=data --evaluate_every=0 --dataset=mine"

ROWS = [
    flag("unknown flag", "a letter too many", "train --archh=dcgan"),
    flag("unknown flag", "another spelling", "train --stepz=3"),
    flag("unknown flag", "another command's", "sample --seeds=1"),
    flag("unknown flag", "the negation of a number", "train --nosteps"),
    flag("unknown flag", "three dashes", "evaluate ---num=100"),
    flag("wrong type", "a word for a number", "train --steps=abc"),
    flag("wrong type", "a fraction of an image", "train --batch_size=1.5"),
    flag("wrong type", "an exponent in a count", "sample --num=1e3"),
    flag("wrong type", "a comma in a number", "train --generator_lr=0,001"),
    flag("wrong type", "a word for true or false", "train --dry_run=perhaps"),
    flag("out of bounds", "no step", "train --steps=0"),
    flag("out of bounds", "a negative seed", "train --seed=-1"),
    flag("out of bounds", "more than half", "train --label_smoothing=0.6"),
    flag("out of bounds", "too large a k", "train --discriminator_steps=150"),
    flag("out of bounds", "too few to judge", "evaluate --run_dir=run --num=99"),
    flag("no finite number", "NaN", "train --label_smoothing=nan"),
    flag("no finite number", "infinity", "train --r1_gamma=inf"),
    flag("no finite number", "minus infinity", "train --beta_1=-inf"),
    flag("no finite number", "beyond a float", "train --ema_decay=1e999"),
    flag("empty", "no number", "train --seed="),
    flag("empty", "no directory", "train --run_dir="),
    flag("empty", "no networks", "train --arch="),
    flag("empty", "no flag file", "train --flagfile="),
    flag("empty", "no output", "sample --run_dir=run --output="),
    flag("unknown name", "networks", "train --arch=dcgna"),
    flag("unknown name", "a loss", "train --loss=hing"),
    flag("unknown name", "an order", "train --update=d_first"),
    flag("unknown name", "latents", "train --latents=gaussian"),
    flag("unknown name", "a precision", "export --run_dir=run --precision=float16"),
    flag("stray argument", "a flag without its value", "train --steps"),
    flag("stray argument", "a name without a flag", "train dcgan"),
    flag("stray argument", "a value after a boolean flag", "train --dry_run false"),
    flag("stray argument", "a flag after --", "train -- --steps=5"),
    flag("stray argument", "a flag without a name", "train --=5"),
    flag("contradiction", "nothing to smooth", "train --loss=hinge --label_smoothing=0.1"),
    flag(
        "contradiction",
        "one forward pass, two updates",
        "train --update=simultaneous --generator_steps=2",
    ),
    row("contradiction", "two sources", "sample --run_dir=a --saved_model=b"),
    row("contradiction", "no source", "sample"),
    flag("contradiction", "a judge without its weights", "evaluate --classifier=inception"),
    flag("flag file", "it is not there", "train --flagfile=missing.flags"),
    row(
        "flag file",
        "it is no text",
        "train --flagfile=mine.flags",
        lambda scene: flags_file(scene, b"\xff\xfe\x00"),
        early=True,
    ),
    row(
        "flag file",
        "it includes itself",
        "train --flagfile=mine.flags",
        lambda scene: flags_file(scene, "--arch=mlp\n--flagfile=mine.flags\n"),
        early=True,
    ),
    row(
        "flag file",
        "an unknown flag in it",
        "train --flagfile=mine.flags",
        lambda scene: flags_file(scene, "--arch=mlp\n--epoch=3\n"),
        early=True,
    ),
    row(
        "flag file",
        "it is a directory",
        "train --flagfile=mine.flags",
        lambda scene: (scene.place / "mine.flags").mkdir(),
        early=True,
    ),
    row(
        "line of a flag file",
        "an indented comment",
        "train --flagfile=mine.flags",
        lambda scene: flags_file(scene, "--arch=mlp\n  # not a comment\n"),
        early=True,
    ),
    row(
        "line of a flag file",
        "a comment behind a flag",
        "train --flagfile=mine.flags",
        lambda scene: flags_file(scene, "--steps=5 # a comment\n"),
        early=True,
    ),
    row(
        "line of a flag file",
        "a value out of bounds",
        "train --flagfile=mine.flags",
        lambda scene: flags_file(scene, "--arch=mlp\n--batch_size=0\n"),
        early=True,
    ),
    row(
        "line of a flag file",
        "it includes one that is not there",
        "train --flagfile=mine.flags",
        lambda scene: flags_file(scene, "--flagfile=missing.flags\n"),
        early=True,
    ),
    flag("characters in a path", "a line break", "train --run_dir='a\nb'"),
    flag("characters in a path", "an escape", "train --run_dir='\x1b[31mred'"),
    flag("characters in a path", "bytes that are no UTF-8", "train --run_dir=a\udcff"),
    row("characters in a path", "a bracket", "train --run_dir='a[b]'"),
    row("characters in a path", "a name too long", f"train --run_dir={'r' * 300}"),
    row("run directory", "a file", TRAIN, lambda scene: scene.text("run", "mine")),
    row(
        "run directory",
        "below a file",
        "train --run_dir=file/run",
        lambda scene: scene.text("file", "mine"),
    ),
    row(
        "run directory",
        "it holds other files",
        TRAIN,
        lambda scene: scene.text("run/thesis.tex", "mine"),
    ),
    row("run directory", "an unknown home", "train --run_dir=~nosuchuser/run"),
    row("run directory", "it is not there", "export --run_dir=missing", early=True),
    row(
        "no run in a directory",
        "to sample from",
        "sample --run_dir=here",
        lambda scene: (scene.place / "here").mkdir(),
    ),
    row(
        "no run in a directory",
        "to export",
        "export --run_dir=here",
        lambda scene: (scene.place / "here").mkdir(),
        early=True,
    ),
    row("no run in a directory", "to evaluate", "evaluate --run_dir=missing"),
    flag("no run in a directory", "none was named", "export"),
    row(
        "config.json",
        "half of it",
        TRAIN,
        then(RUN, lambda scene: scene.cut("run/config.json")),
    ),
    row(
        "config.json",
        "another version's",
        TRAIN,
        then(RUN, lambda scene: scene.text("run/config.json", '{"format": 1, "config": {}}')),
    ),
    row(
        "config.json",
        "no object",
        "export --run_dir=run",
        then(RUN, lambda scene: scene.text("run/config.json", "[1, 2]")),
        early=True,
    ),
    row(
        "config.json",
        "a knob that is none",
        "export --run_dir=run",
        lambda scene: scene.config(momentun=0.5),
        early=True,
    ),
    row(
        "config.json",
        "no text",
        "export --run_dir=run",
        then(RUN, lambda scene: scene.text("run/config.json", b"\xff\xfe{}")),
        early=True,
    ),
    row(
        "value in config.json",
        "out of bounds",
        "export --run_dir=run",
        lambda scene: scene.config(latent_dim=0),
        early=True,
    ),
    row(
        "value in config.json",
        "a text for a number",
        "export --run_dir=run",
        lambda scene: scene.config(batch_size="64"),
        early=True,
    ),
    row(
        "value in config.json",
        "unknown networks",
        "export --run_dir=run",
        lambda scene: scene.config(arch="../../arch"),
        early=True,
    ),
    row(
        "value in config.json",
        "null",
        "export --run_dir=run",
        lambda scene: scene.config(seed=None),
        early=True,
    ),
    row(
        "value in config.json",
        "other networks than were trained",
        "export --run_dir=run",
        lambda scene: scene.config(arch="mlp"),
    ),
    row("another run", "another batch size", f"{RESUME} --batch_size=32", RUN),
    row("another run", "other networks", f"{RESUME} --arch=mlp", RUN),
    row("another run", "two differences", f"{RESUME} --seed=4 --loss=hinge", RUN),
    row("another run", "another cadence", f"{RESUME} --log_every=20", RUN),
    row(
        "checkpoint to resume",
        "every one truncated",
        RESUME,
        then(RUN, lambda scene: scene.cut("run/checkpoints/*")),
    ),
    row(
        "checkpoint to resume",
        "empty files",
        RESUME,
        then(RUN, lambda scene: scene.cut("run/checkpoints/*", 0)),
    ),
    row(
        "checkpoint to resume",
        "an array is missing",
        RESUME,
        lambda scene: scene.arrays(lambda arrays: arrays.pop("step/000")),
    ),
    row(
        "checkpoint to resume",
        "an array of another shape",
        RESUME,
        lambda scene: scene.arrays(
            lambda arrays: arrays.update({"generator/000": np.zeros(3, np.float32)})
        ),
    ),
    row(
        "checkpoint to resume",
        "a pickled object",
        RESUME,
        lambda scene: scene.arrays(
            lambda arrays: arrays.update({"generator/000": np.array([{}], object)})
        ),
    ),
    row(
        "checkpoint to export",
        "a step that is not kept",
        "export --run_dir=run --checkpoint=7",
        RUN,
    ),
    flag("checkpoint to export", "no step", "export --run_dir=run --checkpoint=newest"),
    row(
        "checkpoint to export",
        "none at all",
        "export --run_dir=run",
        then(RUN, lambda scene: shutil.rmtree(scene.place / "run" / "checkpoints")),
    ),
    row(
        "checkpoint to export",
        "truncated",
        "export --run_dir=run --checkpoint=150",
        then(RUN, lambda scene: scene.cut("run/checkpoints/*")),
    ),
    row(
        "checkpoint to export",
        "of other networks",
        "export --run_dir=run --checkpoint=last",
        lambda scene: scene.arrays(lambda arrays: arrays.pop("ema_generator/000")),
    ),
    row("metrics.jsonl", "a line altered", RESUME, last_line(lambda line: b"{" + line)),
    row("metrics.jsonl", "no text", RESUME, last_line(lambda line: b"\xff\xfe" + line)),
    row("metrics.jsonl", "a list", RESUME, last_line(lambda _: b"[1, 2, 3]\n")),
    row("metrics.jsonl", "no step", RESUME, last_line(lambda _: b'{"attempt": 0}\n')),
    row(
        "metrics.jsonl",
        "a text for a distance",
        RESUME,
        last_line(
            lambda line: (json.dumps(json.loads(line) | {"frechet_distance": "x"}) + "\n").encode()
        ),
    ),
    row(
        "record of an attempt",
        "half of it",
        RESUME,
        then(RUN, lambda scene: scene.text("run/attempts/1/attempt.json", '{"attempt": 0, "se')),
    ),
    row(
        "record of an attempt",
        "a directory that is no number",
        RESUME,
        then(RUN, lambda scene: scene.text("run/attempts/mine/attempt.json", "{}")),
    ),
    row("SavedModel", "it is not there", "sample --saved_model=missing"),
    row(
        "SavedModel",
        "a file",
        "sample --saved_model=file",
        lambda scene: scene.text("file", "mine"),
    ),
    row("SavedModel", "of something else", "sample --saved_model=other", something_else),
    row("SavedModel", "the parent of its versions", "sample --saved_model=run/export", RUN),
    row(
        "SavedModel",
        "the run has none yet",
        "sample --run_dir=run",
        then(RUN, lambda scene: shutil.rmtree(scene.place / "run" / "export")),
    ),
    row(
        "damaged SavedModel",
        "its graph is cut short",
        "sample --run_dir=run",
        then(RUN, lambda scene: scene.cut("run/export/1/saved_model.pb")),
    ),
    row(
        "damaged SavedModel",
        "its weights are gone",
        "sample --run_dir=run",
        then(RUN, lambda scene: shutil.rmtree(scene.place / "run" / "export" / "1" / "variables")),
    ),
    row(
        "damaged SavedModel",
        "its weights are cut short",
        "evaluate --run_dir=run",
        then(RUN, lambda scene: scene.cut("run/export/1/variables/variables.data*")),
    ),
    row(
        "damaged SavedModel", "its description is another's", "sample --run_dir=run", other_latents
    ),
    row(
        "damaged SavedModel",
        "its description is half",
        "sample --run_dir=run",
        then(RUN, lambda scene: scene.cut("run/export/1/assets.extra/gan_tf.json")),
    ),
    row(
        "a dataset's own files",
        "truncated",
        "train --steps=1 --data_dir=data --manual_dir=files",
        lambda scene: scene.originals(lambda content: content[:1000]),
    ),
    row(
        "a dataset's own files",
        "a byte altered",
        "train --steps=1 --data_dir=data --manual_dir=files",
        lambda scene: scene.originals(lambda content: content[:5000] + b"x" + content[5001:]),
    ),
    row(
        "a dataset's own files",
        "other images, well packed",
        "train --steps=1 --data_dir=data --manual_dir=files",
        lambda scene: scene.originals(
            lambda content: gzip.compress(gzip.decompress(content)[:-1], 1)
        ),
    ),
    row(
        "prepared data",
        "truncated",
        CACHED,
        lambda scene: scene.cached(
            "mine", lambda scene: scene.cut("data/gan_tf/mine/train-images.npy")
        ),
    ),
    row(
        "prepared data",
        "a byte altered",
        CACHED,
        lambda scene: scene.cached(
            "mine",
            lambda scene: scene.alter(
                "data/gan_tf/mine/train-images.npy", lambda content: content[:-1] + b"x"
            ),
        ),
    ),
    row(
        "prepared data",
        "half its list of files",
        CACHED,
        lambda scene: scene.cached("mine", lambda scene: scene.cut("data/gan_tf/*/cache.json")),
    ),
    row(
        "prepared data",
        "a file of it is gone",
        CACHED,
        lambda scene: scene.cached(
            "mine",
            lambda scene: (scene.place / "data/gan_tf/mine/train-labels.npy").unlink(),
        ),
    ),
    row(
        "prepared data",
        "its list leads elsewhere",
        CACHED,
        lambda scene: scene.cached(
            "mine",
            lambda scene: scene.text(
                "data/gan_tf/mine/cache.json", '{"sha256": {"../../../train-images.npy": "0"}}'
            ),
        ),
    ),
    row(
        "images",
        "32x32",
        CACHED,
        images(grow),
    ),
    row(
        "images",
        "no channel",
        CACHED,
        images(lambda array: array[..., 0]),
    ),
    row(
        "images",
        "floating point",
        CACHED,
        images(lambda array: array / np.float32(255)),
    ),
    row(
        "images",
        "none",
        CACHED,
        images(lambda array: array[:0]),
    ),
    row("images", "three channels", "train --steps=1 --data_dir=data --dataset=cifar10"),
    row(
        "labels",
        "fewer than images",
        CACHED,
        lambda scene: scene.cached("mine", train_labels=np.zeros(3, np.int64)),
    ),
    row(
        "labels",
        "texts",
        CACHED,
        lambda scene: scene.cached("mine", train_labels=np.array(["one"] * 200)),
    ),
    row(
        "labels",
        "of one class, for a judge",
        f"{CACHED} --evaluate_every=1 --classifier=train",
        lambda scene: scene.cached(
            "mine", train_labels=np.zeros(200, np.int64), test_labels=np.zeros(200, np.int64)
        ),
    ),
    row("dataset", "another spelling", "train --steps=1 --data_dir=data --dataset=mnsit"),
    row("dataset", "a path", "train --steps=1 --data_dir=data --dataset=../mnist"),
    row("dataset", "a config that it has not", "train --steps=1 --data_dir=data --dataset=mnist/x"),
    row("dataset", "a version that it has not", "train --steps=1 --dataset=mnist:9.9.9"),
    row("dataset", "no images", "train --steps=1 --data_dir=data --dataset=iris"),
    row("data directory", "a file", "train --data_dir=data", lambda scene: scene.text("data", "x")),
    row("data directory", "an unknown home", "train --data_dir=~nosuchuser/data"),
    row("data directory", "nothing is left to train on", "train --validation_images=60000"),
    row(
        "samples to write", "a kind of picture that is none", "sample --run_dir=run --output=a.jpg"
    ),
    row(
        "samples to write",
        "over a directory",
        "sample --run_dir=run --output=a.png",
        lambda scene: (scene.place / "a.png").mkdir(),
    ),
    row(
        "samples to write",
        "into what holds other files",
        "sample --run_dir=run --output=mine",
        lambda scene: scene.text("mine/thesis.tex", "mine"),
    ),
    row(
        "samples to write",
        "below a file",
        "sample --run_dir=run --output=file/a.png",
        then(RUN, lambda scene: scene.text("file", "mine")),
    ),
    row(
        "samples to write",
        "a directory over a file",
        "sample --run_dir=run --output=file",
        then(RUN, lambda scene: scene.text("file", "mine")),
    ),
    row(
        "export to write",
        "below a file",
        "export --run_dir=run --output=file/export",
        then(RUN, lambda scene: scene.text("file", "mine")),
    ),
    row("export to write", "a bracket", "export --run_dir=run --output='a[b]'", RUN),
    row(
        "export to write",
        "to an unknown home",
        "export --run_dir=run --output=~nosuchuser/x",
        RUN,
    ),
    flag("figures to write", "no JSON", "evaluate --run_dir=run --output=scores.txt"),
    row(
        "figures to write",
        "over a directory",
        "evaluate --run_dir=run --output=a.json",
        lambda scene: (scene.place / "a.json").mkdir(),
        early=True,
    ),
    flag("seeds to evaluate", "a word", "evaluate --run_dir=run --seeds=all"),
    flag("seeds to evaluate", "one of them twice", "evaluate --run_dir=run --seeds=1,1"),
    flag("seeds to evaluate", "a range", "evaluate --run_dir=run --seeds=0-2"),
    row(
        "weights of a judge",
        "they are not there",
        "evaluate --run_dir=run --classifier=inception --inception_weights=missing.h5",
        RUN,
    ),
    row(
        "weights of a judge",
        "they are none",
        "evaluate --run_dir=run --classifier=inception --inception_weights=mine.h5",
        then(RUN, lambda scene: scene.text("mine.h5", "mine")),
    ),
    flag("a script's flags", "seeds", "scripts/seeds.py --seeds=a"),
    flag("a script's flags", "an unknown preset", "scripts/reproduce.py --presets=wgan"),
    flag("a script's flags", "an unknown part", "scripts/benchmark.py --parts=sped"),
    flag("a script's flags", "falling seconds", "scripts/ablate.py --marks=30,10"),
    row(
        "a script's flags",
        "a directory that is not new",
        "scripts/torture.py --runs_dir=mine",
        lambda scene: (scene.place / "mine").mkdir(),
    ),
]


def answer(row: Row, scene: Scene, home: Path, timeout: float = 60.0) -> Finished:
    """Runs a row's command."""
    module, *flags = row.command
    return run_warm(module, *flags, cwd=scene.place, home=home, timeout=timeout)


def said(finished: Finished, home: Path) -> str:
    """What a command said, as it stands in the page."""
    text = finished.stderr.strip().replace(str(home), "~")
    return re.sub(r"r{200,}", "rrr...", text).replace("|", "\\|")


def line(row: Row, text: str) -> str:
    """The line of the page that a row has."""
    shown = re.sub(r"r{200,}", "rrr...", row.shown).replace("|", "\\|")
    shown = shown.replace("\n", "\\n").replace("\x1b", "\\x1b").replace("\udcff", "\\xff")
    return f"| {row.wrong}{' *' if row.early else ''} | `{shown}` | `{text}` |"


def page(rows: list[tuple[Row, str]]) -> str:
    """The page of all rows and their answers."""
    lines = [
        "# Bad input, and what is answered",
        "",
        f"{len(rows)} inputs that cannot be used. Each ends in one line on standard error and",
        "status 2, within ten seconds, without a traceback, and with every file as it was;",
        "those marked * before TensorFlow is even imported. `tests/test_bad_input.py` runs every",
        "row and compares the answer with this page, which `python -m tests.bad_inputs` writes.",
    ]
    kind = ""
    for row, text in rows:
        if row.kind != kind:
            kind = row.kind
            lines += [
                "",
                f"## {kind if '.' in kind else kind.capitalize()}",
                "",
                "| wrong | command | answer |",
            ]
            lines += ["|---|---|---|"]
        lines.append(line(row, text))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs every row and writes the page."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        home.mkdir()
        data_dir = home / "tensorflow_datasets"
        data.load("mnist", data_dir, None)
        trained = Path(directory) / "trained"
        flags = (f"--run_dir={trained}", *TRAINED, "--steps=150")
        run_warm("train", *flags, cwd=home, home=home, timeout=300)
        rows = []
        for number, row in enumerate(ROWS):
            place = Path(directory) / str(number)
            place.mkdir()
            scene = Scene(place, trained, data_dir)
            row.prepare(scene)
            finished = answer(row, scene, home)
            print(finished.returncode, row.shown, "\n    ", said(finished, home), file=sys.stderr)
            rows.append((row, said(finished, home)))
            shutil.rmtree(place)
        PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
