"""Taking out of a store: networks with what was made of them, or weights alone; what is there, and what it takes."""

import shutil

import pytest

from prunekit.store.store import Store

RECIPE = """
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "digits"
epochs = 1
batch_size = 64

[[stage]]
label = "pruned"
run = ["prune"]
parent = "parents"
method = "wt"
sweep = {{ prune_ratio = [{ratios}] }}
"""


@pytest.fixture
def lineage(cli, trained, tmp_path):
    """A store with a parent, a pruned network and one that was pruned further: their keys, and the commands on it."""
    shutil.copytree(trained[0], tmp_path / "store")
    keys = [trained[1]]
    for label, ratio in (("half", "0.5"), ("less", "0.8")):
        ran = cli("prune", keys[-1], "--method", "wt", "--prune-ratio", ratio, "--label", label)
        assert ran.code == 0, ran.err
        keys.append(ran.row["key"])
    return keys


def test_networks_are_listed_behind_what_they_were_made_from_with_their_size(lineage, cli, tmp_path):
    rows = cli("ls").rows
    assert [row["key"] for row in rows] == lineage
    store = Store(tmp_path / "store")
    assert [row["file_bytes"] for row in rows] == [store.path(key).stat().st_size for key in lineage]
    used = cli("ls", "disk").rows
    assert [row["model"] for row in used if row["kind"] == "weights"] == lineage
    assert {row["kind"] for row in used} >= {"weights", "error"}
    files = [path for folder in ("models", "measurements") for path in (store.root / folder).iterdir()]
    known = [row for row in used if row["model"]]
    assert sum(row["bytes"] for row in known) == sum(path.stat().st_size for path in files)
    assert (cli("ls", "model").code, cli("ls", "measurements").code) == (2, 0)


def test_a_network_goes_with_its_measurements_and_label(lineage, cli, tmp_path):
    refused = cli("rm", lineage[1])
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "1 networks were made from these" in refused.err
    assert cli("rm", "half", "--descendants", "--dry-run").rows[0]["removed"] is False
    assert len(cli("ls").rows) == 3
    gone = {row["key"] for row in cli("rm", "half", "--descendants").rows}
    assert set(lineage[1:]) < gone
    store = Store(tmp_path / "store")
    assert store.keys("models") == lineage[:1]
    assert {store.measurement(key).step.params["model"] for key in store.keys("measurements")} == {lineage[0]}
    assert set(store.labels()) == {"small"}
    assert cli("verify").code == 0


def test_what_prunekit_did_not_write_is_never_removed(lineage, cli, tmp_path):
    path = Store(tmp_path / "store").path(lineage[2])
    elsewhere = tmp_path / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)
    cli("rm", "less")
    assert path.is_symlink()
    assert elsewhere.is_file()


def test_weights_go_and_records_and_outcomes_stay(lineage, cli, tmp_path):
    before = cli("compare", lineage[0], "less").row
    rows = cli("gc", "--weights", "less", "--dry-run").rows
    assert [row["key"] for row in rows] == sorted(lineage[:2])
    freed = cli("gc", "--weights", "less").rows
    store = Store(tmp_path / "store")
    assert all(row["bytes"] > 10 * store.path(row["key"]).stat().st_size for row in freed)
    assert cli("gc", "--weights", "less").rows == []
    assert cli("compare", lineage[0], "less").row == before
    assert cli("verify").code == 0
    assert len(cli("ls").rows) == 3
    ran = cli("prune", "half", "--method", "wt", "--prune-ratio", "0.9")
    assert ran.code == 3
    assert "were dropped (`gc --weights`)" in ran.err
    assert cli("prune", "less", "--method", "wt", "--prune-ratio", "0.9").code == 0


def test_a_run_makes_dropped_weights_again_only_where_it_needs_them(cli, tmp_path):
    recipe = tmp_path / "study.toml"
    recipe.write_text(RECIPE.format(ratios="0.5"))
    assert cli("run", recipe).code == 0
    store = Store(tmp_path / "store")
    (parent,) = (key for key in store.keys("models") if key.startswith("train"))
    whole = store.path(parent).read_bytes()
    (pruned,) = (key for key in store.keys("models") if key.startswith("prune"))
    cli("gc", "--weights", pruned)
    small = store.path(parent).stat().st_size
    states = {row["key"]: row["state"] for row in cli("status", recipe).rows}
    assert states == {parent: "dropped", pruned: "have"}
    assert cli("status", recipe).code == 0
    assert cli("run", recipe).code == 0
    assert store.path(parent).stat().st_size == small
    recipe.write_text(RECIPE.format(ratios="0.5, 0.7"))
    ran = cli("run", recipe)
    assert ran.code == 0, ran.err
    assert store.path(parent).read_bytes() == whole
    assert len(store.keys("models")) == 3
