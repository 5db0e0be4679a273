"""The steps from a terminal and through pipes, on real digits: what they print, and how they fail."""

import json
import os
import shutil

import pytest
from PIL import Image

from prunekit.store.store import Store

PARENT_FIELDS = {
    "key",
    "kind",
    "arch",
    "dataset",
    "seed",
    "method",
    "prune_ratio",
    "error",
    "nonzero",
    "parameters",
    "parent",
}


@pytest.fixture
def store(trained, tmp_path):
    folder, _ = trained
    shutil.copytree(folder, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def key(trained):
    return trained[1]


def test_train_prints_one_json_object_and_stores_it(store, key, cli):
    listed = cli("ls", store=store)
    assert listed.row["key"] == key
    assert listed.row.keys() >= PARENT_FIELDS
    assert listed.row["label"] == "small"
    assert 0 <= listed.row["error"] <= 1


def test_training_again_is_a_no_op(store, key, cli):
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*.safetensors")}
    ran = cli(
        "train",
        "--arch",
        "resnet8",
        "--dataset",
        "digits",
        "--epochs",
        "1",
        "--batch-size",
        "64.0",
        store=store,
    )
    ran = cli(
        "train",
        "--arch",
        "resnet8",
        "--dataset",
        "digits",
        "--epochs",
        "1",
        "--batch-size",
        "64",
        store=store,
    )
    assert (ran.code, ran.row["key"]) == (0, key)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*.safetensors")} == before


def test_steps_pipe(store, key, cli):
    pruned = cli(
        "prune", "-", "--method", "wt", "--prune-ratio", ".5", store=store, stdin=json.dumps({"key": key})
    )
    assert pruned.code == 0, pruned.err
    assert pruned.row["asked"] == 0.5
    assert abs(pruned.row["prune_ratio"] - 0.5) < 1e-4
    assert pruned.row["error_before"] == cli("ls", store=store).rows[-1]["error"]
    again = cli("retrain", "-", "--epochs", "1", store=store, stdin=pruned.out)
    assert again.code == 0, again.err
    assert again.row["parent"] == pruned.row["key"]
    assert again.row["nonzero"] <= pruned.row["nonzero"]
    potential = cli("potential", "-", "--distribution", "digits", store=store, stdin=again.row["key"] + "\n")
    assert potential.code == 0, potential.err
    (row,) = potential.rows  # a network of one epoch guesses: its potential is flagged, and in no mean
    assert (row["finding"], "parent-at-chance" in row["flags"]) == ("potential", True)


def test_least_squares_repairs_at_once_or_after_pruning(store, key, cli):
    fields = ("--method", "ft", "--prune-ratio", "0.5")
    plain = cli("prune", key, *fields, store=store).row
    at_once = cli("prune", key, *fields, "--repair", store=store).row
    after = cli("retrain", plain["key"], "--mode", "least-squares", store=store)
    assert after.code == 0, after.err
    tensors = {row["key"]: Store(store).tensors(row["key"]) for row in (plain, at_once, after.row)}
    (weights, masks), *mended = tensors.values()
    for found, held in mended:
        assert all((held[name] == mask).all() for name, mask in masks.items())
        assert not any(found[name][~mask].any() for name, mask in masks.items())
        assert (found["layer1.0.conv1.weight"] != weights["layer1.0.conv1.weight"]).any()
    twice = cli("retrain", after.row["key"], "--mode", "least-squares", store=store)
    assert twice.code == 2
    assert "was not just pruned: retrain the result of a prune step" in twice.err


@pytest.mark.slow
def test_a_method_with_new_weights_stores_them(store, key, cli):
    pruned = cli("prune", key, "--method", "obc", "--prune-ratio", "0.5", "--sample-size", "16", store=store)
    assert pruned.code == 0, pruned.err
    (found, masks), (before, _) = (Store(store).tensors(name) for name in (pruned.row["key"], key))
    kept = masks["layer1.0.conv1.weight"]
    assert not found["layer1.0.conv1.weight"][~kept].any()
    assert (found["layer1.0.conv1.weight"] != before["layer1.0.conv1.weight"])[kept].any()


def test_another_margin_measures_nothing_again(store, key, cli):
    pruned = cli("prune", key, "--method", "wt", "--prune-ratio", "0.3", store=store).row["key"]
    loose = cli("potential", pruned, "--margin", "1", store=store)
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    tight = cli("potential", pruned, "--margin", "0", store=store)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()} == before
    assert loose.rows[0]["value"] >= tight.rows[0]["value"]


def test_similarity_compares_with_the_unpruned_parent(store, key, cli):
    pruned = cli("prune", key, "--method", "wt", "--prune-ratio", "0.3", store=store).row["key"]
    ran = cli("similarity", pruned, "--images", "20", "--draws", "2", "--levels", "0,0.2", store=store)
    assert ran.code == 0, ran.err
    agreement = [row for row in ran.rows if row["finding"] == "similarity" and row["metric"] == "agreement"]
    assert [row["level"] for row in agreement] == [0.0, 0.2]
    assert all(0 <= row["value"] <= 1 and row["n"] == 20 for row in agreement)
    assert "no-separate-network" in agreement[0]["flags"]


def test_churn_is_read_from_stored_outcomes(store, key, cli):
    """A model is measured on its own test set when it is made, so that nothing is measured, or written, again."""
    pruned = cli("prune", key, "--method", "wt", "--prune-ratio", "0.6", store=store).row["key"]
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    ran = cli("similarity", pruned, "--churn", store=store)
    assert ran.code == 0, ran.err
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()} == before
    found = [ran.row[name] for name in ("finding", "method", "retraining", "distribution")]
    assert found == ["churn", "wt", None, "digits"]
    assert ran.row["net"] == pytest.approx(ran.row["fixed"] - ran.row["broken"], abs=1e-6)
    shifted = cli("similarity", pruned, "--churn", "--distribution", "digits+fog@3", store=store)
    assert [row["distribution"] for row in shifted.rows] == ["digits", "digits+fog@3"]


def test_churn_between_any_two_networks(store, key, cli):
    pruned = cli("prune", key, "--method", "wt", "--prune-ratio", "0.6", store=store).row["key"]
    ran = cli("similarity", key, "--to", pruned, "--churn", store=store)
    assert ran.code == 0, ran.err
    back = cli("similarity", pruned, "--churn", store=store)
    assert (ran.row["role"], ran.row["value"]) == ("separate", back.row["value"])
    assert (ran.row["broken"], ran.row["fixed"]) == (back.row["fixed"], back.row["broken"])


def test_potential_by_class_names_the_least(store, key, cli):
    pruned = cli("prune", key, "--method", "wt", "--prune-ratio", "0.3", store=store).row["key"]
    rows = cli("potential", pruned, "--per-class", store=store).rows
    by_class = [row["value"] for row in rows if row["finding"] == "class-potential"]
    (least,) = [row for row in rows if row["finding"] == "class-potential-minimum"]
    assert (len(by_class), least["value"]) == (10, min(by_class))


def test_networks_of_different_classes_are_not_compared(store, key, cli, tmp_path):
    """Two classes of tiny images beside the ten digits."""
    for place in range(8):
        for split, name in (("train", "day"), ("train", "night"), ("test", "day"), ("test", "night")):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True, exist_ok=True)
            picture = Image.linear_gradient("L").resize((32, 32)).rotate(10 * place)
            picture.convert("RGB").save(folder / f"{place}.png")
    dataset = f"folder:{tmp_path / 'images'}"
    train = ("train", "--arch", "resnet8", "--epochs", "1", "--batch-size", "8", "--dataset", dataset)
    other = cli(*train, store=store).row["key"]
    pruned = cli("prune", key, "--method", "wt", "--prune-ratio", "0.3", store=store).row["key"]
    for command in (
        ("similarity", pruned, "--to", other),
        ("similarity", pruned, "--to", other, "--churn"),
        ("features", pruned, other, "--images", "1", "--block", "512"),
    ):
        ran = cli(*command, store=store)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert "have different class sets" in ran.err
    shifted = cli("potential", pruned, "--distribution", dataset, store=store)
    assert shifted.code == 2
    assert "has no class" in shifted.err
    assert shifted.err.count("\n") == 1


def test_quiet_prints_keys_alone(store, key, cli):
    assert cli("ls", "-q", store=store).out == key + "\n"


def test_show_says_what_a_network_costs(store, cli):
    row = cli("show", "small", "--latency", "--repeats", "3", store=store).row
    assert row["parameters"] == row["nonzero"] == 78042
    assert row["multiplications"] == row["nonzero_multiplications"] > 1_000_000
    assert row["latency_ms"] > 0
    assert row["lineage"][0]["kind"] == "train"
    plain = cli("show", "small", store=store).row
    assert plain["file_bytes"] == row["file_bytes"] > 0
    assert "latency_ms" not in plain


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ("prune", "small", "--method", "sippp", "--prune-ratio", ".5"),
            "unknown method 'sippp'; did you mean 'sipp'?",
        ),
        (("prune", "small", "--method", "wt", "--prune-ratio", "1.5"), "prune_ratio"),
        (("prune", "small", "--method", "wt"), "--prune-ratio"),
        (("prune", "nothing", "--method", "wt", "--prune-ratio", ".5"), "unknown model 'nothing'"),
        (("prune", "smal", "--method", "wt", "--prune-ratio", ".5"), "did you mean 'small'?"),
        (("prune", "-", "--method", "wt", "--prune-ratio", ".5"), "no model given: stdin is empty"),
        (("prune", "small", "--metod", "wt"), "--metod"),
        (("train", "--arch", "resnet9", "--dataset", "digits"), "architecture"),
        (("train", "--arch", "resnet8", "--dataset", "digit"), "did you mean 'digits'?"),
        (("train", "--arch", "resnet8", "--dataset", "digits", "--lr", "fast"), "lr"),
        (("train", "--arch", "resnet8", "--dataset", "folder:/no/such/place"), "/no/such/place"),
        (("train", "--arch", "resnet8", "--dataset", "digits", "--batch-size", "100000"), "batch_size"),
        (("potential", "small"), "these are all unpruned"),
        (("potential", "small", "--distribution", "digits+fgo@3"), "did you mean 'fog'?"),
        (("potential", "small", "--margin", "1.5"), "margin"),
        (("potential", "small", "--top-k", "0"), "top_k"),
        (("similarity", "small"), "nothing to compare"),
        (("similarity", "small", "--churn"), "nothing to compare"),
        (("similarity", "small", "--churn", "--levels", "0", "--draws", "2"), "omit --draws, --levels"),
        (("pruen",), "unknown command 'pruen'; did you mean 'prune'?"),
        (("gate",), "unknown command 'gate'; did you mean 'compare --gate'?"),
        (("run", "no-such.toml"), "cannot read the recipe no-such.toml"),
        (("report",), "give either the models to report on or --recipe FILE"),
        (("list", "method"), "did you mean 'methods'?"),
        (("schema", "trian"), "did you mean 'train'?"),
        (("train", "--arch", "resnet8", "--dataset", "digits", "--device", "cuda:7"), "CUDA"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_and_writes_nothing(args, message, store, cli):
    before = sorted(path for path in store.rglob("*.safetensors"))
    ran = cli(*args, store=store)
    assert ran.code == 2, ran.err
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert sorted(path for path in store.rglob("*.safetensors")) == before


def test_debug_shows_the_traceback(trained, stranger):
    wrong = ("prune", "nothing", "--method", "wt", "--prune-ratio", ".5")
    ran = stranger(*wrong, store=trained[0], env={"PRUNEKIT_DEBUG": "1"})
    assert "Traceback" in ran.err
    assert ran.code != 0


def test_a_ratio_below_what_is_pruned_is_refused(store, key, cli):
    pruned = cli("prune", key, "--method", "wt", "--prune-ratio", "0.5", store=store).row["key"]
    ran = cli("prune", pruned, "--method", "wt", "--prune-ratio", "0.4", store=store)
    assert ran.code == 2
    assert "is not above 0.5" in ran.err


def test_the_share_of_a_layer_that_keeps_its_channels_is_refused(store, key, cli):
    how = ("--method", "ft", "--prune-ratio", "0.3", "--coupled", "--layer-ratio", "fc=0.5")
    ran = cli("prune", key, *how, store=store)
    assert ran.code == 2
    assert "layer 'fc' keeps its channels, because it produces the network's outputs" in ran.err


def test_a_store_that_is_a_file_is_refused(tmp_path, cli):
    (tmp_path / "file").touch()
    ran = cli("ls", store=tmp_path / "file")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


def test_a_damaged_file_names_key_and_path_and_exits_with_3(store, key, cli):
    path = store / "models" / f"{key}.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-5] ^= 1
    path.write_bytes(whole)
    ran = cli("prune", key, "--method", "wt", "--prune-ratio", "0.5", store=store)
    assert ran.code == 3
    assert key in ran.err
    assert str(path) in ran.err
    checked = cli("verify", store=store)
    assert (checked.code, checked.row["key"]) == (3, key)
    assert cli("verify", "--repair", store=store).code == 0
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_is_one_line(store, key, cli):
    for folder in (store, *store.rglob("*/")):
        folder.chmod(0o555)
    ran = cli("prune", key, "--method", "wt", "--prune-ratio", "0.5", store=store)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
