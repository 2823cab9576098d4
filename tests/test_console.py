"""What is installed: the console command, presets from anywhere, old names, other systems."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gan_tf.__main__ import COMMANDS
from gan_tf.config import Config, command_line, presets
from gan_tf.host import moved
from gan_tf.train import Options

from .processes import ROOT

FLAGS = sorted(path.stem for path in (ROOT / "flags").glob("*.flags"))


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("flags", [(), ("--help",)])
def test_the_commands_are_listed_with_an_example_each(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    finished = python("-m", "gan_tf", *flags, cwd=tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert max(map(len, finished.stdout.splitlines())) <= 80
    for name, (what, example) in COMMANDS.items():
        assert f"  {name:<9} {what}\n            gan_tf {name} {example}\n" in finished.stdout


def test_it_passes_on_to_a_command_and_its_status(tmp_path: Path) -> None:
    console = Path(sys.executable).parent / "gan_tf"
    for start in ([sys.executable, "-m", "gan_tf"], [str(console)]):
        flags = ["train", "--arch=mlp", "--dry_run"]
        finished = subprocess.run([*start, *flags], cwd=tmp_path, capture_output=True, check=True)
        assert json.loads(finished.stdout)["arch"] == "mlp"
    wrong = python("-m", "gan_tf", "train", "--steps=0", cwd=tmp_path)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert wrong.stderr.startswith("gan_tf.train: --steps=0: must be")
    unknown = python("-m", "gan_tf", "trian", cwd=tmp_path)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.endswith("(did you mean train?)\n")


def test_a_preset_is_its_flag_file_wherever_it_stands(tmp_path: Path) -> None:
    assert list(presets.NAMES) == FLAGS
    for name in FLAGS:
        named = command_line.parse(Options, [f"--preset={name}"])
        file = command_line.parse(Config, [f"--flagfile={ROOT / 'flags' / name}.flags"])
        assert named.to_json() == file.to_json()
        assert 2 < len(presets.summary(name)) < 56, "one line of --help"
    # The last of two equal flags wins, before the preset and after it; also from a flag file.
    parsed = command_line.parse(Options, ["--max_restarts=5", "--preset=mlp", "--latent_dim=7"])
    assert (parsed.max_restarts, parsed.latent_dim, parsed.arch) == (5, 7, "mlp")
    parsed = command_line.parse(Options, ["--latent_dim=7", "--preset", "mlp"])
    assert parsed.latent_dim == 64
    (tmp_path / "mine.flags").write_text("--preset=mlp\n--seed=4\n")
    parsed = command_line.parse(Options, [f"--flagfile={tmp_path / 'mine.flags'}"])
    assert (parsed.arch, parsed.seed) == ("mlp", 4)


@pytest.mark.parametrize("old", sorted(moved._MOVED))
def test_old_names_go_on_working_with_a_warning(tmp_path: Path, old: str) -> None:
    package, _, name = old.rpartition(".")
    new = moved._MOVED[old]
    program = (
        "import warnings, sys\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        f"    from {package} import {name} as old\n"
        f"    import {old}\n"
        f"import {new}\n"
        f"assert old is sys.modules['{new}'] is sys.modules['{old}']\n"
        f"assert old.__spec__.name == '{new}'\n"
        "(one,) = [each for each in caught if each.category is DeprecationWarning"
        " and 'gan_tf' in str(each.message)]\n"
        "print(one.message)\n"
    )
    finished = python("-c", program, cwd=tmp_path)
    assert finished.stdout.splitlines()[-1] == f"{old} is now {new}", finished.stderr


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_are_told_what_is_supported(tmp_path: Path, system: str) -> None:
    """As it is there: Python says so, and has no fcntl on Windows."""
    program = (
        "import runpy, sys\n"
        f"sys.platform = {system!r}\n"
        "sys.modules['fcntl'] = None\n"
        "sys.argv = ['train', '--steps=1']\n"
        "runpy.run_module('gan_tf.train', run_name='__main__', alter_sys=True)\n"
    )
    finished = python("-c", program, cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (2, "")
    (line,) = finished.stderr.splitlines()
    assert f"gan_tf runs on Linux, not on {system}: use WSL 2 on Windows" in line
    assert not list(tmp_path.iterdir())
