from pathlib import Path

import numpy as np
import pytest
import torch

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


@pytest.fixture(scope="module")
def blobs():
    draws = np.random.default_rng(3)
    labels = draws.integers(0, 3, 600)
    inputs = (2.0 * np.eye(3)[labels] + draws.normal(size=(600, 3))).astype(np.float32)
    return {"plain": (inputs, labels), "noisy": (inputs + draws.normal(size=inputs.shape), labels)}


def test_fractions_come_in_the_networks_own_precision():
    network = torch.nn.Linear(3, 3)
    arrays = {"a": (DENSE[:50], LABELS[:50])}
    assert DENSE.dtype == np.float64
    halves = {"a": (DENSE[:50].astype(np.float32), LABELS[:50])}
    assert pk.evaluate(network, arrays).errors == pk.evaluate(network, halves).errors


def test_any_callable_is_evaluated_and_compared_without_a_store(blobs):
    found = pk.evaluate(lambda x: x, blobs)
    right = {name: float((x.argmax(axis=1) != labels).mean()) for name, (x, labels) in blobs.items()}
    assert found.errors == pytest.approx(right)
    assert (found.nonzero, "noisy" in repr(found)) == (None, True)
    pair = pk.compare(lambda x: x, lambda x: -x, lambda x: 3 * x, distributions=blobs, names=["bad", "same"])
    verdicts = {(row["network"], row["distribution"]): row["verdict"] for row in pair.of("comparison")}
    assert verdicts["bad", "plain"] == verdicts["bad", "noisy"] == "beyond"
    assert {row["agreement"] for row in pair.of("comparison") if row["network"] == "same"} == {1.0}
    again = pk.compare(found, lambda x: -x, distributions=blobs)
    assert again.of("comparison")[0]["value"] == pair.of("comparison")[0]["value"]


def test_rows_of_networks_in_memory_are_those_of_the_command(blobs, tmp_path):
    store, file = tmp_path / "store", tmp_path / "cameras.csv"
    file.write_text("\n".join(["id,camera", *(f"{place},{'ab'[place % 2]}" for place in range(600))]) + "\n")
    networks = {"dense": lambda x: x, "rounded": lambda x: x.round(), "doubled": lambda x: 2 * x}
    for name, (inputs, labels) in blobs.items():
        for network, call in networks.items():
            parent = None if network == "dense" else "dense"
            pk.add(call(inputs), labels, model=network, parent=parent, distribution=name, store=store)
    brought = pk.compare("dense", "rounded", "doubled", distributions=list(blobs), groups=file, store=store)
    held = pk.compare(*networks.values(), distributions=blobs, names=list(networks)[1:], groups=file)
    kept = ("network", "distribution", "value", "low", "high", "n", "verdict", "agreement", "broken", "ece", "nll", "kl",
            "worst_group", "worst_group_rise", "grouping", "member", "recall")  # fmt: skip
    for finding, count in (("comparison", 4), ("comparison-slice", 4 * 5)):
        theirs, ours = (
            sorted(([each.get(name) for name in kept] for each in found.of(finding)), key=str)
            for found in (brought, held)
        )
        assert len(theirs) == len(ours) == count
        for their, own in zip(theirs, ours, strict=True):
            assert own == [
                pytest.approx(each, abs=1e-6) if isinstance(each, float) else each for each in their
            ]
    assert all(row["kl"] > 0 for row in held.of("comparison"))


def test_divergence_in_memory_is_that_of_compare_kl(cli, data_folder, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "data" / "nets")
    import doornets

    torch.manual_seed(0)
    networks = {name: doornets.tiny(10).eval() for name in ("dense", "other")}
    for name, network in networks.items():
        torch.save(network.state_dict(), tmp_path / f"{name}.pt")
        more = (
            ("--parent", "dense")
            if name == "other"
            else ("--arch", "module:doornets:tiny", "--dataset", "digits")
        )
        assert cli("import", tmp_path / f"{name}.pt", *more, "--label", name).code == 0
    flags = [flag for name in ("digits", "digits+fog@2") for flag in ("--distribution", name)]
    rows = cli("compare", "dense", "other", "--kl", *flags).rows
    held = pk.compare(*networks.values(), distributions=["digits", "digits+fog@2"], data=data_folder)
    assert [row["kl"] for row in held.of("comparison")] == pytest.approx(
        [row["kl"] for row in rows], rel=1e-4
    )


def test_a_file_of_groups_that_fits_no_example_is_refused(blobs, tmp_path):
    file = tmp_path / "cameras.csv"
    file.write_text("id,camera\nnowhere.png,a\n")
    with pytest.raises(UsageError, match="names no image of these distributions"):
        pk.compare(lambda x: x, lambda x: -x, distributions=blobs, groups=file)


def test_a_module_in_memory_sees_a_data_set_as_asked(data_folder):
    torch = pytest.importorskip("torch")

    class Bright(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(10))

        def forward(self, images):
            return images.mean(dim=(1, 2, 3))[:, None] * self.weight * torch.arange(10)

    pixels = {"mean": (0, 0, 0), "std": (1, 1, 1)}
    names = ["digits", "digits+fog@1", "digits+gaussian@0.5"]
    found = pk.evaluate(Bright(), names, data=data_folder, **pixels)
    assert list(found.errors) == names
    assert set(found.outcomes["digits"]["predicted"]) == {9}  # all pixels are above zero
    assert found.classes == tuple(map(str, range(10)))
    assert len(set(pk.evaluate(Bright(), "digits", data=data_folder).outcomes["digits"]["predicted"])) == 2
    half = Bright()
    with torch.no_grad():
        half.weight[:5] = 0
    rows = pk.compare(Bright(), half, distributions=["digits"], data=data_folder, **pixels).of("comparison")
    assert (rows[0]["prune_ratio"], rows[0]["agreement"]) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda blobs: pk.evaluate("dense", blobs), "is not a network"),
        (lambda blobs: pk.evaluate(lambda x: x, {}), "at least one distribution"),
        (lambda blobs: pk.evaluate(lambda x: x, blobs, mean=(0, 0, 0)), "unchanged"),
        (lambda blobs: pk.evaluate(lambda x: x[:1], blobs), "not one row of logits"),
        (lambda blobs: pk.evaluate(lambda x: x, "@corruptions"), "name a data set before"),
        (lambda blobs: pk.evaluate(lambda x: x, [1, 2]), "1 is not a distribution: pass names, or arrays"),
        (
            lambda blobs: pk.evaluate(torch.nn.Linear(3, 3), {"bytes": (np.zeros((2, 3), np.uint8), [0, 1])}),
            r"bytes: the network fails on inputs of type uint8 and shape \[2, 3\]: ",
        ),
        (lambda blobs: pk.compare(lambda x: x, "dense", distributions=blobs), "both must be stored"),
        (lambda blobs: pk.compare(lambda x: x, distributions=blobs), "after it"),
        (lambda blobs: pk.outcomes([[1.0, 2.0]], [0], kind="odds"), "kind of scores"),
    ],
)
def test_what_cannot_be_measured_is_one_clear_line(call, message, blobs):
    pytest.importorskip("torch")
    with pytest.raises(UsageError, match=message):
        call(blobs)


def test_predictions_are_added_and_their_potential_is_drawn(tmp_path):
    store = tmp_path / "store"
    pk.add(DENSE, LABELS, model="dense", distribution="photos", store=store)
    for ratio, logits in ((0.5, CLOSE), (0.9, FAR)):
        pk.add(
            logits, LABELS, model=f"at-{ratio}", distribution="photos", parent="dense", prune_ratio=ratio,
            store=store,
        )  # fmt: skip
    found = pk.potential("at-0.5", "at-0.9", margin=0.01, store=store)
    (row,) = found.of("potential")
    assert (row["value"], row["margin"]) == (0.5, 0.01)
    assert "photos" in repr(found)
    drawn = found.plot("potential")
    assert "<svg" in drawn._repr_html_()
    assert drawn.caption in repr(drawn)
    assert [path.suffix for path in drawn.write(tmp_path / "figures")] == [".svg"] * len(drawn.drawings)
    with pytest.raises(UsageError, match="cannot draw the figure"):
        found.plot("comparison")
    with pytest.raises(UsageError, match="figure"):
        found.plot("nothing")
