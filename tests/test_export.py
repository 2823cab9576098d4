"""`python -m gan_tf.export`: the artefact that training makes, for any checkpoint kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf

from gan_tf.serving import servable
from gan_tf.serving.formats import CONVERTERS

from .conftest import Command
from .processes import start


def test_train_and_export_write_the_same_artefact(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    finished = command("export", f"--run_dir={trained}", "--output=served")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "served/1\n", "")
    mine, theirs = servable.load(tmp_path / "served" / "1"), servable.load(trained / "export" / "1")
    assert mine.metadata == theirs.metadata
    np.testing.assert_array_equal(mine.sample(8, 0), theirs.sample(8, 0))


def test_one_checkpoint_gives_the_same_bytes_in_every_process(
    tmp_path: Path, home: Path, trained: Path
) -> None:
    """In every file: new processes, whose hashes and addresses differ."""
    flags = (f"--run_dir={trained}", *(f"--{name}" for name in CONVERTERS))
    processes = [
        start(
            "export",
            *flags,
            f"--output={name}",
            cwd=tmp_path,
            home=home,
            variables={"PYTHONHASHSEED": name},
        )
        for name in ("1", "2")
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert "warning" not in errors.lower()
    found = [
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name / "1").rglob("*")
            if path.is_file()
        }
        for name in ("1", "2")
    ]
    assert len(found[0]) == 7 + len(CONVERTERS) + 6, "the page's folder has 6 files"
    assert found[0].keys() == found[1].keys()
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []
    assert str(tmp_path).encode() not in found[0]["1/assets.extra/generator.onnx"]


def test_an_export_at_the_end_of_training_has_the_same_tensors_under_the_same_keys(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    """Their names in the graph are numbered on in a process that has built other networks."""
    command("export", f"--run_dir={trained}", "--output=served")
    readers = [
        tf.train.load_checkpoint(str(place / "1" / "variables" / "variables"))
        for place in (tmp_path / "served", trained / "export")
    ]
    keys = [set(reader.get_variable_to_shape_map()) for reader in readers]
    assert keys[0] == keys[1]
    assert "generator/0/.ATTRIBUTES/VARIABLE_VALUE" in keys[0]
    for key in keys[0] - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        np.testing.assert_array_equal(*(reader.get_tensor(key) for reader in readers))


def test_the_next_version_is_a_new_one_and_another_checkpoint_another_model(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    command("export", f"--run_dir={trained}", "--output=served")
    before = (tmp_path / "served" / "1" / "saved_model.pb").read_bytes()
    finished = command("export", f"--run_dir={trained}", "--output=served", "--checkpoint=120")
    assert finished.stdout == "served/2\n"
    assert (tmp_path / "served" / "1" / "saved_model.pb").read_bytes() == before
    old, new = (servable.load(tmp_path / "served" / n) for n in ("1", "2"))
    assert (old.metadata["step"], new.metadata["step"]) == (150, 120)
    assert not np.array_equal(old.sample(8, 0), new.sample(8, 0))


def test_where_the_best_is_not_kept_the_one_that_is_taken_is_said(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "step-00000150.npz").unlink()
    flags = ("--run_dir=run", "--output=served")
    said = (
        "warning: run: the best generator was that of step 150 (attempt 1), which is not kept; "
        "taking that of step 120 (attempt 1)\n"
    )
    assert command("export", *flags).stderr == said
    assert servable.read_metadata(tmp_path / "served" / "1")["step"] == 120
    older = tmp_path / "run" / "checkpoints" / "step-00000120.npz"
    shutil.copy(older, tmp_path / "run" / "best.npz")
    assert command("export", *flags).stderr == said


def test_a_bfloat16_export_is_the_same_generator_computed_more_coarsely(
    command: Command, tmp_path: Path, trained: Path
) -> None:
    flags = (f"--run_dir={trained}", "--output=served")
    command("export", *flags)
    assert command("export", *flags, "--precision=bfloat16").stdout == "served/2\n"
    exact, coarse = (servable.load(tmp_path / "served" / n) for n in ("1", "2"))
    assert (exact.metadata.pop("precision"), coarse.metadata.pop("precision")) == (
        "float32",
        "bfloat16",
    )
    assert exact.metadata == coarse.metadata
    z = exact.latents(64, seed=0)
    difference = np.abs(exact.generate(z) - coarse.generate(z))
    assert coarse.generate(z).dtype == np.float32
    assert 0 < difference.mean() < 1 / 127.5, "less than a grey level in the mean"
    reader = tf.train.load_checkpoint(str(tmp_path / "served" / "2" / "variables" / "variables"))
    dtypes = reader.get_variable_to_dtype_map()
    del dtypes["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert set(dtypes.values()) == {tf.float32}
