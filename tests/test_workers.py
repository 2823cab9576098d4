"""Several processes train one run: what they compute, and what ends them, for real, on loopback."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import namespaces
import numpy as np
import pytest
from pairs import Ended, Workers

from gan_tf import train
from gan_tf.config import command_line
from gan_tf.host.errors import InputError, TrainingFailedError
from gan_tf.training import metrics
from gan_tf.workers import connection, launch, meeting, place
from gan_tf.workers.connection import Connection
from gan_tf.workers.place import Place

from .conftest import assert_same_bits, checkpoint, executed
from .processes import ROOT, run_warm

FLAGS = (
    *("--batch_size=16", "--evaluate_every=0", "--export=none", "--sample_every=1000"),
    "--on_collapse=ignore",
)
MLP = (*FLAGS, "--arch=mlp", "--log_every=2", "--checkpoint_every=10", "--steps=60")


def distance(one: Path, other: Path, step: int) -> float:
    """|a - b| / |a| of all weights and moments of a player; the larger of the two players'."""
    mine, theirs = checkpoint(one, step), checkpoint(other, step)
    assert mine.keys() == theirs.keys()
    found = []
    for player in ("generator", "discriminator"):
        own = [name for name in mine if name.startswith(f"{player}/")]
        names = [name for name in own if mine[name].dtype.kind == "f"]  # Seeds of dropout are 1e9.
        a, b = (np.concatenate([np.ravel(state[n]) for n in names]) for state in (mine, theirs))
        a, b = a.astype(np.float64), b.astype(np.float64)
        found.append(float(np.linalg.norm(a - b) / np.linalg.norm(a)))
    return max(found)


def launched(cwd: Path, home: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """`python -m gan_tf.train --workers=2`, to its end."""
    finished = subprocess.run(
        [sys.executable, "-m", "gan_tf.train", "--workers=2", *flags],
        cwd=cwd,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished


def test_two_workers_compute_what_one_process_does(tmp_path: Path, home: Path) -> None:
    """With batch norm, R1, and what is random for each image. By plain descent, for Adam makes of
    rounding what it likes, on one process as on two."""
    flags = (
        *(*FLAGS, "--mirror", "--augment=diffaugment", "--checkpoint_every=1", "--steps=20"),
        *("--optimizer=sgd", "--generator_lr=0.01", "--discriminator_lr=0.01", "--log_every=20"),
        *("--keep_checkpoints=20", "--evaluate_every=20", "--evaluate_images=500"),
    )
    alone = run_warm("train", *flags, "--run_dir=one", cwd=tmp_path, home=home, timeout=240)
    assert alone.returncode == 0, alone.stderr
    finished = launched(tmp_path, home, *flags, "--run_dir=two")
    assert executed(finished.stdout) == 20
    assert "worker 1: done: 20 steps as worker 1 (127.0.0.1:" in finished.stderr
    one, two = tmp_path / "one", tmp_path / "two"
    assert 0.0 < distance(one, two, 1) < 1e-5
    assert 0.0 < distance(one, two, 20) < 1e-3
    assert checkpoint(one, 20)["sums/steps"] == checkpoint(two, 20)["sums/steps"]
    mine, theirs = (metrics.read_metrics(run / "metrics.jsonl")[-1] for run in (one, two))
    for name in ("frechet_distance", "kid", "diversity"):  # Each worker drew half of the samples.
        assert theirs[name] == pytest.approx(mine[name], rel=1e-2)
    assert 0.0 < theirs["waited_least"] <= theirs["waited"]
    assert "waited" not in mine


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """A run of two workers to which nothing happened, with dropout."""
    directory = tmp_path_factory.mktemp("untouched")
    launched(directory, home, *MLP, "--run_dir=run")
    return directory / "run"


def test_a_killed_worker_ends_all_and_the_run_goes_on_with_the_same_bits(
    tmp_path: Path, home: Path, untouched: Path
) -> None:
    ended = faulty(tmp_path, home, signal.SIGKILL)
    assert (ended[0].status, ended[1].status) == (1, -signal.SIGKILL)
    assert ended[0].last.startswith("gan_tf.train: worker 1 (127.0.0.1:")
    assert ended[0].last.endswith(") ended; the same command goes on from the last checkpoint")
    assert ended[0].seconds < 20.0
    launched(tmp_path, home, *MLP, "--run_dir=run")
    assert_same_bits(untouched, tmp_path / "run", 60)


def test_a_worker_that_is_lost_while_tensorflow_starts_is_named(tmp_path: Path, home: Path) -> None:
    """Standard error is turned away then, for TensorFlow's greetings."""
    workers = Workers((*MLP, "--run_dir=run"), tmp_path, variables=homes(home))
    maps = Path(f"/proc/{workers.processes[1].pid}/maps")
    while "libtensorflow" not in maps.read_text():
        assert not workers.one_ended()
        time.sleep(0.02)
    workers.processes[0].kill()
    survivor = workers.ends(40.0)[1]
    assert survivor.status == 1
    assert survivor.said == [
        f"gan_tf.train: worker 0 ({workers.addresses[0]}) ended; the same command goes on from the "
        "last checkpoint"
    ]


def test_a_chief_that_is_lost_while_tensorflow_connects_is_named(
    tmp_path: Path, home: Path
) -> None:
    """TensorFlow waits for its server with the interpreter held: no thread could say so."""
    addresses = launch.free_addresses(2)
    config = {"TF_CONFIG": place.config_of(Place(1, addresses)), "HOME": str(home)}
    host, port = addresses[0].split(":")
    with socket.create_server((host, int(port))) as own:
        worker = subprocess.Popen(
            [sys.executable, "-m", "gan_tf.train", *MLP, "--run_dir=run"],
            cwd=tmp_path,
            env=os.environ | config,
            stderr=subprocess.PIPE,
            text=True,
        )
        link, _ = own.accept()
    link.settimeout(60.0)
    chief = Connection(link)
    assert chief.receive()["rank"] == 1
    for words in ({"go": True}, {"imported": True}):
        chief.say(words)
    assert chief.receive() == {"imported": True}
    chief.close()
    start = time.monotonic()
    errors = said_by(worker)
    assert time.monotonic() - start < 20.0
    assert worker.returncode in (1, -signal.SIGKILL)  # The process beside it can only kill it.
    assert errors == (
        f"gan_tf.train: worker 0 ({addresses[0]}) ended; the same command goes on from the last "
        "checkpoint\n"
    )


def test_a_worker_that_is_lost_while_the_chief_connects_is_named(
    tmp_path: Path, home: Path
) -> None:
    addresses = launch.free_addresses(2)
    flags = (*MLP, "--run_dir=run")
    about = train._about(command_line.parse(train.Options, flags), Place(1, addresses))
    config = {"TF_CONFIG": place.config_of(Place(0, addresses)), "HOME": str(home)}
    chief = subprocess.Popen(
        [sys.executable, "-m", "gan_tf.train", *flags],
        cwd=tmp_path,
        env=os.environ | config,
        stderr=subprocess.PIPE,
        text=True,
    )
    (link,) = meeting.meet(Place(1, addresses), about, 60.0).values()
    link.say({"imported": True})
    assert link.receive() == {"imported": True}
    link.close()
    start = time.monotonic()
    errors = said_by(chief)
    assert time.monotonic() - start < 20.0
    assert chief.returncode in (1, -signal.SIGKILL)
    lost = f"worker 1 ({addresses[1]}) ended; the same command goes on from the last checkpoint"
    assert errors.strip() == f"gan_tf.train: {lost}"


def said_by(process: subprocess.Popen[str]) -> str:
    """What a process says on standard error until it ends, which it must."""
    try:
        return process.communicate(timeout=90)[1]
    finally:
        process.kill()


def test_a_signal_to_any_worker_saves_and_another_number_of_them_goes_on(
    tmp_path: Path, home: Path, untouched: Path
) -> None:
    ended = faulty(tmp_path, home, signal.SIGTERM)
    assert (ended[0].status, ended[1].status) == (75, 75)
    saved = "gan_tf.train: saved at step "
    assert ended[0].last.startswith(saved)
    assert ended[1].last == ended[0].last
    assert ended[0].seconds < 20.0
    flags = (*MLP, "--run_dir=run")
    alone = run_warm("train", *flags, cwd=tmp_path, home=home, timeout=240)
    assert alone.returncode == 0, alone.stderr
    assert 0 < executed(alone.stdout) < 60
    assert distance(untouched, tmp_path / "run", 60) < 1.0  # Adam; the same batches and masks.


def faulty(cwd: Path, home: Path, number: signal.Signals) -> dict[int, Ended]:
    """Two workers in the midst of a run, of which the second gets a signal."""
    workers = Workers((*MLP, "--run_dir=run"), cwd, variables=homes(home))
    workers.wait_for(cwd / "run" / "metrics.jsonl", 5)
    workers.processes[1].send_signal(number)
    return workers.ends(40.0)


def homes(home: Path) -> dict[int, dict[str, str]]:
    """Of two workers, by rank."""
    return {rank: {"HOME": str(home)} for rank in (0, 1)}


def test_a_slow_worker_is_named_once(tmp_path: Path, home: Path) -> None:
    """One on whose cores something else computes, too."""
    flags = (*FLAGS, "--arch=mlp", "--run_dir=run", "--log_every=2", "--steps=1000000")
    workers = Workers(flags, tmp_path, variables=homes(home))
    workers.wait_for(tmp_path / "run" / "metrics.jsonl", 5)
    with ExitStack() as stack:
        stack.callback(workers.kill)
        for _ in range(3):
            other = subprocess.Popen(
                [sys.executable, "-c", "while True: pass"],
                preexec_fn=functools.partial(os.sched_setaffinity, 0, launch.shares(2)[1]),
            )
            stack.callback(other.wait)
            stack.callback(other.kill)
        deadline = time.monotonic() + 150.0
        while time.monotonic() < deadline:
            time.sleep(1.0)
            told = [line for line in workers.said(0) if " is slow" in line]
            if told:
                break
    assert len(told) == 1
    named = re.escape(f"worker 1 ({workers.addresses[1]}) is slow: the others wait for it, ")
    assert re.fullmatch(named + r"[2-9]\d % of the time", told[0].strip())


@pytest.fixture
def net() -> Iterator[namespaces.Network]:
    """Two hosts with a network between them."""
    with ExitStack() as stack:
        try:
            made = stack.enter_context(namespaces.network(2))
        except InputError as error:
            pytest.skip(str(error))
        yield made


def test_a_cut_network_ends_all_and_the_run_goes_on_with_the_same_bits(
    tmp_path: Path, home: Path, untouched: Path, net: namespaces.Network
) -> None:
    def start() -> Workers:
        return Workers((*MLP, "--run_dir=run"), tmp_path, variables=homes(home), hosts=net.hosts)

    workers = start()
    workers.wait_for(tmp_path / "run" / "metrics.jsonl", 6)
    net.cut(1)
    ended = workers.ends(60.0)
    for rank, other in ((0, "worker 1 (10.77.0.2:2222)"), (1, "worker 0 (10.77.0.1:2222)")):
        assert ended[rank].status == 1
        assert ended[rank].last == (
            f"gan_tf.train: {other} gave no sign of life for 20 s; the same command goes on from "
            "the last checkpoint"
        )
        assert 15.0 < ended[rank].seconds < 30.0
    net.mend(1)
    assert [each.status for each in start().ends(120.0).values()] == [0, 0]
    assert_same_bits(untouched, tmp_path / "run", 60)


def test_a_worker_that_never_comes_is_named(tmp_path: Path) -> None:
    workers = Workers((*MLP, "--start_timeout=1"), tmp_path, missing=1)
    ended = workers.ends(40.0)
    assert ended[0].status == 1
    assert ended[0].said == [
        f"gan_tf.train: worker 1 ({workers.addresses[1]}) did not come within 1 s "
        "(--start_timeout); is it started?"
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "worker-0.log"]


def test_a_worker_that_dies_while_others_come_is_named() -> None:
    addresses = launch.free_addresses(3)
    lines = {}

    def chief() -> None:
        try:
            meeting.meet(Place(0, addresses), {}, 30.0)
        except TrainingFailedError as error:
            lines[0] = str(error)

    thread = threading.Thread(target=chief, daemon=True)
    thread.start()
    dead = come(addresses, 1)
    # Of a killed process that has not read all that it was sent, the other end hears so at once.
    dead.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    dead.close()
    with come(addresses, 2) as other:
        told = Connection(other).receive()
    thread.join()
    assert lines[0] == f"worker 1 ({addresses[1]}) ended before the start"
    assert told == {"end": 1, "line": lines[0]}


def come(addresses: Sequence[str], rank: int) -> socket.socket:
    """Comes to the chief, as a worker does."""
    host, port = addresses[0].split(":")
    for _ in range(100):
        with contextlib.suppress(OSError):
            link = socket.create_connection((host, int(port)), timeout=30.0)
            Connection(link).say({"rank": rank, "about": {}})
            return link
        time.sleep(0.1)
    raise TimeoutError


def test_a_slow_link_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes longer than the longest silence is no silence, while some of it comes."""
    monkeypatch.setattr(connection, "SILENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        mine, _ = server.accept()
    theirs.settimeout(10.0)
    lost: list[str] = []
    sender = Connection(mine)
    sender.watch(lost.append, lambda message: False)
    content = {"state": np.zeros(2**25, np.uint8)}
    thread = threading.Thread(target=sender.send, args=(content,), daemon=True)
    start = time.monotonic()
    thread.start()
    left = 2**25
    while left > 0:
        left -= len(theirs.recv(2**20))
        theirs.sendall(b"." + bytes(8))  # A sign of life.
        time.sleep(0.05)
    thread.join(10.0)
    assert time.monotonic() - start > 1.0
    assert (thread.is_alive(), lost) == (False, [])
    theirs.close()
    mine.close()


def test_a_worker_without_memory_for_what_it_is_sent_ends_all(tmp_path: Path) -> None:
    """What fails in the thread that listens must not leave two processes that wait."""
    program = textwrap.dedent("""
        import resource, sys
        import numpy as np
        from gan_tf.workers import team
        from gan_tf.workers.place import Place

        rank, *addresses = sys.argv[1:]
        with team.joined(Place(int(rank), tuple(addresses)), {}, 10.0) as together:
            if together.is_chief:
                together.tell({"attempt": 1}, {"weights": np.zeros(2**28, np.uint8)})
                together.hear()
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**28,) * 2)
            together.told()
            together.told()
    """)
    addresses = launch.free_addresses(2)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(rank), *addresses],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [1, 1]
    line = f"worker 0 ({addresses[0]}) sent more than there is memory for here; the same command"
    assert line in said[1], said


def test_workers_with_different_flags_are_told_which(tmp_path: Path) -> None:
    workers = Workers(MLP, tmp_path, own={1: ["--batch_size=32"]})
    first, second = workers.ends(60.0).values()
    assert (first.status, second.status) == (2, 2)
    addresses = workers.addresses
    assert first.said == second.said
    assert first.said == [
        f"gan_tf.train: worker 1 ({addresses[1]}) has --batch_size=32, and worker 0 "
        f"({addresses[0]}) has 16; all workers must have the same"
    ]


def test_a_place_is_read_from_tf_config_or_from_slurm() -> None:
    addresses = ("a.b:1", "10.0.0.2:65535", "c:3")
    for rank in range(3):
        text = place.config_of(Place(rank, addresses))
        assert place.of_process(1, {"TF_CONFIG": text}) == Place(rank, addresses)
    chief = (
        '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", "index": 0}}'
    )
    assert place.of_process(2, {"TF_CONFIG": chief}) == Place(1, ("a:1", "b:1"))
    assert place.of_process(1, {}) is None
    assert place.of_process(8, {"SLURM_STEP_NUM_TASKS": "1"}) is None


TWO = '"cluster": {"worker": ["a:1", "b:2"]}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("worker 0", "TF_CONFIG: is not JSON; it must look like {"),
        ("[]", "TF_CONFIG: has no cluster; it must look like {"),
        (f"{{{TWO}}}", "TF_CONFIG: has no task; it must look like {"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {}}', "must have no ps, only worker (and chief)"),
        ('{"cluster": {"worker": "a:1"}, "task": {}}', "worker must be a list of addresses"),
        ('{"cluster": {"worker": ["a"]}, "task": {}}', "a in worker must be an address HOST:PORT"),
        (
            '{"cluster": {"worker": ["a:99999"]}, "task": {}}',
            "a:99999 in worker must be an address",
        ),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {}}', "a:1 stands there twice"),
        (f'{{{TWO}, "task": {{"type": "worker", "index": 2}}}}', "its task is worker 2, which its"),
        (f'{{{TWO}, "task": {{"type": "evaluator", "index": 0}}}}', "its task is evaluator 0"),
    ],
)
def test_what_is_wrong_with_tf_config_is_said(text: str, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        place.of_process(1, {"TF_CONFIG": text})


def test_a_batch_that_they_cannot_share_is_refused() -> None:
    place.check_batch(12, 4)
    with pytest.raises(InputError, match="must be a multiple of 5, such as 10 or 15"):
        place.check_batch(12, 5)
    with pytest.raises(InputError, match=r"such as 4$"):
        place.check_batch(2, 4)


def test_a_pod_of_the_job_knows_its_place() -> None:
    """Its own shell makes TF_CONFIG; instead of the training it says what that is."""
    text = (ROOT / "scripts" / "cluster" / "job.yaml").read_text()
    script = textwrap.dedent(text[text.index("workers=$(seq") - 14 : text.index("exec python")])
    variables = {"WORKERS": "11", "JOB_COMPLETION_INDEX": "10", "PATH": os.environ["PATH"]}
    command = ["sh", "-ec", f'{script}printf %s "$TF_CONFIG"']
    said = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout
    addresses = tuple(f"gan-tf-{rank}.gan-tf:2222" for rank in range(11))
    assert place.of_process(1, {"TF_CONFIG": said}) == Place(10, addresses)


def test_the_two_processes_of_the_readme(tmp_path: Path, home: Path) -> None:
    """Word for word."""
    (command,) = re.findall(r"^python .*--workers=2.*$", (ROOT / "README.md").read_text(), re.M)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    finished = subprocess.run(
        ["bash", "-ec", command],
        cwd=tmp_path,
        env={"HOME": str(home), "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert executed(finished.stdout) == 100
    assert (tmp_path / "runs" / "two" / "export" / "1" / "saved_model.pb").exists()


def test_slurms_tasks_are_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "SLURM_PROCID": "3",
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_STEP_NODELIST": "node[1-2]",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = place.of_process(1)
    assert found == Place(3, ("node1:8888", "node1:8889", "node2:8888", "node2:8889"))
    with pytest.raises(InputError, match="--workers=2: TF_CONFIG or Slurm says that there are 4"):
        place.of_process(2)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "four")
    with pytest.raises(InputError, match="SLURM_STEP_NUM_TASKS=four: must be a whole number"):
        place.of_process(1)
