"""The run itself, on an executor that makes nothing: what it hands out, postpones, splits and gives up."""

import signal

import pytest

from prunekit.engine import run as engine
from prunekit.engine.run import Event, Stop, execute, gentle_interrupt
from prunekit.params import ErrorParams, PruneParams, TrainParams

TRAIN = TrainParams(arch="resnet8", dataset="digits")
PRUNE = PruneParams(parent=TRAIN.key, method="wt", prune_ratio=0.5)
ERRORS = [ErrorParams(model=TRAIN.key, distribution=f"digits+fog@{severity}") for severity in (1, 2, 3)]


class Scripted:
    """Ends each batch as ``answer`` says, and keeps what it was given."""

    def __init__(self, answer=lambda keys: Event(keys), slots=1):
        self.slots, self._answer = slots, answer
        self.batches, self.open, self.most, self.closed = [], [], 0, False

    def submit(self, batch):
        self.batches.append(tuple(params.key for params in batch))
        self.open.append(self.batches[-1])
        self.most = max(self.most, len(self.open))

    def wait(self, seconds=None):
        return [self._answer(self.open.pop(0))]

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(engine, "SECONDS_UNTIL_ANOTHER_TRY", 0.0)


def run(steps, executor, **how):
    def same_model(params):
        return params.model if params.kind == "error" else params.key

    return execute(steps, executor, group=same_model, stop=how.pop("stop", Stop(print)), **how)


def test_every_step_is_made_once_and_the_executor_is_closed():
    executor, heard = Scripted(slots=2), []
    outcome = run([TRAIN, PRUNE, *ERRORS], executor, ended=heard.append)
    assert sorted(outcome.made) == sorted(params.key for params in (TRAIN, PRUNE, *ERRORS))
    assert (outcome.failed, outcome.skipped, outcome.interrupted) == ({}, (), False)
    assert len(executor.batches) == 3 == len(heard)
    assert executor.most == 2
    assert executor.closed


def test_a_batch_that_fails_is_tried_step_by_step():
    bad = ERRORS[1].key
    executor = Scripted(lambda keys: Event(keys, "no such file" if bad in keys else None))
    outcome = run(ERRORS, executor)
    assert outcome.failed == {bad: "no such file"}
    assert sorted(outcome.made) == sorted({params.key for params in ERRORS} - {bad})
    assert [len(batch) for batch in executor.batches] == [3, 1, 1, 1]


def test_what_another_run_holds_is_asked_for_again_after_the_rest():
    tries = iter([True, True, False])
    answer = lambda keys: Event(keys, busy=keys if PRUNE.key in keys and next(tries) else ())  # noqa: E731
    executor, heard = Scripted(answer), []
    outcome = run([PRUNE, *ERRORS], executor, ended=heard.append)
    assert sorted(outcome.made) == sorted(params.key for params in (PRUNE, *ERRORS))
    assert executor.batches.count((PRUNE.key,)) == 3
    assert [event.keys for event in heard if PRUNE.key in event.keys] == [(PRUNE.key,)]
    assert all(event.keys for event in heard)


def test_a_failure_stops_what_depends_on_it_and_nothing_else():
    other = TrainParams(arch="resnet8", dataset="digits", seed=1)
    outcome = run(
        [TRAIN, other, PRUNE], Scripted(lambda keys: Event(keys, "no" if TRAIN.key in keys else None))
    )
    assert (outcome.made, list(outcome.failed), outcome.skipped) == ((other.key,), [TRAIN.key], (PRUNE.key,))


def test_stop_on_failure_begins_nothing_more_and_is_no_interruption():
    other = TrainParams(arch="resnet8", dataset="digits", seed=1)
    executor = Scripted(lambda keys: Event(keys, "no"))
    outcome = run([TRAIN, other], executor, keep_going=False)
    assert len(executor.batches) == 1
    assert (len(outcome.failed), outcome.interrupted) == (1, False)


def test_the_executor_is_closed_when_it_raises():
    def broken(keys):
        raise RuntimeError("no worker can start")

    executor = Scripted(broken)
    with pytest.raises(RuntimeError):
        run([TRAIN], executor)
    assert executor.closed


def test_the_first_ctrl_c_lets_running_steps_finish_and_the_second_stops_now():
    said = []
    with gentle_interrupt(said.append) as stop:
        executor = Scripted(lambda keys: signal.raise_signal(signal.SIGINT) or Event(keys))
        outcome = run([TRAIN, PRUNE], executor, stop=stop)
        assert (outcome.made, outcome.interrupted) == ((TRAIN.key,), True)
        assert said == ["finishing the running steps (Ctrl-C again stops at once)"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_an_interruption_after_the_last_step_interrupts_nothing():
    with gentle_interrupt(print) as stop:
        outcome = run(
            [TRAIN], Scripted(lambda keys: signal.raise_signal(signal.SIGINT) or Event(keys)), stop=stop
        )
    assert not outcome.interrupted
