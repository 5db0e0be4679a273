import pytest

from prunekit.engine import now
from prunekit.engine.now import make_now
from prunekit.errors import StoreError
from prunekit.params import ErrorParams, PruneParams, TrainParams
from prunekit.progress import SILENT
from prunekit.steps.settings import Settings
from prunekit.store.store import Store

TRAIN = TrainParams(arch="resnet8", dataset="digits")
PRUNE = PruneParams(parent=TRAIN.key, method="wt", prune_ratio=0.5)
ERRORS = [ErrorParams(model=PRUNE.key, distribution=f"digits+fog@{severity}") for severity in (1, 2)]


@pytest.fixture
def batches(monkeypatch):
    made = []
    monkeypatch.setattr(now, "OPEN_CONTEXT", lambda settings, progress: None)
    monkeypatch.setattr(now, "MAKE", lambda batch, context: made.append(list(batch)))
    return made


def call(tmp_path, steps, **settings):
    store = Store(tmp_path / "store")
    make_now(steps, store, Settings(str(store.root), str(tmp_path), **settings), SILENT)


def test_steps_are_made_in_order_and_in_groups(tmp_path, batches):
    call(tmp_path, [TRAIN, PRUNE, *ERRORS])
    assert batches == [[TRAIN], [PRUNE], ERRORS]


def test_what_is_there_is_not_made_again_unless_forced(tmp_path, batches):
    path = Store(tmp_path / "store").path(TRAIN.key)
    path.parent.mkdir(parents=True)
    path.touch()
    call(tmp_path, [TRAIN])
    assert batches == []
    call(tmp_path, [TRAIN], force=(TRAIN.key,))
    assert batches == [[TRAIN]]


def test_the_first_failure_is_raised_as_it_is(tmp_path, batches, monkeypatch):
    def fail(batch, context):
        raise StoreError("it is damaged")

    monkeypatch.setattr(now, "MAKE", fail)
    with pytest.raises(StoreError, match="it is damaged"):
        call(tmp_path, [TRAIN, PRUNE])
