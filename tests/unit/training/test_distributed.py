"""Two processes train to the weights of one, and processes that disagree stop."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from prunekit.errors import UsageError
from prunekit.store import archive
from prunekit.training.distributed import (
    ALONE,
    World,
    _SharedBatchNorm,
    agree,
    joined,
    parallel,
    share,
    summed,
    world,
)

# What each of the processes runs: first with seeds that differ, then as it should be.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import tiny_network, tiny_settings, train
from prunekit.store import archive
from prunekit.errors import PrunekitError
from prunekit.training.distributed import joined
import torch
from torch import nn

torch.set_num_threads(1)
masks = {{"layer1.0.conv1.weight": torch.arange(16 * 16 * 9).reshape(16, 16, 3, 3) % 3 > 0}}
settings = tiny_settings(epochs=2, batch_size=15)
with joined() as world:
    try:
        train(settings=settings, seed=world.rank)
    except PrunekitError as error:
        print(error)
    trained = train(settings=settings, masks=masks)
    assert type(trained.model.bn1) is nn.BatchNorm2d
    path = Path({folder!r}) / f"rank{{world.rank}}.safetensors"
    archive.write(path, trained.arrays, {{"losses": trained.result.losses}})
"""


# A process that imports everything once, and for every folder that it is told trains in two children of its own.
NURSERY = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import tiny_network, tiny_settings, train
from prunekit.store import archive
from prunekit.errors import PrunekitError
from prunekit.training.checkpoint import Checkpoint
from prunekit.training.distributed import joined
import torch
import torch._dynamo  # what the first optimizer imports

def work(place):
    masks = {{"layer1.0.conv1.weight": torch.arange(16 * 16 * 9).reshape(16, 16, 3, 3) % 3 > 0}}
    checkpoint = Checkpoint(place / "checkpoint.safetensors", every_seconds=0.0, share=1.0)
    settings = tiny_settings(epochs=8, keep_epoch=2, batch_size=15)
    with joined():
        trained = train(tiny_network(), settings, masks=masks, checkpoint=checkpoint)
    kept = {{f"kept:{{name}}": array for name, array in trained.result.kept.items()}}
    result = place / f"rank{{os.environ['RANK']}}.safetensors"
    archive.write(result, trained.arrays | kept, {{"losses": trained.result.losses}})

def child(rank, place, port):
    pid = os.fork()
    if pid:
        return pid
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port, WORLD_SIZE="2", RANK=str(rank))
    try:
        work(Path(place))
    except PrunekitError as error:
        Path(place, f"rank{{rank}}.error").write_text(str(error))
        os._exit(1)
    os._exit(0)

torch.set_num_threads(1)
for line in sys.stdin:
    children = [child(rank, *line.split()) for rank in range(2)]
    print(*children, flush=True)
    print(*[os.waitpid(pid, 0)[1] for pid in children], flush=True)
"""


class Nursery:
    """Trains in two processes at a time, one of which can be killed."""

    def __init__(self) -> None:
        code = NURSERY.format(tests=str(Path(__file__).parent))
        environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True, env=environment
        )

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        assert self._process.wait() == 0
        self._process.stdout.close()

    def train(self, place: Path, kill: int | None = None) -> list[int]:
        """Train in ``place``; ``kill`` that rank once there is a checkpoint of this training. Both exit statuses."""
        place.mkdir(exist_ok=True)
        self._process.stdin.write(f"{place} {_free_port()}\n")
        self._process.stdin.flush()
        children = [int(pid) for pid in self._process.stdout.readline().split()]
        if kill is not None:
            while not (place / "checkpoint.safetensors").exists():
                time.sleep(0.002)
            os.kill(children[kill], signal.SIGKILL)
        return [int(status) for status in self._process.stdout.readline().split()]


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def _world_of_two(folder: Path) -> list[str]:
    """What the two processes print."""
    port = _free_port()
    code = PROGRAM.format(tests=str(Path(__file__).parent), folder=str(folder))
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **place, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return said


def test_two_processes_train_to_the_weights_of_one(tiny, tmp_path: Path) -> None:
    said = _world_of_two(tmp_path)
    assert all(
        "the processes disagree: the settings, the data or the checkpoint of rank 1" in text for text in said
    )
    masks = {"layer1.0.conv1.weight": torch.arange(16 * 16 * 9).reshape(16, 16, 3, 3) % 3 > 0}
    alone = tiny.train(settings=tiny.settings(epochs=2, batch_size=15), masks=masks)
    (first, record), (second, _) = (archive.read(tmp_path / f"rank{rank}.safetensors") for rank in range(2))
    assert record["losses"] == pytest.approx(alone.result.losses, rel=1e-4)
    for name, array in alone.arrays.items():
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        np.testing.assert_allclose(first[name], array, rtol=1e-3, atol=1e-4, err_msg=name)
    assert not first["layer1.0.conv1.weight"][~masks["layer1.0.conv1.weight"].numpy()].any()


def _same_bytes(first: Path, second: Path) -> bool:
    """Whether both ranks of both trainings ended with the same bytes."""
    paths = [folder / f"rank{rank}.safetensors" for folder in (first, second) for rank in range(2)]
    return len({path.read_bytes() for path in paths}) == 1


def test_a_killed_process_stops_the_other_and_both_go_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    with Nursery() as nursery:
        assert nursery.train(whole) == [0, 0]
        for victim in range(2):
            killed = tmp_path / f"killed{victim}"
            statuses = nursery.train(killed, kill=victim)
            assert statuses[victim] == signal.SIGKILL
            assert os.waitstatus_to_exitcode(statuses[1 - victim]) == 1
            said = (killed / f"rank{1 - victim}.error").read_text()
            assert said.startswith("another of the 2 processes of this training has exited")
            assert 0 < archive.read_header(killed / "checkpoint.safetensors").record["step"] < 24
            assert nursery.train(killed) == [0, 0]
            assert _same_bytes(whole, killed)


def test_without_a_process_group_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    network = nn.Linear(2, 2)
    with joined() as place, parallel(network) as called:
        assert place == world() == ALONE
        assert called is network
    agree("anything", "x", torch.device("cpu"))
    assert summed(torch.ones(2)).tolist() == [1, 1]


def test_shares_are_even_and_complete() -> None:
    parts = [share(torch.arange(7), World(rank, 3)).tolist() for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4], [2, 5]]
    with pytest.raises(UsageError, match="2 images cannot be split among 3 processes: change batch_size"):
        share(torch.arange(2), World(0, 3))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_shared_batch_norm_waits_for_no_gpu_and_is_torchs(pretend_gpu, momentum) -> None:
    norms = [nn.BatchNorm2d(4, momentum=momentum) for _ in range(2)]
    images = torch.randn(8, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    expected = norms[0](images)
    with pretend_gpu() as gpu:
        norms[1].to("cuda").__class__ = _SharedBatchNorm
        there = images.to("cuda")
        gpu.waits.clear()
        found = norms[1](there)
        assert not gpu.waits
        torch.testing.assert_close(found.cpu(), expected)
        torch.testing.assert_close(norms[1].running_var.cpu(), norms[0].running_var)
