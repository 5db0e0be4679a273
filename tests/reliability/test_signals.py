"""Signals that ask a run to stop, and processes whose parent is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LONG = (
    "train",
    "--arch",
    "resnet8",
    "--dataset",
    "digits",
    "--epochs",
    "400",
    "--batch-size",
    "64",
    "--threads",
    "1",
)


@pytest.fixture
def started(tmp_path, data_folder):
    """Start a long training in a process of its own, and wait until it is at work."""
    running = []

    def start(*more):
        environment = os.environ | {
            "PRUNEKIT_STORE": str(tmp_path / "store"),
            "PRUNEKIT_DATA": str(data_folder),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "prunekit", *LONG, *more],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: [
                signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)
            ],
        )
        running.append(process)
        assert "training: " in process.stderr.readline()  # what a log hears
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_who_is_asked_to_stop_says_so_and_keeps_what_is_trained(started, tmp_path, number):
    process = started()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (
        said.splitlines()[-1]
        == "prunekit: interrupted; finished results are kept; run the same command again to resume"
    )
    assert len(list((tmp_path / "store" / "checkpoints").iterdir())) == 1
    assert list((tmp_path / "store").rglob("*.part")) == []


def children_of(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in found]


def alive(pid):
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks at /proc")
@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL])
def test_processes_that_train_together_end_with_the_one_that_started_them(started, number):
    process = started("--devices", "2")
    ranks = children_of(process.pid)
    assert len(ranks) == 2
    process.send_signal(number)
    process.communicate(timeout=60)
    until = time.monotonic() + 30
    while any(map(alive, ranks)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, ranks))
    assert process.returncode == (130 if number == signal.SIGTERM else -number)


def test_a_reader_that_goes_away_ends_no_work(tmp_path, data_folder):
    short = (*LONG[:5], "--epochs", "2", *LONG[7:])
    command = (
        f"{sys.executable} -m prunekit {' '.join(short)} 2>&1 >{tmp_path}/row | true; exit ${{PIPESTATUS[0]}}"
    )
    environment = os.environ | {"PRUNEKIT_STORE": str(tmp_path / "store"), "PRUNEKIT_DATA": str(data_folder)}
    done = subprocess.run(["bash", "-c", command], env=environment, timeout=200)
    assert done.returncode == 0
    assert '"error"' in (tmp_path / "row").read_text()


@pytest.mark.parametrize("when", ["before anything is imported", "while commands are imported"])
def test_ctrl_c_while_the_command_starts_is_one_line(tmp_path, when):
    slow = "typer" if when == "before anything is imported" else "prunekit.cli.screen"
    (tmp_path / "sitecustomize.py").write_text(
        "import signal, sys\n"
        "class Slow:\n"
        "    def find_spec(self, name, *more):\n"
        f"        if name == {slow!r}:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Slow())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "prunekit", "ls", "--store", str(tmp_path / "store")],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 130
    assert done.stderr.startswith("prunekit: interrupted")
    assert len(done.stderr.splitlines()) == 1
