from pathlib import Path

import numpy as np
import pytest

import prunekit as pk
from prunekit.data.predictions.outcomes import Predictions, Scores
from prunekit.errors import PrunekitDeprecation, UsageError
from prunekit.steps.predicted import Known, add
from prunekit.store.store import Store

DRAWS = np.random.default_rng(0)
LABELS = DRAWS.integers(0, 3, 4000)
DENSE = DRAWS.normal(size=(4000, 3))
DENSE[np.arange(4000), LABELS] += 2
CLOSE, FAR = DENSE + 0.01 * DRAWS.normal(size=DENSE.shape), DENSE + DRAWS.normal(size=DENSE.shape)


@pytest.fixture
def store(tmp_path):
    held = Store(tmp_path / "store")
    dense, _ = add(held, Known("dense"), Predictions(LABELS, DENSE, Scores.LOGITS), "photos")
    for name, logits in (("close", CLOSE), ("far", FAR)):
        add(held, Known(name, dense.key), Predictions(LABELS, logits, Scores.LOGITS), "photos")
    return held.root


def test_churn_of_arrays_alone_has_a_verdict():
    assert pk.churn(CLOSE, DENSE, LABELS, margin=0.01)["verdict"] == "within"
    far = pk.churn(FAR, DENSE, LABELS, margin=0.01)
    wrong = [np.argmax(each, axis=1) != LABELS for each in (FAR, DENSE)]
    assert far["verdict"] == "beyond"
    assert far["broken"] == int((wrong[0] & ~wrong[1]).sum())


def test_stored_networks_are_compared(store, tmp_path):
    found = pk.compare("dense", "close", "far", margin=0.01, store=store)
    assert [row["verdict"] for row in found.rows if row["finding"] == "comparison"] == ["within", "beyond"]
    assert found.verdict == "beyond"
    assert pk.compare("dense", "close", margin=0.01, store=store).verdict == "within"
    assert "close" in repr(found)
    assert found.write(tmp_path / "page").is_file()


def test_findings_become_a_data_frame(store):
    pytest.importorskip("pandas", reason="pandas is an optional part")
    frame = pk.compare("dense", "far", store=store).to_pandas()
    assert (frame["finding"] == "comparison").sum() == 1


def test_a_wrong_name_is_a_usage_error(store):
    with pytest.raises(UsageError):
        pk.compare("dense", "none", store=store)
    with pytest.raises(UsageError, match="2 or more classes"):
        pk.outcomes([[1.0]], [0])


def test_a_network_is_loaded_by_its_label(store):
    record, weights, masks = pk.load("far", store=store)
    assert (record.form, weights, masks) == ("predictions", {}, {})


GOLDEN = Path(__file__).resolve().parents[1] / "data" / "store" / "v1"


def test_a_module_that_moved_is_still_found_and_warned_of():
    with pytest.warns(PrunekitDeprecation, match="will be removed in prunekit 0.4"):
        from prunekit import archive
    assert archive.__name__ == "prunekit.store.archive"
    path = next((GOLDEN / "models").glob("train-*"))
    with pytest.warns(PrunekitDeprecation, match="archive.read_record will be removed in prunekit 0.4"):
        assert archive.read_record(path) == archive.read_header(path).record


def test_groups_are_named_by_a_file(store, tmp_path):
    path = tmp_path / "cameras.csv"
    path.write_text("\n".join(["id,camera", *(f"{place},{'ab'[place % 2]}" for place in range(4000))]) + "\n")
    found = pk.compare("dense", "far", groups=path, store=store)
    sizes = {row["member"]: row["n"] for row in found.rows if row.get("grouping") == "camera"}
    assert sizes == {"a": 2000, "b": 2000}
    assert found.rows[0]["worst_grouping"] == "camera"


def test_masks_are_laid_over_a_network():
    torch = pytest.importorskip("torch")
    network = torch.nn.Linear(3, 2)
    kept = torch.tensor([[True, False, True], [False, True, True]])
    pk.apply_(network, {"weight": kept})
    assert bool((network.weight[~kept] == 0).all())
    assert bool((network.weight[kept] != 0).all())
