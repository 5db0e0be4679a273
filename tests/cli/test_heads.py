"""A network with nn.MultiheadAttention from the terminal: pruned to fewer heads, retrained, exported, read back."""

import runpy

import numpy as np
import pytest
import torch
from tests.conftest import calling_on, train_whole
from torch import nn

from prunekit.store.store import Store

NETS = """
from torchvision.models import VisionTransformer


def small(classes):
    return VisionTransformer(32, 8, 2, 4, 32, 64, num_classes=classes)
"""


@pytest.fixture(scope="module")
def transformer(tmp_path_factory, data_folder):
    """A store with a trained transformer, a pruned one and a retrained one: the folders of store and module, the rows."""
    place = tmp_path_factory.mktemp("heads")
    with calling_on(place, data_folder, "headnets", NETS) as call:
        train_whole(call, "module:headnets:small")
        pruned = call("prune", "whole", "--method", "ft", "--prune-ratio", "0.5", "--coupled")
        yield call, place, pruned.row, call("retrain", "-", stdin=pruned.out).row


def test_the_masks_are_physical(transformer):
    _, place, pruned, retrained = transformer
    assert pruned["prune_ratio"] == pytest.approx(0.5, abs=0.02)
    assert pruned["physical_ratio"] == pytest.approx(pruned["prune_ratio"], abs=1e-9)
    assert retrained["error"] <= pruned["error"]
    weights, masks = Store(place / "store").tensors(retrained["key"])
    name = "encoder.layers.encoder_layer_0.self_attention.in_proj_weight"
    rows = masks[name].any(1).reshape(3, 4, 8)
    assert rows.all(2).any()
    assert (rows == rows[:1, :, :1]).all()  # whole heads, the same of queries, keys and values
    assert not weights[name][~masks[name]].any()


@pytest.mark.parametrize("form", ["safetensors", "torch-export", "onnx"])
def test_a_network_with_fewer_heads_opens_elsewhere(form, transformer, tmp_path):
    if form == "onnx":
        pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
        pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    call, _, _, retrained = transformer
    row = call("export", retrained["key"], "--out", tmp_path / "small", "--shrink", "--format", form).row
    assert row["exported_parameters"] < 0.52 * row["masked_parameters"]
    opened = runpy.run_path(str(tmp_path / "small" / "load.py"))
    call("export", retrained["key"], "--out", tmp_path / "whole")
    whole = runpy.run_path(str(tmp_path / "whole" / "load.py"))
    images = np.random.default_rng(0).normal(size=(5, 3, 32, 32)).astype(np.float32)
    expected = torch.as_tensor(whole["logits"](images))
    torch.testing.assert_close(torch.as_tensor(opened["logits"](images)), expected, rtol=0, atol=1e-4)
    if form == "safetensors":  # the script has the module's code
        kinds = {type(part) for part in opened["model"].modules() if isinstance(part, nn.MultiheadAttention)}
        assert kinds == {opened["PrunedAttention"]}
        assert "PrunedAttention" not in (tmp_path / "whole" / "load.py").read_text()


def test_it_is_read_back_and_pruned_and_retrained_further(transformer, tmp_path):
    call, _, _, retrained = transformer
    call("export", retrained["key"], "--out", tmp_path / "small", "--shrink")
    back = call("import", tmp_path / "small", "--parent", "whole", "--method", "shrunk").row
    assert back["error"] == retrained["error"]
    assert back["prune_ratio"] == pytest.approx(retrained["prune_ratio"], abs=1e-3)
    assert call("retrain", back["key"], "--epochs", "1").row["parameters"] == back["parameters"]
    more = call("prune", back["key"], "--method", "ft", "--prune-ratio", "0.58", "--coupled").row
    assert more["physical_ratio"] == pytest.approx(0.58, abs=0.02)


def test_a_ratio_of_multiplications_is_what_show_and_export_count(transformer, tmp_path):
    call, *_ = transformer
    how = ("--method", "ft", "--prune-ratio", "0.4", "--coupled", "--target", "multiplications")
    row = call("prune", "whole", *how).row
    whole, shown = (call("show", key, "--latency", "--repeats", "1").row for key in ("whole", row["key"]))
    exported = call("export", row["key"], "--out", tmp_path / "small", "--shrink").row
    assert whole["multiplications"] == shown["multiplications"] == exported["masked_multiplications"]
    assert shown["nonzero_multiplications"] == exported["exported_multiplications"]
    ratio = 1 - exported["exported_multiplications"] / whole["multiplications"]
    assert ratio == pytest.approx(0.4, abs=0.02)
    # 17 tokens of 32 channels: the four projections of attention and the two layers behind, twice; patches and head.
    blocks = 2 * 17 * (4 * 32 * 32 + 2 * 32 * 64)
    assert whole["multiplications"] == blocks + 16 * 3 * 64 * 32 + 32 * 10
