"""The user's own network, weight rewinding, informative features, export: each from the terminal."""

import json
import runpy
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import prunekit
from prunekit.base import source
from prunekit.store.store import Store


@pytest.fixture
def store(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def weights(tmp_path):
    model = prunekit.build("resnet8", classes=10, seed=3)
    save_file(model.state_dict(), tmp_path / "own.safetensors")
    return tmp_path / "own.safetensors"


def test_a_network_of_ones_own_is_measured_on_arrival_and_can_be_pruned_and_retrained(weights, tmp_path, cli):
    brought = cli(
        "import",
        weights,
        "--arch",
        "resnet8",
        "--dataset",
        "digits",
        "--epochs",
        "3",
        "--batch-size",
        "32",
        "--label",
        "own",
    )
    assert brought.code == 0, brought.err
    assert brought.row["kind"] == "import"
    assert 0.5 < brought.row["error"] <= 1  # it was never trained
    weights.unlink()
    pruned = cli("prune", "own", "--method", "ft", "--prune-ratio", "0.3")
    retrained = cli("retrain", "-", stdin=pruned.out)
    assert retrained.code == 0, retrained.err
    assert retrained.row["error"] < brought.row["error"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("conv1.weight"), "the weights have no tensor"),
        (lambda state: state.update(strange=torch.zeros(1)), "a tensor 'strange' that the network lacks"),
    ],
)
def test_weights_of_another_network_are_refused(change, message, tmp_path, cli):
    state = prunekit.build("resnet8", classes=10).state_dict()
    change(state)
    save_file(dict(state), tmp_path / "other.safetensors")
    ran = cli("import", tmp_path / "other.safetensors", "--arch", "resnet8", "--dataset", "digits")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert message in ran.err
    assert cli("ls").out == ""


def test_a_file_that_is_not_safetensors_is_refused(tmp_path, cli):
    (tmp_path / "x.safetensors").write_bytes(b"not tensors")
    ran = cli("import", tmp_path / "x.safetensors", "--arch", "resnet8", "--dataset", "digits")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "is not a safetensors file" in ran.err


def test_weight_rewinding_starts_from_the_kept_epoch(folder, cli):
    data = ("--arch", "resnet8", "--dataset", f"folder:{folder}", "--batch-size", "2")
    parent = cli("train", *data, "--epochs", "2", "--keep-epoch", "1")
    assert parent.code == 0, parent.err
    pruned = cli("prune", parent.row["key"], "--method", "wt", "--prune-ratio", "0.3")
    rewound = cli("retrain", "-", "--mode", "weight-rewind", stdin=pruned.out)
    assert rewound.code == 0, rewound.err
    assert rewound.row["nonzero"] == pruned.row["nonzero"]


def test_weight_rewinding_without_a_kept_epoch_is_refused(store, trained, cli):
    pruned = cli("prune", trained[1], "--method", "wt", "--prune-ratio", "0.3", store=store)
    ran = cli("retrain", "-", "--mode", "weight-rewind", store=store, stdin=pruned.out)
    assert ran.code == 2
    assert "keep_epoch" in ran.err


def test_features_give_a_heat_map_with_the_separate_network_as_control(store, trained, cli):
    pruned = cli("prune", trained[1], "--method", "wt", "--prune-ratio", "0.3", store=store).row["key"]
    ran = cli(
        "features", trained[1], pruned, "--images", "2", "--block", "128", "--candidates", "256", store=store
    )
    assert ran.code == 0, ran.err
    cells = [row for row in ran.rows if row["finding"] == "features-transfer"]
    assert {(row["row_model"], row["column_model"]) for row in cells} == {
        (0.0, 0.0),
        (0.0, 0.3),
        (0.3, 0.0),
        (0.3, 0.3),
    }
    assert all(0 <= row["value"] <= 1 for row in cells)


@pytest.mark.parametrize("form", ["safetensors", "torch-export", "onnx"])
def test_a_shrunk_network_opens_without_prunekit_and_gives_the_masked_networks_logits(
    form, store, trained, tmp_path, cli
):
    if form == "onnx":
        pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
        pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    pruned = cli("prune", trained[1], "--method", "ft", "--prune-ratio", "0.5", store=store).row["key"]
    ran = cli("export", pruned, "--out", tmp_path / "small", "--shrink", "--format", form, store=store)
    assert ran.code == 0, ran.err
    row = ran.row
    assert row["exported_parameters"] < row["masked_parameters"]
    assert row["exported_multiplications"] < row["masked_multiplications"]
    opened = runpy.run_path(str(tmp_path / "small" / "load.py"))
    images = np.random.default_rng(0).normal(size=(5, 3, 32, 32)).astype(np.float32)
    found = torch.as_tensor(opened["logits"](images))
    masked = prunekit.build("resnet8", classes=10)
    _load_masked(masked, store, pruned)
    with torch.no_grad():
        assert torch.allclose(masked.eval()(torch.from_numpy(images)), found, atol=1e-4)


def _load_masked(model, store, key):
    from prunekit.models.state import load_arrays
    from prunekit.store.store import Store

    load_arrays(model, Store(store).tensors(key)[0])


def test_export_refuses_a_folder_that_is_in_use(store, trained, tmp_path, cli):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    ran = cli("export", trained[1], "--out", tmp_path / "used", store=store)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "not an empty folder" in ran.err


def test_export_of_an_unpruned_network_keeps_its_config(store, trained, tmp_path, cli):
    assert cli("export", trained[1], "--out", tmp_path / "whole", store=store).code == 0
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert (config["arch"], len(config["classes"]), config["shrunk"]) == ("resnet8", 10, False)


def test_a_folder_whose_images_change_is_not_gone_on_with(folder, tmp_path, stranger):
    """A name does not say what the folder held: the results would mix two sets of images."""
    store = tmp_path / "store"
    made = ("--arch", "resnet8", "--dataset", f"folder:{folder}", "--epochs", "1", "--batch-size", "2")
    assert stranger("train", *made, "--label", "own", store=store).code == 0
    (folder / "test" / "dog" / "1.png").unlink()
    files = set(store.rglob("*"))
    refused = stranger("prune", "own", "--method", "wt", "--prune-ratio", "0.5", store=store)
    assert (refused.code, refused.err.count("\n")) == (2, 1), refused.err
    assert "has changed since train-" in refused.err
    assert {path for path in store.rglob("*") if path.parent.name != "locks"} <= files | {store / "locks"}


OWN_METHODS = """
def sizes(subject):
    return {name: layer.tensor().abs() for name, layer in subject.layers.items()}
"""


def test_a_method_of_ones_own_is_named_by_its_file_and_noted_with_its_code(store, tmp_path, cli, monkeypatch):
    (tmp_path / "own_scores.py").write_text(OWN_METHODS)
    monkeypatch.chdir(tmp_path)
    asked = ("--prune-ratio", "0.5")
    mine = cli("prune", "small", "--method", "module:own_scores.py:sizes", *asked, store=store)
    assert mine.code == 0, mine.err
    assert mine.row["method"] == "module:own_scores:sizes"
    named = cli("prune", "small", "--method", "wt", *asked, store=store)
    assert mine.row["error"] == named.row["error"]
    assert list(Store(store).record(mine.row["key"]).sources.code) == ["module:own_scores:sizes"]
    assert mine.err == ""
    (tmp_path / "own_scores.py").write_text(OWN_METHODS.replace("abs", "square"))
    source._digest.cache_clear()  # another process would look anew
    found = cli("prune", "small", "--method", "module:own_scores.py:sizes", *asked, store=store)
    assert (found.row, "was made by a different version of module:own_scores:sizes" in found.err) == (
        mine.row,
        True,
    )
    for method, message in (
        (
            "module:own_scores",
            "method 'module:own_scores' is incomplete: write it like module:scores.py:function",
        ),
        (
            "module:own_scores.py:nothing",
            "cannot be imported: module 'own_scores' has no attribute 'nothing'",
        ),
    ):
        ran = cli("prune", "small", "--method", method, *asked, store=store)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert message in ran.err


def test_options_of_a_method_are_flags(store, cli):
    asked = ("prune", "small", "--method", "nm", "--skip-layers", "conv1", "--prune-ratio", "0.74")
    ran = cli(*asked, "--option", "n=1", "--option", "score=lamp", store=store)
    assert ran.code == 0, ran.err
    step = Store(store).record(ran.row["key"]).lineage[-1]
    assert step.params["options"] == {"n": 1, "score": "lamp"}
    assert ran.row["prune_ratio"] == pytest.approx(0.745, abs=0.01)
    for option, message in (
        ("k=1", "unknown option of method nm 'k' (one of: n, m, score)"),
        ("n", "--option 'n': write NAME=VALUE"),
        (
            "n=one",
            "option n of method nm must be a value of type int of at least 1, such as 2 (given: 'one')",
        ),
    ):
        ran = cli(*asked, "--option", option, store=store)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert message in ran.err


def test_the_divergence_of_outputs_is_measured_when_asked_and_read_where_it_is_stored(store, cli):
    pruned = cli("prune", "small", "--method", "wt", "--prune-ratio", "0.5", "--label", "half", store=store)
    assert pruned.code == 0, pruned.err
    (row,) = cli("compare", "small", "half", store=store).rows
    assert row["kl"] is None
    (row,) = cli("compare", "small", "half", "--kl", store=store).rows
    same = ("similarity", "half", "--levels", "0", "--draws", "1", "--images", str(row["n"]))
    ran = cli(*same, store=store)
    assert ran.code == 0, ran.err
    (expected,) = [each for each in ran.rows if each.get("metric") == "kl"]
    assert row["kl"] > 0
    assert row["kl"] == pytest.approx(expected["value"], rel=1e-6)
    (again,) = cli("compare", "small", "half", store=store).rows
    assert again["kl"] == row["kl"]
