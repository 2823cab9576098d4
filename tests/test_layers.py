"""Data flows one way: between files and between folders, as their own imports say."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import gan_tf

PACKAGE = Path(gan_tf.__file__).parent
COMMANDS = {"train", "evaluate", "sample", "export", "report.__main__", "client", "__main__"}
Graph = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Every module of the package by its name below `gan_tf`; a folder's is the folder's name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__") or "gan_tf"] = path
    return found


MODULES = modules()


def imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: an import must say the whole name"
            base, _, module = (node.module or "").partition(".")
            if base == "gan_tf":
                for alias in node.names:
                    full = f"{module}.{alias.name}".lstrip(".")
                    names.add(full if full in MODULES else module or "gan_tf")
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("gan_tf") for alias in node.names), path
    return names


def folder(module: str) -> str:
    """The folder that a module lies in; a command is a room of its own."""
    return module if module in COMMANDS else module.partition(".")[0]


IMPORTS: Graph = {name: imported(path) - {name} for name, path in MODULES.items()}
# The package itself holds the version, keeps old names and quiets the start; none is a way round.
IMPORTS["gan_tf"] -= {"host.moved", "host.signals"}


def folders() -> Graph:
    graph: Graph = {}
    for name, others in IMPORTS.items():
        graph.setdefault(folder(name), set()).update({folder(other) for other in others})
    return {name: others - {name} for name, others in graph.items()}


def test_files_import_one_way() -> None:
    TopologicalSorter(IMPORTS).prepare()  # A CycleError names the files of the circle.


def test_folders_import_one_way() -> None:
    TopologicalSorter(folders()).prepare()


def test_commands_are_imported_by_nobody() -> None:
    assert {name: COMMANDS & others for name, others in IMPORTS.items() if COMMANDS & others} == {}
    assert {name for name in MODULES if "." not in name} - COMMANDS == {
        "gan_tf",
        *(path.parent.name for path in PACKAGE.glob("*/__init__.py")),
    }


def test_only_training_and_the_commands_see_a_config() -> None:
    users = {folder(name) for name, others in IMPORTS.items() if "config" in others}
    assert users == {"training", "train"}


def test_each_folder_says_what_it_owns_and_the_package_where_everything_is() -> None:
    here = {path.parent for path in PACKAGE.rglob("*/__init__.py")} - {PACKAGE}
    for each in here:
        docstring = ast.get_docstring(ast.parse((each / "__init__.py").read_text()))
        assert docstring, f"{each.name}/__init__.py says nothing"
    text = str(gan_tf.__doc__)
    assert "gan_tf/game/algorithm_1.py" in text
    rows = re.findall(r"^    (\w+)/ ", text, re.MULTILINE)
    assert set(rows) == {path.name for path in here if path.parent == PACKAGE}
    # "A folder imports only from those below it."
    upward = {
        (name, other)
        for name, others in folders().items()
        for other in others
        if name in rows and other in rows and rows.index(other) < rows.index(name)
    }
    assert upward == set()


def test_algorithm_1_comes_first_in_its_file_and_fits_one_screen() -> None:
    text = MODULES["game.algorithm_1"].read_text(encoding="utf-8")
    first, *others = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    assert first.name == "discriminator_first"
    updates = [each for each in others if each.name.startswith("update_")]
    last = max(each.end_lineno or 0 for each in updates)
    assert last - first.lineno < 60


def test_files_can_be_held_in_a_head() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: n for name, n in lengths.items() if n > 250} == {}


def test_calls_name_their_arguments_where_there_are_more_than_a_few() -> None:
    """At most five without a name; a star stands for few."""
    crowded = [
        f"{name}:{node.lineno}"
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and len(node.args) > 6
    ]
    assert crowded == []
