"""Data flows one way: a module imports only modules that stand above it in this list."""

from __future__ import annotations

import ast
from pathlib import Path

import gan_tf

LAYERS = [
    ["gan_tf"],  # The version.
    ["errors"],
    [
        "knobs",
        "files",
        "latents",
        "losses",
        "penalties",
        "optimizers",
        "signals",
        "devices",
        "pairs",
        "warm_up",
    ],
    ["theory", "parzen", "figures", "fidelity", "monitor", "converters"],
    [
        "models.initializers",
        "models.convolutions",
        "models.dropout",
        "models.normalization",
        "models.maxout",
    ],
    ["models.mlp", "models.dcgan", "models.tutorials"],
    ["models", "images"],
    ["config.game", "config.run", "config.records"],
    ["config", "command_line", "prepare", "checkpoints", "state"],
    ["data", "records", "run_directory", "steps"],
    ["classifier", "loop", "measure", "signatures"],
    ["servable"],
    ["evaluation", "artefact"],
    ["build"],
    ["attempt", "scorecard"],
    ["run"],
    ["train", "sample", "export", "evaluate", "client"],  # Entry points, imported by nobody.
]
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}
PACKAGE = Path(gan_tf.__file__).parent


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        found[name or "gan_tf"] = path
    return found


def imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gan_tf":
            module = (node.module or "").removeprefix("gan_tf").lstrip(".")
            for alias in node.names:
                full = f"{module}.{alias.name}".lstrip(".")
                names.add(full if full in LEVELS else module or "gan_tf")
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("gan_tf") for alias in node.names), path
    return names


def test_every_module_has_its_layer() -> None:
    assert set(modules()) == set(LEVELS)


def test_modules_import_only_from_above() -> None:
    upward = {
        (name, other)
        for name, path in modules().items()
        for other in imported(path)
        if LEVELS[other] >= LEVELS[name]
    }
    assert upward == set()


def test_only_the_composition_root_sees_a_config() -> None:
    users = {name for name, path in modules().items() if "config" in imported(path)}
    assert users == {"run", "attempt", "build", "artefact", "run_directory", "train"}


def test_files_can_be_held_in_a_head() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert {name: n for name, n in lengths.items() if n > 250} == {}
