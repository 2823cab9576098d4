"""The wheel and the sdist, as others get them: whole, truly described, and at work elsewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import gan_tf
from gan_tf.config import presets

from .conftest import Once
from .processes import ROOT

NAME = f"gan_tf-{gan_tf.__version__}"
# Of use in the repository alone.
LEFT_OUT = {".ci/run", ".gitignore"}


HERE = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path, home: Path, path: Path = HERE) -> str:
    """Runs a command, with the programs in `path` before others; returns what it printed."""
    environment = {"HOME": str(home), "PATH": f"{path}:{os.environ['PATH']}"}
    finished = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def build(kind: str, source: Path, place: Path) -> None:
    """Calls what pyproject.toml names to build with, as pip does."""
    program = f"from setuptools import build_meta; build_meta.build_{kind}({str(place)!r})"
    run(sys.executable, "-c", program, cwd=source, home=place)


def make(place: Path) -> None:
    """Builds the sdist, then the wheel from it; installs the wheel in a new environment."""
    # A copy, for a build writes into its source, and reads what an earlier one wrote there.
    ignored = shutil.ignore_patterns(".*", "runs", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, place / "copy", ignore=ignored)
    for folder in ("gan_tf", "scripts", "tests"):  # As in a checkout that is used.
        (place / "copy" / folder / "__pycache__").mkdir()
        (place / "copy" / folder / "__pycache__" / "old.cpython-311.pyc").touch()
    build("sdist", place / "copy", place)
    with tarfile.open(place / f"{NAME}.tar.gz") as packed:
        packed.extractall(place, filter="data")
    build("wheel", place / NAME, place)
    environment = place / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=place, home=place)
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python")
    (wheel,) = place.glob("*.whl")
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=place, home=place)
    # TensorFlow and the others come from here. Python reads no .pth file of a directory that a .pth
    # file names, so the checkout, which is installed here by one, is not found.
    others = [path for path in sys.path if path.endswith("-packages")]
    (site(place) / "others.pth").write_text("\n".join(others))


def site(packages: Path) -> Path:
    """Where the wheel is installed."""
    (found,) = (packages / "environment").glob("lib/python3*/site-packages")
    return found


@pytest.fixture(scope="session")
def packages(once: Once) -> Path:
    return once("packages", make)


@pytest.fixture(scope="session")
def description(packages: Path) -> str:
    """What a package site shows."""
    (installed,) = metadata.distributions(path=[str(site(packages))])
    return (installed.read_text("METADATA") or "").partition("\n\n")[2]


def test_the_sdist_has_what_is_tracked_and_no_more(packages: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing says what is tracked")

    def listed(*flags: str) -> set[str]:
        return set(run("git", "ls-files", *flags, cwd=ROOT, home=Path.home()).splitlines())

    differing = []
    with tarfile.open(packages / f"{NAME}.tar.gz") as packed:
        found = {each.name.removeprefix(f"{NAME}/"): each for each in packed if each.isfile()}
        tracked = listed() - LEFT_OUT
        assert tracked - found.keys() == set()
        new = listed("--others", "--exclude-standard")  # They may be tracked soon.
        more = found.keys() - tracked - new - {"PKG-INFO"}
        assert [name for name in more if not name.startswith("gan_tf.egg-info/")] == []
        for name, file in found.items():
            if name in tracked - {"setup.cfg"}:  # A build adds a section to it.
                content = packed.extractfile(file)
                same = content and content.read() == (ROOT / name).read_bytes()
                if not same or bool(file.mode & 0o100) != os.access(ROOT / name, os.X_OK):
                    differing.append(name)
    assert differing == []


def test_the_wheel_has_the_package_and_the_presets(packages: Path) -> None:
    wanted = {
        path.relative_to(ROOT).as_posix(): path
        for path in (ROOT / "gan_tf").rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    } | {f"gan_tf/presets/{path.name}": path for path in (ROOT / "flags").iterdir()}
    (wheel,) = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        found = {name for name in packed.namelist() if not name.startswith(f"{NAME}.dist-info/")}
        assert found == wanted.keys()
        differing = [name for name in found if packed.read(name) != wanted[name].read_bytes()]
    assert differing == []


def test_the_metadata_name_both_licences(packages: Path) -> None:
    (installed,) = metadata.distributions(path=[str(site(packages))])
    assert installed.metadata["License-Expression"] == "MIT AND CC-BY-SA-3.0"
    texts = [
        installed.read_text(f"licenses/{name}") or ""
        for name in installed.metadata.get_all("License-File") or []
    ]
    assert len(texts) == 4
    assert texts[0].startswith("MIT License")
    assert "Licence: Creative Commons Attribution-ShareAlike 3.0" in texts[1]
    assert "Copyright (c) Microsoft Corporation" in texts[3]
    # The sdist says the same.
    assert installed.read_text("METADATA") == (packages / NAME / "PKG-INFO").read_text("utf-8")


def test_the_description_leads_to_no_file_of_the_repository(description: str) -> None:
    assert description.startswith("# gan_tf\n")
    assert re.findall(r"\]\((?!https://).*?\)|\]\[|<(?!https://).*?>", description) == []
    for block in re.findall(r"```sh\n(.*?)```", description, re.DOTALL):
        for line in block.splitlines():
            assert line.partition(" ")[0] == "gan_tf"


def test_the_wheels_commands_work_from_elsewhere(
    packages: Path, description: str, tmp_path: Path
) -> None:
    """Those of the README and of the description that train, without the training."""
    programs = packages / "environment" / "bin"

    def here(*command: str) -> str:
        return run(*command, cwd=tmp_path, home=tmp_path, path=programs)

    place = here("python", "-c", "import gan_tf; print(gan_tf.__file__)")
    assert place == f"{site(packages)}/gan_tf/__init__.py\n"
    assert "\n            gan_tf train --" in here("gan_tf")
    pages = (ROOT / "README.md").read_text("utf-8") + description
    lines = re.findall(r"^(?:python -m gan_tf\.|gan_tf )train.*", pages, re.MULTILINE)
    assert len(lines) >= 7
    for line in lines:
        words = shlex.split(line, comments=True)
        if "--help" in words:
            usage = here(*words)
            assert [name for name in presets.NAMES if f"\n  {name} " not in usage] == []
        else:
            config = json.loads(here(*words, "--dry_run"))
            assert config["images"] or config["dataset"] in ("mnist", "cifar10")


def test_the_wheel_trains(packages: Path, tmp_path: Path, home: Path) -> None:
    flags = ("--arch=mlp", "--steps=2", "--export=none")
    programs = packages / "environment" / "bin"
    told = run("gan_tf", "train", *flags, cwd=tmp_path, home=home, path=programs)
    assert told.startswith("2 steps (2 of them now) in ")
    assert (tmp_path / "runs" / "mlp-mnist" / "samples" / "step-00000002.png").exists()


def test_the_sdists_own_tests_start(packages: Path, tmp_path: Path) -> None:
    """They are as many as here, and those that are quick pass."""
    # Compiled without pytest's additions to each assert, which take longer than the tests.
    flags = (
        "-q",
        "-p",
        "no:cacheprovider",
        "--assert=plain",
        "-k",
        "test_its_links_lead_somewhere",
    )

    def counts(python: Path, tree: Path) -> list[str]:
        told = run(python, "-m", "pytest", *flags, cwd=tree, home=tmp_path)
        return re.findall(r"\d+ (?:passed|deselected)", told.splitlines()[-1])

    theirs = counts(packages / "environment" / "bin" / "python", packages / NAME)
    assert len(theirs) == 2
    assert theirs == counts(Path(sys.executable), ROOT)
