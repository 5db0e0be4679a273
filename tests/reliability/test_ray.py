"""A Ray cluster of two nodes on this machine: the bytes of one process, also when a worker is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prunekit.engine import ray_pool
from prunekit.errors import UsageError
from prunekit.steps.settings import Settings

TASK = "ray::remote"


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'prunekit[ray]')")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


def start(study, cluster, store):
    args = study.args(store, "--executor", "ray", "--address", cluster.address, "--jobs", "2")
    return subprocess.Popen(
        [sys.executable, "-m", "prunekit", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def descendants(pid):
    """Every process below ``pid``, from /proc."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, front = set(), {pid}
    while front:
        front = {child for child, parent in parents.items() if parent in front} - found
        found |= front
    return found


def at_work():
    """The cluster's processes that make a batch now; the cluster is this process's own child."""
    found = []
    for pid in descendants(os.getpid()):
        try:
            if TASK in (Path("/proc") / str(pid) / "cmdline").read_text():
                found.append(pid)
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_cluster_gives_the_same_bytes_when_a_worker_is_killed(study, cluster, tmp_path):
    run = start(study, cluster, tmp_path / "store")
    while not (victims := at_work()) and run.poll() is None:
        time.sleep(0.02)
    assert victims, run.communicate()[0]
    os.kill(victims[0], signal.SIGKILL)
    out, _ = run.communicate(timeout=600)
    assert run.returncode == 0, out
    study.check_whole(tmp_path / "store")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_killed_moved_and_continued_on_a_cluster_is_the_study_run_straight_through(
    study, forker, cluster, tmp_path
):
    first, second = tmp_path / "first", tmp_path / "elsewhere" / "second"
    ended = forker(*study.args(first), kill=study.seconds / 2, how=["checkpoints"])
    assert ended.code == -signal.SIGKILL
    second.parent.mkdir()
    first.rename(second)
    before = study.check_partial(second)
    run = start(study, cluster, second)
    out, _ = run.communicate(timeout=600)
    assert run.returncode == 0, out
    assert before < len(study.expected)
    study.check_whole(second)


def test_an_address_where_no_cluster_answers_is_one_line(forker, recipe, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'prunekit[ray]')")
    args = ("run", recipe, "--store", tmp_path / "store", "--executor", "ray", "--address", "127.0.0.1:1")
    ended = forker(*args)
    assert ended.code == 2, ended.text
    assert "127.0.0.1:1: no Ray cluster answers at this address" in ended.text


def test_without_ray_the_install_command_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'prunekit\[ray\]'"):
        ray_pool.RayPool(Settings(str(tmp_path), str(tmp_path)), jobs=1)
