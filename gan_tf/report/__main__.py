"""Make a report of a run, or of several side by side: one page that opens from disk.

The page needs no network and nothing beside it. Of one run it shows how it
went, its samples over time, what its export draws, and its figures: those of a
JSON file of gan_tf.evaluate, if one lies in the run directory, or else the
run's own. Of several runs it shows their curves in one plot, their samples and
figures side by side, and the flags in which they differ.

What cannot be read is left out, and the page says so.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

from gan_tf.config import command_line
from gan_tf.config.knobs import knob
from gan_tf.host.errors import InputError


@dataclass(frozen=True)
class Options:
    """Which runs, to where, and what to leave out."""

    run_dirs: str | None = knob(
        None, "The runs to report on.", unit="run directories, with commas between them"
    )
    output: str = knob("report.html", "What to write.", unit="a path that ends in .html")
    no_training_images: bool = knob(
        False,
        "Leave out the images that the run was trained on. Otherwise samples stand beside the real "
        "images most like them, where the data is at hand, and the page says so.",
    )
    watch: bool = knob(
        False,
        "Write the page of a run anew every 15 seconds until the run ends, without what its "
        "export draws.",
    )


def main(options: Options) -> str:
    """Writes the page and says where."""
    if options.run_dirs is None or not options.run_dirs.strip(","):
        raise InputError("--run_dirs: must name a run directory, or several with commas between")
    from gan_tf.host.files import user_path

    names = [each for each in options.run_dirs.split(",") if each]
    with contextlib.suppress(OSError):  # Many names are too long for one.
        if user_path("run_dirs", options.run_dirs).is_dir():  # A name may hold a comma.
            names = [options.run_dirs]
    directories = [user_path("run_dirs", each) for each in names]
    output = user_path("output", options.output)
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--output={output}: must be a path that ends in .html")
    if output.is_dir():
        raise InputError(f"--output={output}: is a directory; it must be a file")
    if options.watch and len(directories) != 1:
        raise InputError("--watch: must have one run in --run_dirs")
    for each in directories:
        if not each.is_dir():
            raise InputError(f"--run_dirs={each}: must be a run directory; there is none")
    from gan_tf.training import reporting, run_directory

    own = [each.resolve() / reporting.NAME for each in directories]
    if own != [output.parent.resolve() / output.name]:
        run_directory.spare("output", output)
    if options.watch:
        reporting.watch(directories[0], output)
    elif len(directories) == 1:
        reporting.write(directories[0], output, training_images=not options.no_training_images)
    else:
        reporting.compare(directories, output)
    return str(output)


if __name__ == "__main__":
    sys.exit(command_line.run(main, Options, __doc__ or ""))
