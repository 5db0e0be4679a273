"""A recipe brings networks made elsewhere: weights by file, a parent by label, nothing trained."""

import pytest
import torch
from safetensors.torch import save_file

import prunekit

RECIPE = """
[[stage]]
label   = "dense"
run     = ["import"]
arch    = "resnet8"
dataset = "digits"
weights = "dense.safetensors"

[[stage]]
label   = "sparse"
run     = ["import"]
parent  = "dense"
method  = "magnitude"
sweep   = { weights = ["half.pt", "tenth.pt"] }

[[stage]]
label   = "errors"
run     = ["error"]
model   = ["dense", "sparse"]
sweep   = { distribution = ["digits", "digits+fog@3"] }
"""


@pytest.fixture
def recipe(tmp_path):
    """Three networks in files beside a recipe, half and nine tenths of the weights of two of them zero."""
    network = prunekit.build("resnet8", classes=10, seed=3)
    save_file(network.state_dict(), tmp_path / "dense.safetensors")
    for name, ratio in (("half", 0.5), ("tenth", 0.9)):
        masks = prunekit.prune(network, method="wt", prune_ratio=ratio)
        pruned = prunekit.build("resnet8", classes=10, seed=3)
        prunekit.apply_(pruned, masks)
        torch.save(pruned.state_dict(), tmp_path / f"{name}.pt")
    path = tmp_path / "study.toml"
    path.write_text(RECIPE)
    return path


def test_networks_in_files_are_a_study(recipe, cli):
    ran = cli("run", recipe)
    assert (ran.code, ran.row["failed"]) == (0, 0), ran.err
    rows = cli("ls").rows
    ratios = sorted(round(row["prune_ratio"], 2) for row in rows)
    assert ratios == [0.0, 0.5, 0.9]
    assert {row["method"] for row in rows if row["prune_ratio"]} == {"magnitude"}
    again = cli("run", recipe)
    assert again.row["made"] == 0
    by_hand = cli("import", recipe.parent / "dense.safetensors", "--arch", "resnet8", "--dataset", "digits")
    assert by_hand.row["key"] in {row["key"] for row in rows}


def test_a_file_that_is_not_there_is_named_with_its_line(recipe, cli):
    (recipe.parent / "tenth.pt").unlink()
    refused = cli("run", recipe)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "cannot read the weights" in refused.err
    assert "tenth.pt" in refused.err
    (problem,) = cli("recipe", "validate", recipe, "--json").rows
    assert problem["line"] == 1 + RECIPE.splitlines().index('sweep   = { weights = ["half.pt", "tenth.pt"] }')
    assert "tenth.pt" in problem["problem"]
