import io
import json
import threading
from types import SimpleNamespace

import pytest

from prunekit.engine import worker
from prunekit.engine.worker import Wire, packed, serve, unpacked
from prunekit.errors import UsageError
from prunekit.params import (
    ErrorParams,
    FeaturesParams,
    NoiseParams,
    PruneParams,
    RetrainParams,
    TrainParams,
    TransferParams,
)

KEY = "train-0123456789abcdef"
STEPS = [
    TrainParams(arch="resnet8", dataset="digits", milestones=(1, 2), lr=0.05),
    PruneParams(parent=KEY, method="wt", prune_ratio=0.1 + 0.2, skip_layers=("a", "b")),
    RetrainParams(parent=KEY, epochs=2),
    ErrorParams(model=KEY, distribution="folder:/ä/b c+fog@3"),
    NoiseParams(model=KEY, to=KEY, levels=(0.0, 1 / 3)),
    FeaturesParams(model=KEY),
    TransferParams(features="features-0123456789abcdef", model=KEY),
]


def test_steps_keep_their_keys_on_the_way_through_json():
    arrived = unpacked(json.loads(json.dumps(packed(STEPS))))
    assert arrived == STEPS
    assert [params.key for params in arrived] == [params.key for params in STEPS]


def test_a_field_that_is_no_field_is_refused():
    with pytest.raises(UsageError, match="unknown prune field 'os'"):
        unpacked([["prune", {"os": "system"}]])


def test_messages_of_several_threads_do_not_mix():
    out = io.StringIO()
    wire = Wire(out)

    def talk(number):
        with wire.bar(f"bar {number}", 100) as bar:
            for _ in range(100):
                bar.advance(1, note="x" * 50)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = [json.loads(line) for line in out.getvalue().splitlines()]
    opened = [message["bar"] for message in messages if "bar" in message]
    assert (
        sorted(opened)
        == list(range(8))
        == sorted(message["close"] for message in messages if "close" in message)
    )


def test_a_batch_ends_with_what_was_busy_or_with_why_it_failed(tmp_path, monkeypatch):
    context = SimpleNamespace(store=SimpleNamespace(root=tmp_path))
    monkeypatch.setattr(worker, "MAKE", lambda batch, context, *, wait: () if wait else (batch[0].key,))
    assert serve(STEPS[:1], context) == {"busy": (STEPS[0].key,)}

    def broken(batch, context, *, wait):
        raise UsageError("no such place")

    monkeypatch.setattr(worker, "MAKE", broken)
    assert serve(STEPS[:1], context)["failed"].startswith("no such place (log: ")
