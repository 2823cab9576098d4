"""Modules that have moved: their old names go on working, with a warning, for two versions."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

# What the package and its README advertised in 0.1.0; these names go in 0.4.0.
_MOVED = {
    "gan_tf.command_line": "gan_tf.config.command_line",
    "gan_tf.fidelity": "gan_tf.evaluation.fidelity",
    "gan_tf.latents": "gan_tf.game.latents",
    "gan_tf.losses": "gan_tf.game.losses",
    "gan_tf.run": "gan_tf.training.run",
    "gan_tf.servable": "gan_tf.serving.servable",
}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a moved module at its new place."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See MetaPathFinder."""
        return importlib.util.spec_from_loader(fullname, self) if fullname in _MOVED else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Returns the module of the new name."""
        new = _MOVED[spec.name]
        warnings.warn(f"{spec.name} is now {new}", DeprecationWarning, stacklevel=2)
        module = importlib.import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module has run already, under its new name; it stays what it is there."""
        assert module.__spec__
        module.__spec__ = module.__spec__.loader_state


def keep_old_names() -> None:
    """From now on an import of an old name gives the module of the new one."""
    sys.meta_path.append(_Finder())
