"""Counts how many of the 1,000 modes of stacked MNIST a generator draws, and how evenly.

Trains with several seeds, judges each run once, by the average of G's weights at its end, and keeps
a line of JSON for each; none is dropped. A seed that is on record is not trained again, and a run
that was cut off goes on. From the record comes the page.

Protocols: veegan counts 26,000 samples; unrolled_quarter and unrolled_half count 25,600 and set
the networks and their latents, D being a quarter or half of G.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import stacked_mnist_page as page
from commands import FAILED, flags_in, run
from etils import epy

from gan_tf import __version__, train
from gan_tf.config import command_line, presets
from gan_tf.config.knobs import knob
from gan_tf.host import files, process
from gan_tf.host.errors import InputError, TrainingFailedError

with epy.lazy_imports():  # So that TensorFlow starts in its own quiet way.
    import benchmark
    import stacked_mnist_modes as modes

    from gan_tf.data import dataset, stacked
    from gan_tf.report import pictures
    from gan_tf.serving import servable
    from gan_tf.training import exporting, run_directory

Line = dict[str, Any]

# What a protocol asks of a run, beside the dataset. Batches and lengths are the user's.
FLAGS = {
    "veegan": (),
    "unrolled_quarter": ("--arch=unrolled_quarter", "--latent_dim=256"),
    "unrolled_half": ("--arch=unrolled_half", "--latent_dim=256"),
}
# Nothing chooses among checkpoints or seeds, and no run begins anew under the same seed.
ALWAYS = ("--dataset=stacked_mnist", "--evaluate_every=0", "--export=none", "--on_collapse=ignore")
_SHOWN = 32  # Samples in a picture.


@dataclasses.dataclass(frozen=True)
class Options:
    """What to train, with which seeds, and to where."""

    protocol: str = knob("veegan", "How modes are counted.", choices=FLAGS)
    preset: str | None = knob(
        None, "A preset of gan_tf.train; its defaults otherwise.", choices=presets.NAMES
    )
    flags: str | None = knob(
        None, "More flags of gan_tf.train.", unit="a text, as in '--loss=hinge'"
    )
    name: str | None = knob(
        None, "What the page calls it; the preset's name by default.", unit="a word"
    )
    seeds: str = knob(
        "0,1,2,3,4,5,6,7,8,9", "Seeds of the runs.", unit="whole numbers and commas, or none"
    )
    runs_dir: str = knob("runs/stacked_mnist", "Where the runs go.", unit="a directory")
    data_dir: str | None = knob(None, "See gan_tf.train.", unit="a directory")
    record: str = knob(
        "docs/stacked-mnist.jsonl",
        "A line for each run; the page and its pictures lie beside it.",
        unit="a path that ends in .jsonl",
    )


def main(options: Options) -> str:
    """Trains and judges what is not on record yet; both files are written anew after each seed."""
    name = options.name or options.preset or "default"
    record = files.user_path("record", options.record)
    if record.suffix != ".jsonl":
        raise InputError(f"--record={options.record}: must end in .jsonl")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"--name={name}: must be of letters, digits, - and _")
    flags = flags_of(options)
    seeds = seeds_of(options, flags)
    done = done_of(record, options.protocol, name, flags) if seeds else set()
    process.start_tensorflow()
    data_dir = files.data_directory(options.data_dir)
    add_real_stacks(record, data_dir)
    for seed in seeds:
        if seed in done:
            continue
        print(f"{options.protocol}, {name}, seed {seed}", file=sys.stderr, flush=True)
        run_dir = Path(options.runs_dir) / options.protocol / name / f"seed-{seed}"
        told = (f"--seed={seed}", f"--run_dir={run_dir}", f"--data_dir={data_dir}")
        line = {"protocol": options.protocol, "name": name, "seed": seed, "flags": flags}
        shown = picture(record, f"{options.protocol}-{name}")
        line |= judged(run_dir, (*flags, *told), options.protocol, data_dir, shown)
        add(record, line)
        page.write(record, read(record))
    page.write(record, read(record))
    return str(record.with_suffix(".md"))


def flags_of(options: Options) -> list[str]:
    """The flags of every run, without its seed and places: of two alike the last counts."""
    chosen = [f"--preset={options.preset}"] if options.preset else []
    return [*chosen, *FLAGS[options.protocol], *flags_in(options.flags)]


def seeds_of(options: Options, flags: list[str]) -> list[int]:
    """The seeds; InputError if they are none, or the flags are none of a run's."""
    if options.seeds == "none":
        return []
    if not all(seed.isdecimal() for seed in options.seeds.split(",")):
        raise InputError(
            f"--seeds={options.seeds}: must be whole numbers and commas, as in 0,1,2, or none"
        )
    given = {each.lstrip("-").partition("=")[0] for each in flags_in(options.flags)}
    fixed = {each.lstrip("-").partition("=")[0] for each in (*ALWAYS, *FLAGS[options.protocol])}
    if taken := sorted(given & (fixed | {"seed", "run_dir", "data_dir", "preset"})):
        raise InputError(f"--flags={options.flags}: --{taken[0]} is this script's to say")
    seeds = [int(seed) for seed in dict.fromkeys(options.seeds.split(","))]
    command_line.parse(train.Options, [*flags, *ALWAYS, f"--seed={max(seeds)}"])
    return seeds


def done_of(record: Path, protocol: str, name: str, flags: list[str]) -> set[int]:
    """The seeds on record; InputError if that is of other flags."""
    wanted = (protocol, name)
    found = [line for line in read(record) if (line["protocol"], line["name"]) == wanted]
    if found and found[0]["flags"] != flags:
        raise InputError(
            f"--name={name}: {record} has runs of that name with other flags "
            f"({shlex.join(found[0]['flags']) or 'none'}); give these another --name"
        )
    return {line["seed"] for line in found}


def judged(
    run_dir: Path, flags: tuple[str, ...], protocol: str, data_dir: Path, shown: Path
) -> Line:
    """Trains a run to its end and returns what is to be said of it. Its first samples become the
    picture `shown`, unless that is of another seed already."""
    if run("train", *flags, *ALWAYS) == FAILED:
        if not (ill := run_directory.attempts_given_up(run_dir)):
            raise TrainingFailedError(f"{run_dir}: see above; the same command goes on")
        return {"failed": f"{ill[-1]['kind']} at step {ill[-1]['step']:,}"} | circumstances()
    images = exported(run_dir).sample(page.SAMPLES[protocol], seed=0)
    if not shown.exists():
        pictures.write_png(shown, pictures.grid(images[:_SHOWN], _SHOWN // 2), scale=2)
    result = json.loads((run_dir / "result.json").read_text(encoding="utf-8"))
    about = {name: result[name] for name in ("steps", "batch_size")}
    about["minutes"] = round(result["seconds"] / 60, 2)
    stacks = dataset.open_dataset(stacked.NAME, data_dir).split("train")
    found = modes.figures(modes.look(modes.judge(), images), stacks.labels)
    return about | found | circumstances()


def exported(run_dir: Path) -> servable.Servable:
    """The average of G's weights at the end of a run, exported unless that was done; a run that
    has gone on since has another one."""
    exports = run_dir / "judged"
    last = files.sha256(exporting.find_checkpoint(run_dir, "last"))
    kept = servable.versions(exports)
    if not kept or servable.read_metadata(kept[-1])["checkpoint"] != last:
        run("export", f"--run_dir={run_dir}", "--checkpoint=last", f"--output={exports}")
    return servable.load(servable.versions(exports)[-1])


def add_real_stacks(record: Path, data_dir: Path) -> None:
    """Puts on record what stacks of either split score, for each number of samples."""
    known = {line["name"] for line in read(record)}
    for name, split in page.REAL.items():
        if name in known:
            continue
        print(f"Judging {name} (once) ...", file=sys.stderr, flush=True)
        data = dataset.open_dataset(stacked.NAME, data_dir)
        numbers = sorted({*page.SAMPLES.values()})
        images = data.split(split).images[: numbers[-1]]
        seen = modes.look(modes.judge(), images)
        for samples in numbers:
            line = {"protocol": "", "name": name, "seed": 0, "flags": []}
            add(record, line | modes.figures(seen.first(samples), data.split("train").labels))
        if not (shown := picture(record, "real")).exists():
            pictures.write_png(shown, pictures.grid(images[:_SHOWN], _SHOWN // 2), scale=2)


def picture(record: Path, name: str) -> Path:
    """Where the picture of a name goes."""
    return record.with_suffix("") / f"{name}.png"


def circumstances() -> Line:
    """Where and with what a run was made and judged."""
    return {"machine": benchmark.machine(), "gan_tf": __version__}


def read(record: Path) -> list[Line]:
    """The lines on record; none if there is no file."""
    if not record.exists():
        return []
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


def add(record: Path, line: Line) -> None:
    """Puts a line on record."""
    lines = [json.dumps(each, ensure_ascii=False) for each in [*read(record), line]]
    files.write_text(record, "\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
