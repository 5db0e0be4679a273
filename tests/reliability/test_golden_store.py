"""A store of format 1, kept as files: every later version opens it. One of a later format is refused in one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from prunekit.errors import StoreError
from prunekit.params import FeaturesParams, ReportParams, RetrainParams
from prunekit.store import archive
from prunekit.store.store import Store
from prunekit.studies.findings import all_findings

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "store" / "v1"
TRAIN = "train-43ae8cc7ef596dce"
RETRAIN = "retrain-e30eddee8e02023e"
KEYS = {
    "import-5b74bd1730b8c0df",
    "prune-7f37147db829c9ec",
    RETRAIN,
    TRAIN,
    f"{TRAIN}@1",
    "error-a74e85a2278b5a9a",
    "features-fefb22b66413c676",
    "noise-a658b735437a060c",
    "transfer-c659d05068240109",
}


@pytest.fixture
def store(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "store")
    return Store(tmp_path / "store")


def test_every_result_is_there_and_whole(store):
    assert store.present() == KEYS
    assert list(store.problems()) == []


@pytest.mark.parametrize("key", sorted(KEYS - {f"{TRAIN}@1"}))
def test_parameters_still_have_their_keys(store, key):
    kind = key.partition("-")[0]
    steps = (
        store.record(key).lineage
        if kind in ("train", "import", "prune", "retrain")
        else [store.measurement(key).step]
    )
    assert steps[-1].key == key
    for step in steps:
        assert step.read().key == step.key


def test_a_model_is_what_it_was(store):
    record = store.record(store.resolve("small"))
    assert [step.kind for step in record.lineage] == ["train", "prune", "retrain"]
    assert record.lineage[-1].read() == RetrainParams(parent="prune-7f37147db829c9ec", epochs=1)
    assert (record.parameters, record.nonzero, record.error, record.method) == (6, 3, 0.125, "wt")
    assert (record.classes, record.results, record.param("seed")) == (("zero", "öne"), {"loss": 0.5}, 3)
    weights, masks = store.tensors(RETRAIN)
    assert {name: array.tolist() for name, array in weights.items()} == {
        "conv.weight": [[0.5, -1.0], [0.0, 2.0]],
        "conv.bias": [0.25, 0.0],
        "bn.num_batches_tracked": 7,
    }
    assert masks["conv.weight"].tolist() == [[True, True], [False, False]]


def test_measurements_are_what_they_were(store):
    outcomes = store.outcomes("error-a74e85a2278b5a9a")
    assert outcomes["rank"].tolist() == [0, 1]
    assert outcomes["confidence"].dtype == np.float32
    features = store.measurement("features-fefb22b66413c676").step.read()
    assert features == FeaturesParams(model=TRAIN, images=2)
    assert store.outcomes("features-fefb22b66413c676")["order"].shape == (2, 4)


def test_its_findings_are_the_numbers_of_version_0_1(store):
    steps = [store.measurement(key).step.read() for key in store.keys("measurements")]
    rows = all_findings(store, steps, ReportParams(resamples=200))
    numbers = json.loads((GOLDEN.parent / "v1-findings.json").read_text(encoding="utf-8"))
    # Intervals are made otherwise since: two images have none worth the name. Values are what they were.
    values = [{name: known[name] for name in known if name not in ("low", "high")} for known in numbers]
    shown = [row for row in rows if row["finding"] != "contrast"]
    assert [
        {name: row.get(name) for name in known} for row, known in zip(shown, values, strict=True)
    ] == values


def test_commands_read_it(store, cli):
    assert {row["key"] for row in cli("ls", store=store.root).rows} == set(store.keys("models"))
    assert cli("verify", store=store.root).code == 0
    assert len(cli("ls", "measurements", store=store.root).rows) == 4


def of_a_later_format(path):
    """Lay the same arrays and record down as a later format would name itself."""
    arrays, record = archive.read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "FORMAT", archive.FORMAT + 1)
        archive.write(path, arrays, record)


def test_a_later_format_is_refused_in_one_line_and_never_removed(store, cli):
    path = store.path(RETRAIN)
    of_a_later_format(path)
    for args, code in ((("ls",), 3), (("show", RETRAIN), 3), (("verify",), 3), (("verify", "--repair"), 3)):
        ran = cli(*args, store=store.root)
        assert ran.code == code, ran
        assert "upgrade prunekit" in ran.err + ran.out
        assert "Traceback" not in ran.err
    assert path.exists()


def test_a_step_that_a_later_version_knows_is_refused_and_never_removed(store, cli):
    path = store.path(RETRAIN)
    arrays, record = archive.read(path)
    record["lineage"][-1]["kind"] = "distil"
    archive.write(path, arrays, record)
    with pytest.raises(StoreError, match="this version of prunekit does not have its step 'distil'"):
        store.record(RETRAIN)
    assert cli("verify", "--repair", store=store.root).code == 3
    assert path.exists()


def test_a_hostile_record_is_refused(store):
    path = store.path(TRAIN)
    arrays, record = archive.read(path)
    for change in ({"lineage": []}, {"parameters": 0}, {"nonzero": 99}, {"lineage": "x"}, {"key": "../../x"}):
        archive.write(path, arrays, json.loads(json.dumps(record | change)))
        with pytest.raises(StoreError):
            store.record(TRAIN)
