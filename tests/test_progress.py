"""The progress bar on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path


def on_terminal(columns: int, *flags: str, directory: Path, home: Path) -> list[str]:
    """Trains on a terminal of that width; returns all that its bar showed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "gan_tf.train", *flags],
        cwd=directory,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            written += os.read(ours, 1 << 16)
        except OSError:  # The other end is closed.
            break
    os.close(ours)
    assert process.wait(timeout=60) == 0, written.decode()
    lines = re.split(r"[\r\n]+", written.decode())
    return [line.rstrip() for line in lines if re.match(r" *\d+% ", line)]


def test_the_bar_drops_what_does_not_fit_least_important_first(
    tmp_path: Path, home: Path, data_dir: Path
) -> None:
    flags = (
        *("--arch=mlp", "--run_dir=run", "--batch_size=8", "--export=none", "--log_every=2"),
        *("--evaluate_every=4", "--evaluate_images=500", "--sample_every=100"),
    )
    most = r" img/s, .*D\(x\) .*FD \d+\.\d\d\]$"
    least = r"<[0-9:]+, FD \d+\.\d\d\]$"
    for columns, steps, figures in ((80, 4, most), (40, 8, least)):
        shown = on_terminal(columns, *flags, f"--steps={steps}", directory=tmp_path, home=home)
        assert max(map(len, shown)) < columns, shown
        assert re.search(figures, shown[-1]), shown
