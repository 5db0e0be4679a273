"""--devices: two processes train one network through the command line, to the weights of one, or end in one line."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from prunekit.store.store import Store

TRAIN = (
    "train",
    "--arch",
    "resnet8",
    "--dataset",
    "digits",
    "--epochs",
    "1",
    "--batch-size",
    "512",
    "--threads",
    "1",
)


def on_two_processes(*args, store, data):
    environment = os.environ | {
        "PRUNEKIT_STORE": str(store),
        "PRUNEKIT_DATA": str(data),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    command = [sys.executable, "-m", "prunekit", *args, "--devices", "2"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280)


@pytest.mark.slow
def test_two_processes_make_one_result(tmp_path, data_folder, stranger):
    done = on_two_processes(*TRAIN, store=tmp_path / "two", data=data_folder)
    assert done.returncode == 0, done.stderr[-2000:]
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]  # rank 0 alone speaks
    alone = stranger(*TRAIN, store=tmp_path / "one").row
    assert row["key"] == alone["key"]
    weights = [Store(tmp_path / name).tensors(row["key"])[0] for name in ("one", "two")]
    for name, array in weights[0].items():
        np.testing.assert_allclose(array, weights[1][name], rtol=1e-3, atol=1e-4, err_msg=name)
    assert abs(row["error"] - alone["error"]) < 0.02


def test_a_mistake_of_all_processes_is_told_once(tmp_path, data_folder):
    wrong = (*TRAIN[:-4], "--batch-size", "1", "--threads", "1")
    done = on_two_processes(*wrong, store=tmp_path / "two", data=data_folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "prunekit: a batch of 1 images cannot be split among 2 processes: change batch_size\n"
    )


def test_a_wrong_name_starts_no_process(tmp_path, data_folder):
    done = on_two_processes(
        "train", "--arch", "resnt8", "--dataset", "digits", store=tmp_path / "two", data=data_folder
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "unknown architecture 'resnt8'; did you mean" in done.stderr
