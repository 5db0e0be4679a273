import pytest

from prunekit.engine import inline
from prunekit.engine.inline import Inline
from prunekit.engine.run import Event
from prunekit.errors import UsageError
from prunekit.params import TrainParams
from prunekit.steps.settings import Settings

TRAIN = TrainParams(arch="resnet8", dataset="digits")


@pytest.fixture
def opened(monkeypatch):
    """How often what steps work with was opened."""
    calls = []
    monkeypatch.setattr(
        inline, "OPEN_CONTEXT", lambda settings, progress: calls.append(settings) or "context"
    )
    return calls


def ended(monkeypatch, tmp_path, make, times=1):
    monkeypatch.setattr(inline, "MAKE", make)
    executor = Inline(Settings(str(tmp_path), str(tmp_path)))
    for _ in range(times):
        executor.submit([TRAIN])
        events = executor.wait()
    return events


def test_a_batch_is_made_without_waiting_for_other_runs(monkeypatch, tmp_path, opened):
    def make(batch, context, *, wait):
        assert (batch, context, wait) == ([TRAIN], "context", False)
        return (TRAIN.key,)

    assert ended(monkeypatch, tmp_path, make, times=2) == [Event((TRAIN.key,), busy=(TRAIN.key,))]
    assert len(opened) == 1


def test_a_failure_is_an_event_and_an_interruption_is_none(monkeypatch, tmp_path, opened):
    def fail(batch, context, *, wait):
        raise ValueError("no")

    (event,) = ended(monkeypatch, tmp_path, fail)
    assert "ValueError: no (please report it) (log: " in event.failure

    def interrupt(batch, context, *, wait):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ended(monkeypatch, tmp_path, interrupt)


def test_what_no_step_can_do_without_ends_the_run(monkeypatch, tmp_path):
    def refuse(settings, progress):
        raise UsageError("no such device")

    monkeypatch.setattr(inline, "OPEN_CONTEXT", refuse)
    with pytest.raises(UsageError, match="no such device"):
        ended(monkeypatch, tmp_path, None)
