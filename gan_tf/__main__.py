"""The console command: `gan_tf train ...` is `python -m gan_tf.train ...`."""

from __future__ import annotations

import difflib
import runpy
import sys

COMMANDS = {
    "train": ("train a GAN, or go on with a run", "--arch=dcgan"),
    "evaluate": ("judge an exported generator", "--run_dir=runs/dcgan-mnist"),
    "sample": ("draw images from an exported generator", "--run_dir=runs/dcgan-mnist"),
    "export": ("export a run's generator as a SavedModel", "--run_dir=runs/dcgan-mnist"),
    "report": ("make a page of a run, or of several", "--run_dirs=runs/dcgan-mnist"),
    "client": ("ask TensorFlow Serving for images", "--seeds=0,1,2,3"),
}


def main() -> int:
    """Lists the commands, or passes on to one; returns the exit status."""
    name, *flags = sys.argv[1:] or ["--help"]
    if name in COMMANDS:
        sys.argv = [name, *flags]
        runpy.run_module(f"gan_tf.{name}", run_name="__main__", alter_sys=True)
    if name in ("-h", "--help", "-help", "--helpfull"):
        print(usage())
        return 0
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    print(f"gan_tf: {name!r}: must be one of {', '.join(COMMANDS)}{hint}", file=sys.stderr)
    return 2


def usage() -> str:
    """A line for each command, and an example."""
    lines = ["usage: gan_tf COMMAND [--flag=value ...]", ""]
    for name, (what, example) in COMMANDS.items():
        lines += [f"  {name:<9} {what}", f"            gan_tf {name} {example}"]
    return "\n".join([*lines, "", "gan_tf COMMAND --help lists the flags of a command."])


if __name__ == "__main__":
    sys.exit(main())
