"""What users may get wrong, a row each: how it is brought about, and the command that meets it.

What is answered stands in docs/bad-input.md, which `bad_input_page.py` writes.
"""

from __future__ import annotations

import gzip
import json
import shlex
from dataclasses import dataclass, replace

import numpy as np

from .scenes import (
    Make,
    Scene,
    alter,
    arrays,
    cached,
    config,
    cut,
    digits,
    directory,
    images,
    last_line,
    link,
    on_run,
    originals,
    other_latents,
    photos,
    removed,
    run,
    saved,
    something_else,
    text,
)


@dataclass(frozen=True)
class Row:
    """One bad input.

    Attributes:
      wrong: what is wrong.
      command: the module, or the script, and its flags.
      make: brings it about.
      early: whether it is refused before TensorFlow is imported.
      kind: what it is an example of; at most five rows have the same.
    """

    wrong: str
    command: tuple[str, ...]
    make: Make | None = None
    early: bool = False
    kind: str = ""

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


def row(wrong: str, command: str, make: Make | None = None) -> Row:
    """A row; its command as one would type it."""
    return Row(wrong, tuple(shlex.split(command)), make)


def early(wrong: str, command: str, make: Make | None = None) -> Row:
    """A row that is refused before TensorFlow is imported."""
    return replace(row(wrong, command, make), early=True)


TRAIN, SAMPLE, EVALUATE, EXPORT = (
    f"{module} --run_dir=run" for module in ("train", "sample", "evaluate", "export")
)
RESUME = f"{TRAIN} --flagfile=resume.flags --steps=200"
FLAG_FILE = "train --flagfile=mine.flags"
CACHED = "train --steps=1 --data_dir=data --evaluate_every=0 --dataset=mine"
PHOTOS = "train --images=photos --data_dir=data --steps=1"
OWN_FILES = "train --steps=1 --data_dir=data --manual_dir=files"
INCEPTION = f"{EVALUATE} --classifier=inception"
DINOV2 = f"{EVALUATE} --classifier=dinov2"
DESCRIPTION = "run/export/1/assets.extra/gan_tf.json"
FRAME = ((0, 0), (1, 1), (1, 1), (0, 0))

LARGER = np.zeros((200, 32, 32, 1), np.uint8)


def few_images(scene: Scene) -> None:
    """Puts a finished run into `run`, and prepares a dataset `mine` of few training images."""
    run(scene)
    cached(train_images=LARGER[:39, :28, :28], train_labels=np.zeros(39, np.int64))(scene)


KINDS = {
    "unknown flag": [
        early("a letter too many", "train --archh=dcgan"),
        early("another spelling", "train --stepz=3"),
        early("another command's", "sample --seeds=1"),
        early("the negation of a number", "train --nosteps"),
        early("three dashes", "evaluate ---num=100"),
    ],
    "wrong type": [
        early("a word for a number", "train --steps=abc"),
        early("a fraction of an image", "train --batch_size=1.5"),
        early("an exponent in a count", "sample --num=1e3"),
        early("a comma in a number", "train --generator_lr=0,001"),
        early("a word for true or false", "train --dry_run=perhaps"),
    ],
    "out of bounds": [
        early("no step", "train --steps=0"),
        early("a negative seed", "train --seed=-1"),
        early("more than half", "train --label_smoothing=0.6"),
        early("too large a k", "train --discriminator_steps=150"),
        early("too few to judge", f"{EVALUATE} --num=99"),
    ],
    "no finite number": [
        early("NaN", "train --label_smoothing=nan"),
        early("infinity", "train --r1_gamma=inf"),
        early("minus infinity", "train --beta_1=-inf"),
        early("beyond a float", "train --ema_decay=1e999"),
    ],
    "empty": [
        early("no number", "train --seed="),
        early("no directory", "train --run_dir="),
        early("no networks", "train --arch="),
        early("no flag file", "train --flagfile="),
        early("no output", f"{SAMPLE} --output="),
    ],
    "unknown name": [
        early("networks", "train --arch=dcgna"),
        early("a loss", "train --loss=hing"),
        early("an order", "train --update=d_first"),
        early("a preset", "train --preset=paper"),
        early("a precision", f"{EXPORT} --precision=float16"),
    ],
    "stray argument": [
        early("a flag without its value", "train --steps"),
        early("a name without a flag", "train dcgan"),
        early("a value after a boolean flag", "train --dry_run false"),
        early("a flag after --", "train -- --steps=5"),
        early("a flag without a name", "train --=5"),
    ],
    "contradiction": [
        early("nothing to smooth", "train --loss=hinge --label_smoothing=0.1"),
        early("one forward pass, two updates", "train --update=simultaneous --generator_steps=2"),
        row("two sources", "sample --run_dir=a --saved_model=b"),
        early("a judge without its weights", "evaluate --classifier=inception"),
        early("weights without their judge", "evaluate --dinov2_weights=dinov2"),
    ],
    "augmentation": [
        early("no sign to go by", "train --loss=wasserstein --augment=ada"),
        early("one that is none", "train --augment=mixup"),
        early("a probability without ada", "train --augment_p=0.3"),
        early("pairs have no sign", "train --loss=relativistic --augment=ada"),
    ],
    "schedule": [
        early("no images", "train --generator_lr=0.001:0.0001"),
        early("an unknown unit", "train --discriminator_lr=0.001:0.0001@2G"),
        early("no image", "train --r1_gamma=1:0.1@0"),
        early("an end out of bounds", "train --beta_2=0.9:1.5@2M"),
        early("two at once", "train --lr_decay=1.1 --generator_lr=0.001:0.0001@2M"),
    ],
    "without what it needs": [
        early("no latents beside the code", "train --latents=mixture --latent_dim=16"),
        early("patience without evaluations", "train --patience=5 --evaluate_every=0"),
        early("no evaluation to take it", "train --best_by=log_likelihood --evaluate_every=0"),
        early("a step that XLA cannot compile", "train --compile=xla --augment=ada"),
    ],
    "a class on request": [
        early("networks that take no labels", "train --arch=paper_2014 --conditional=concat"),
        early("networks that need labels", "train --arch=conditional_2014"),
        early("fakes' labels without labels", "train --fake_labels=uniform"),
        early(
            "a fake of another class than its real",
            "train --conditional=projection --loss=relativistic --fake_labels=uniform",
        ),
        row(
            "images of one class",
            f"{CACHED} --conditional=projection",
            cached(train_labels=np.zeros(200, np.int64), test_labels=np.zeros(200, np.int64)),
        ),
    ],
    "flag file": [
        early("it is not there", "train --flagfile=missing.flags"),
        early("it is no text", FLAG_FILE, text("mine.flags", b"\xff\xfe\x00")),
        early(
            "it includes itself",
            FLAG_FILE,
            text("mine.flags", "--arch=mlp\n--flagfile=mine.flags\n"),
        ),
        early("an unknown flag in it", FLAG_FILE, text("mine.flags", "--arch=mlp\n--epoch=3\n")),
        early("it is a directory", FLAG_FILE, directory("mine.flags")),
    ],
    "line of a flag file": [
        early(
            "an indented comment", FLAG_FILE, text("mine.flags", "--arch=mlp\n  # not a comment\n")
        ),
        early("a byte order mark", FLAG_FILE, text("mine.flags", "\ufeff--arch=mlp\n")),
        early("a comment behind a flag", FLAG_FILE, text("mine.flags", "--steps=5 # a comment\n")),
        early(
            "a value out of bounds", FLAG_FILE, text("mine.flags", "--arch=mlp\n--batch_size=0\n")
        ),
        early(
            "it includes one that is not there",
            FLAG_FILE,
            text("mine.flags", "--flagfile=missing.flags\n"),
        ),
    ],
    "characters in a path": [
        early("a line break", "train --run_dir='a\nb'"),
        early("an escape", "train --run_dir='\x1b[31mred'"),
        early("bytes that are no UTF-8", "train --run_dir=a\udcff"),
        row("a bracket", "train --run_dir='a[b]'"),
        row("a name too long", f"train --run_dir={'r' * 300}"),
    ],
    "run directory": [
        row("a file", TRAIN, text("run", "mine")),
        row("below a file", "train --run_dir=file/run", text("file", "mine")),
        row("it holds other files", TRAIN, text("run/thesis.tex", "mine")),
        early("it is not there", "export --run_dir=missing"),
    ],
    "a name that leads nowhere": [
        row("an unknown home", "train --run_dir=~nosuchuser/run"),
        row("a bucket", "train --run_dir=gs://bucket/run"),
        row("a link to nothing", "train --run_dir=link", link("link", "nothing")),
    ],
    "no run in a directory": [
        row("to sample from", "sample --run_dir=here", directory("here")),
        early("to export", "export --run_dir=here", directory("here")),
        row("to evaluate", "evaluate --run_dir=missing"),
        early("none was named", "export"),
    ],
    "config.json": [
        row("half of it", TRAIN, on_run(cut("run/config.json"))),
        row(
            "another version's",
            TRAIN,
            on_run(text("run/config.json", '{"format": 1, "config": {}}')),
        ),
        early("no object", EXPORT, on_run(text("run/config.json", "[1, 2]"))),
        early("a knob that is none", EXPORT, config(momentun=0.5)),
        early("no text", EXPORT, on_run(text("run/config.json", b"\xff\xfe{}"))),
    ],
    "config.json without a part": [
        row(
            "no configuration",
            f"{EVALUATE} --num=100",
            on_run(text("run/config.json", '{"format": 3}')),
        ),
    ],
    "value in config.json": [
        early("out of bounds", EXPORT, config(latent_dim=0)),
        early("a text for a number", EXPORT, config(batch_size="64")),
        early("unknown networks", EXPORT, config(arch="../../arch")),
        early("null", EXPORT, config(seed=None)),
        row("other networks than were trained", EXPORT, config(arch="mlp")),
    ],
    "another run": [
        row("another batch size", f"{RESUME} --batch_size=32", run),
        row("other networks", f"{RESUME} --arch=mlp", run),
        row("two differences", f"{RESUME} --seed=4 --loss=hinge", run),
        row("its config.json is gone", RESUME, on_run(removed("run/config.json"))),
    ],
    "checkpoint to resume": [
        row("every one truncated", RESUME, on_run(cut("run/checkpoints/*"))),
        row("empty files", RESUME, on_run(cut("run/checkpoints/*", 0))),
        row("an array is missing", RESUME, arrays(lambda arrays: arrays.pop("step/000"))),
        row(
            "an array of another shape",
            RESUME,
            arrays(lambda arrays: arrays.update({"generator/000": np.zeros(3, np.float32)})),
        ),
        row(
            "a pickled object",
            RESUME,
            arrays(lambda arrays: arrays.update({"generator/000": np.array([{}], object)})),
        ),
    ],
    "checkpoint to export": [
        row("a step that is not kept", f"{EXPORT} --checkpoint=7", run),
        early("no step", f"{EXPORT} --checkpoint=newest"),
        row("none at all", EXPORT, on_run(removed("run/checkpoints"))),
        row("truncated", f"{EXPORT} --checkpoint=150", on_run(cut("run/checkpoints/*"))),
        row(
            "of other networks",
            f"{EXPORT} --checkpoint=last",
            arrays(lambda arrays: arrays.pop("ema_generator/000")),
        ),
    ],
    "metrics.jsonl": [
        row("a line altered", RESUME, last_line(lambda line: b"{" + line)),
        row("no text", RESUME, last_line(lambda line: b"\xff\xfe" + line)),
        row("a list", RESUME, last_line(lambda _: b"[1, 2, 3]\n")),
        row("no step", RESUME, last_line(lambda _: b'{"attempt": 0}\n')),
        row(
            "a text for a distance",
            RESUME,
            last_line(
                lambda line: (
                    json.dumps(json.loads(line) | {"frechet_distance": "x"}) + "\n"
                ).encode()
            ),
        ),
    ],
    "record of an attempt": [
        row(
            "half of it", RESUME, on_run(text("run/attempts/1/attempt.json", '{"attempt": 0, "se'))
        ),
        row(
            "a directory that is no number",
            RESUME,
            on_run(text("run/attempts/mine/attempt.json", "{}")),
        ),
    ],
    "SavedModel": [
        row("it is not there", "sample --saved_model=missing"),
        row("a file", "sample --saved_model=file", text("file", "mine")),
        row("of something else", "sample --saved_model=other", something_else),
        row("the parent of its versions", "sample --saved_model=run/export", run),
        row("the run has none yet", SAMPLE, on_run(removed("run/export"))),
    ],
    "damaged SavedModel": [
        row("its graph is cut short", SAMPLE, on_run(cut("run/export/1/saved_model.pb"))),
        row("its weights are gone", SAMPLE, on_run(removed("run/export/1/variables"))),
        row(
            "its weights are cut short",
            EVALUATE,
            on_run(cut("run/export/1/variables/variables.data*")),
        ),
        row("its description is another's", SAMPLE, on_run(alter(DESCRIPTION, other_latents))),
        row("its description is half", SAMPLE, on_run(cut(DESCRIPTION))),
    ],
    "a dataset's own files": [
        row("truncated", OWN_FILES, originals(lambda content: content[:1000])),
        row(
            "a byte altered",
            OWN_FILES,
            originals(lambda content: content[:5000] + b"x" + content[5001:]),
        ),
        row(
            "other images, well packed",
            OWN_FILES,
            originals(lambda content: gzip.compress(gzip.decompress(content)[:-1], 1)),
        ),
    ],
    "prepared data": [
        row("truncated", CACHED, cached(cut("data/gan_tf/mine/train-images.npy"))),
        row(
            "a byte altered",
            CACHED,
            cached(alter("data/gan_tf/mine/train-images.npy", lambda content: content[:-1] + b"x")),
        ),
        row("half its list of files", CACHED, cached(cut("data/gan_tf/*/cache.json"))),
        row("a file of it is gone", CACHED, cached(removed("data/gan_tf/mine/train-labels.npy"))),
        row(
            "its list leads elsewhere",
            CACHED,
            cached(
                text(
                    "data/gan_tf/mine/cache.json", '{"sha256": {"../../../train-images.npy": "0"}}'
                )
            ),
        ),
    ],
    "images": [
        row("30x30", CACHED, images(lambda array: np.pad(array, FRAME))),
        row("no channel", CACHED, images(lambda array: array[..., 0])),
        row("floating point", CACHED, images(lambda array: array / np.float32(255))),
        row("none", CACHED, images(lambda array: array[:0])),
        row("two channels", CACHED, images(lambda array: array.repeat(2, axis=-1))),
    ],
    "images and networks": [
        row(
            "networks for other sizes",
            f"{CACHED} --arch=lightning_cnn",
            cached(train_images=LARGER, test_images=LARGER),
        ),
        row(
            "splits of two shapes",
            CACHED,
            cached(train_images=LARGER),
        ),
        row("of many sizes", "train --steps=1 --data_dir=data --dataset=cats_vs_dogs"),
    ],
    "labels": [
        row("fewer than images", CACHED, cached(train_labels=np.zeros(3, np.int64))),
        row("texts", CACHED, cached(train_labels=np.array(["one"] * 200))),
        row(
            "of one class, for a judge",
            f"{CACHED} --evaluate_every=1 --classifier=train",
            cached(train_labels=np.zeros(200, np.int64), test_labels=np.zeros(200, np.int64)),
        ),
    ],
    "dataset": [
        row("another spelling", "train --steps=1 --data_dir=data --dataset=mnsit"),
        row("a path", "train --steps=1 --data_dir=data --dataset=../mnist"),
        row("a config that it has not", "train --steps=1 --data_dir=data --dataset=mnist/x"),
        row("a version that it has not", "train --steps=1 --dataset=mnist:9.9.9"),
        row("no images", "train --steps=1 --data_dir=data --dataset=iris"),
    ],
    "dataset that is none": [
        row("where imports are", "train --steps=1 --data_dir=data --dataset=images"),
    ],
    "your own images": [
        early("two sources", f"{PHOTOS} --dataset=mnist"),
        early("a side that is no multiple of 4", f"{PHOTOS} --image_size=30"),
        early("a side too long", f"{PHOTOS} --image_size=256"),
        early("two channels", f"{PHOTOS} --channels=2"),
        early("a share of a dataset's", "train --held_out=0.1"),
    ],
    "a folder of images": [
        row("it is not there", PHOTOS),
        row("an empty one", PHOTOS, directory("photos")),
        row("no image in it", PHOTOS, text("photos/a.png", "mine")),
        row("only one image", PHOTOS, photos("a.png")),
        row("a colour that is none", f"{PHOTOS} --background=whitish", photos()),
    ],
    "a file of images": [
        row("a zip that is cut short", "train --images=a.zip", text("a.zip", b"PK\3\4mine")),
        row("a text", "train --images=a.txt", text("a.txt", "mine")),
        row("floating point", "train --images=a.npy", saved("a.npy", np.zeros((9, 32, 32)))),
        row("no images", "train --images=a.npy", saved("a.npy", np.zeros(9, np.uint8))),
        row("pickled objects", "train --images=a.npy", saved("a.npy", np.array([{}] * 9))),
    ],
    "labels of images": [
        row("some without a folder", PHOTOS, photos("cat/0.png", "dog/1.png", "2.png")),
        row(
            "some not in the list",
            PHOTOS,
            photos(damage=text("photos/labels.csv", "0.png,cat\n1.png,dog\n")),
        ),
    ],
    "a file of labels": [
        row("no JSON", PHOTOS, photos(damage=text("photos/dataset.json", "{"))),
        row("an empty list", PHOTOS, photos(damage=text("photos/labels.csv", ""))),
        row(
            "a list of three columns",
            PHOTOS,
            photos(damage=text("photos/labels.csv", "file,size,label\n0.png,32,cat\n")),
        ),
        row(
            "two for a picture",
            PHOTOS,
            photos(damage=text("photos/dataset.json", '{"labels": [["0.png", 0], ["0.png", 1]]}')),
        ),
    ],
    "networks to begin with": [
        row("they are not there", "train --init_from=missing"),
        row("a picture", "train --init_from=a.png", text("a.png", "mine")),
        row("a text in config.json", "train --init_from=run", text("run/config.json", "{")),
    ],
    "data directory": [
        row("a file", "train --data_dir=data", text("data", "x")),
        row("an unknown home", "train --data_dir=~nosuchuser/data"),
        row("nothing is left to train on", "train --validation_images=60000"),
    ],
    "several workers": [
        early("a batch that they cannot share", "train --workers=3"),
        early("a batch smaller than they are many", "train --workers=4 --batch_size=2"),
        early("none", "train --workers=0"),
    ],
    "samples to write": [
        row("a kind of picture that is none", f"{SAMPLE} --output=a.jpg"),
        row("over a directory", f"{SAMPLE} --output=a.png", directory("a.png")),
        row(
            "into what holds other files",
            f"{SAMPLE} --output=mine",
            text("mine/thesis.tex", "mine"),
        ),
        row("below a file", f"{SAMPLE} --output=file/a.png", on_run(text("file", "mine"))),
        row("a directory over a file", f"{SAMPLE} --output=file", on_run(text("file", "mine"))),
    ],
    "samples to write here": [
        row("in the place of the working directory", "sample --output=."),
    ],
    "classes to draw": [
        early("asked for twice", f"{SAMPLE} --labels=3 --text=3"),
        row("of a generator that takes none", f"{SAMPLE} --labels=3", run),
        row("a number that is none", "sample --pretrained=mnist --labels=3,11"),
        row("letters, where there are digits", "sample --pretrained=mnist --text=cat"),
        early("of a server, asked for twice", "client --labels=3 --text=3"),
    ],
    "state of the package's own": [
        early("there is one", "export --pretrained=mnist --output=x --checkpoint=5"),
    ],
    "classes of an export": [
        row("its networks know none", f"{SAMPLE} --labels=3", on_run(alter(DESCRIPTION, digits))),
    ],
    "truncation": [
        early("more than twice as far", f"{SAMPLE} --truncation=3"),
        early("no number", f"{SAMPLE} --truncation=psi"),
        early("of a server, below nothing", "client --truncation=-0.1"),
    ],
    "export to write": [
        row("below a file", f"{EXPORT} --output=file/export", on_run(text("file", "mine"))),
        row("a bracket", "export --run_dir=run --output='a[b]'", run),
        row("to an unknown home", f"{EXPORT} --output=~nosuchuser/x", run),
        row("among its checkpoints", "export --run_dir=run --output=run/checkpoints", run),
        row("among another's exports", "export --pretrained=mnist --output=run/export", run),
    ],
    "figures to write": [
        early("no JSON", f"{EVALUATE} --output=scores.txt"),
        early("over a directory", f"{EVALUATE} --output=a.json", directory("a.json")),
        early("below a file", f"{EVALUATE} --output=file/a.json", text("file", "mine")),
    ],
    "seeds to evaluate": [
        early("a word", f"{EVALUATE} --seeds=all"),
        early("one of them twice", f"{EVALUATE} --seeds=1,1"),
        early("a range", f"{EVALUATE} --seeds=0-2"),
    ],
    "server to ask": [
        early("another protocol", "client --url=ftp://localhost:8501"),
        early("no protocol", "client --url=localhost:8501"),
        early("no host", "client --url=http://:8501"),
        early("a letter in the port", "client --url=http://localhost:85O1"),
        early("nobody is there", "client --url=http://127.0.0.1:9"),
    ],
    "address of a server": [
        early("a question", "client --url=http://localhost:8501/?model=mine"),
        early("a fragment", "client --url=http://localhost:8501/#mine"),
    ],
    "seeds to ask for": [
        early("a word", "client --seeds=one"),
        early("a comma too many", "client --seeds=1,2,"),
        early("no int64", f"client --seeds={2**63}"),
        early("digits of another script", "client --seeds=٣"),
    ],
    "pictures to ask for": [
        early("another kind", "client --output=a.jpg"),
        early("over a directory", "client --output=a.png", directory("a.png")),
        early("no time", "client --timeout=0"),
    ],
    "judge": [
        early("one that is none, in training", "train --classifier=mnist-v1"),
        early("one that is none, afterwards", f"{EVALUATE} --classifier=clip"),
        row(
            "too few images for it",
            f"{EVALUATE} --dataset=mine --data_dir=data",
            few_images,
        ),
        row(
            "too few images for it to learn from",
            f"{EVALUATE} --dataset=mine --data_dir=data --classifier=train",
            few_images,
        ),
    ],
    "picture of copies": [
        early("another kind", f"{EVALUATE} --copies=a.jpg"),
        early("over a directory", f"{EVALUATE} --copies=a.png", directory("a.png")),
        early("where another one goes", f"{EVALUATE} --copies=a.png --classes=./a.png"),
    ],
    "over a run's own files": [
        early("its result", f"{EVALUATE} --output=run/result.json", run),
        early("its configuration", f"{EVALUATE} --output=run/../run/config.json", run),
        early("its curves", f"{EVALUATE} --copies=run/curves.png", run),
        early("its film", f"{SAMPLE} --output=run/samples.gif", run),
        early("a grid of its samples", "client --output=run/samples/step-00000100.png", run),
    ],
    "report": [
        early("no run", "report --run_dirs=,"),
        early("a run that is not there", "report --run_dirs=missing"),
        early("a directory of other files", "report --run_dirs=mine", directory("mine")),
        early("another kind", "report --run_dirs=. --output=a.png"),
        early("two runs to watch", "report --run_dirs=.,. --watch"),
    ],
    "weights of a judge": [
        row("they are not there", f"{INCEPTION} --inception_weights=missing.h5", run),
        row(
            "they are none",
            f"{INCEPTION} --inception_weights=mine.h5",
            on_run(text("mine.h5", "mine")),
        ),
        row("no directory of a network", f"{DINOV2} --dinov2_weights=missing", run),
        row(
            "one of no network",
            f"{DINOV2} --dinov2_weights=mine",
            on_run(text("mine/config.json", "{}")),
        ),
    ],
    "a script's flags": [
        early("seeds", "scripts/seeds.py --seeds=a"),
        early("a quote without its end", 'scripts/seeds.py --flags="\'--lr"'),
        early("an unknown preset", "scripts/reproduce.py --presets=wgan"),
        early("an unknown part", "scripts/benchmark.py --parts=sped"),
        early("falling seconds", "scripts/ablate.py --marks=30,10"),
    ],
    "a script's seeds": [
        early("one of them twice", "scripts/seeds.py --seeds=1,1"),
    ],
    "a script's directories": [
        row("one that is not new", "scripts/torture.py --runs_dir=mine", directory("mine")),
        early("runs that are not there", "scripts/judges.py --run_dirs=missing"),
        early("models that are not there", "scripts/second_judge.py --models=mnist,missing"),
    ],
}

ROWS = [replace(each, kind=kind) for kind, rows in KINDS.items() for each in rows]
