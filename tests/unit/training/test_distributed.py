"""Two processes train to the weights of one, and processes that disagree stop."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from prunekit import archive
from prunekit.errors import UsageError
from prunekit.training.distributed import ALONE, World, agree, joined, parallel, share, summed, world

# What each of the processes runs: first with seeds that differ, then as it should be.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import tiny_network, tiny_settings, train
from prunekit import archive
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


def _world_of_two(folder: Path) -> list[str]:
    """What the two processes print."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
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
    with pytest.raises(UsageError, match="2 images cannot be shared by 3 processes: change batch_size"):
        share(torch.arange(2), World(0, 3))
