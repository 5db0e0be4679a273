"""Worker processes that are real: what they cannot do is one line, and nothing of them is left."""

import os

import pytest

from prunekit.engine.pool import Pool, Worker, threads_each
from prunekit.engine.run import Stop, execute
from prunekit.errors import PrunekitError, UsageError
from prunekit.params import ErrorParams, TrainParams
from prunekit.progress import SILENT
from prunekit.steps.settings import Settings
from prunekit.steps.table import group

LOST = [
    ErrorParams(model="train-ffffffffffffffff", distribution=f"digits+fog@{severity}") for severity in (1, 2)
]


@pytest.fixture
def settings(tmp_path):
    return Settings(str(tmp_path / "store"), str(tmp_path / "data"), threads=1)


def run(steps, pool, **how):
    return execute(steps, pool, group=group, stop=Stop(print), **how)


def test_a_step_that_fails_is_a_reason_with_a_log_and_no_process_is_left(settings, tmp_path):
    before = sorted(os.listdir("/proc/self/fd"))
    pool = Pool(settings, jobs=2)
    outcome = run(LOST, pool)
    assert sorted(outcome.failed) == sorted(params.key for params in LOST)
    for key, reason in outcome.failed.items():
        assert "needs train-ffffffffffffffff, which is not in the store" in reason
        assert "\n" not in reason
        assert "Traceback" in (tmp_path / "store" / "logs" / f"{key}.log").read_text()
    assert pool._workers == []
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_a_device_that_is_not_there_ends_the_run_in_one_line(settings):
    with pytest.raises(UsageError, match="torch finds no CUDA device"):
        run(LOST, Pool(settings._replace(device="cuda:63"), jobs=2))


def test_workers_that_die_at_once_end_the_run(settings, monkeypatch, tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 7\n")
    fake.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(fake))
    with pytest.raises(PrunekitError, match=r"no worker can start; the last one exited with code 7 \(log: "):
        run(
            [TrainParams(arch="resnet8", dataset="digits", seed=seed) for seed in range(9)],
            Pool(settings, jobs=2),
        )


def test_threads_are_shared_between_workers():
    cores = len(os.sched_getaffinity(0))
    assert threads_each(3, 2) == 3
    assert threads_each(0, 1) == cores
    assert threads_each(0, 10 * cores) == 1


def test_bars_of_workers_carry_the_name_of_their_step(settings):
    heard = []

    class Screen:
        def bar(self, label, total, unit="images"):
            heard.append(label)
            return SILENT.bar(label, total, unit)

    step = TrainParams(arch="resnet8", dataset="digits")
    pool = Pool(settings, jobs=2, progress=Screen(), names={step.key: "parents seed 0"})
    worker = Worker.__new__(Worker)
    worker.batch, worker.bars = [step], {}
    pool._hear(worker, {"bar": 0, "label": "training", "total": 3, "unit": "images"})
    assert heard == ["parents seed 0: training"]
    pool.close()
