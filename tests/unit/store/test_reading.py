"""One look at a study: each header is read once, and what is read is what the store gives."""

import numpy as np
import pytest

from prunekit.errors import StoreError
from prunekit.params import ErrorParams
from prunekit.store import archive
from prunekit.store.reading import Reading, reading
from prunekit.store.records import MeasurementRecord, Step
from prunekit.store.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def key(store):
    params = ErrorParams(model="train-0123456789abcdef", distribution="digits")
    arrays = {"rank": np.array([0, 0, 0, 1], dtype=np.int32)}
    record = MeasurementRecord(key=params.key, step=Step.of(params), summary={"error": 0.25, "n": 4})
    store.save_outcomes(record, arrays)
    return params.key


def test_each_header_is_read_once(store, key, monkeypatch):
    read = []
    monkeypatch.setattr(
        archive, "read_header", lambda path, own=archive.read_header: read.append(path) or own(path)
    )
    looked = reading(store)
    assert reading(looked) is looked
    for _ in range(3):
        assert looked.measurement(key) == store.measurement(key)
        assert (looked.digest(key), looked.sources(key)) == (store.digest(key), store.sources(key))
    assert len(read) == 1 + 3 * 3
    assert looked.outcomes(key) is looked.outcomes(key)


def test_arrays_are_kept_only_as_long_as_there_is_room(store, key):
    looked = Reading(store.root, most_bytes=15)
    first, second = looked.outcomes(key), looked.outcomes(key)
    assert first is not second
    assert np.array_equal(first["rank"], second["rank"])


def test_what_is_missing_is_said_every_time(store):
    looked = reading(store)
    for _ in range(2):
        with pytest.raises(StoreError, match="is not in the store"):
            looked.measurement("error-0123456789abcdef")
