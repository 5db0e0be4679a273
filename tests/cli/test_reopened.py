"""A network whose modules store numbers from the terminal: pruned, exported, opened, read back, exported again."""

import json
import runpy

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from tests.conftest import calling_on, train_whole

from prunekit.store.store import Store

NETS = """
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.num_heads, self.head_dim, self.attn_dim = heads, width // heads, width
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * self.head_dim**-0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, tokens, self.attn_dim))


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.patches, self.norm, self.attention = nn.Conv2d(3, 32, 8, 8), nn.LayerNorm(32), Attention(32, 4)
        self.register_buffer("places", torch.linspace(0.1, 1, 192).view(16, 12), persistent=False)
        self.embed = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 32))
        self.mix, self.groups = nn.Conv1d(32, 64, 1), nn.GroupNorm(8, 64)
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.embed(self.places)
        x = x + self.attention(self.norm(x))
        return self.head(torch.relu(self.groups(self.mix(x.transpose(1, 2)))).mean(2))
"""
IMAGES = np.random.default_rng(0).normal(size=(5, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def attentive(tmp_path_factory, data_folder):
    """A caller of commands on a store with a trained network and a pruned one, and the folder of its export."""
    place = tmp_path_factory.mktemp("reopened")
    with calling_on(place, data_folder, "sizednets", NETS) as call:
        train_whole(call, "module:sizednets:Net")
        row = call("prune", "whole", "--method", "ft", "--prune-ratio", "0.25", "--coupled").row
        call("export", row["key"], "--out", place / "masked")
        call("export", row["key"], "--out", place / "small", "--shrink")
        yield call, place, row


def sizes_in(folder):
    with safe_open(folder / "model.safetensors", "np") as file:
        return json.loads((file.metadata() or {}).get("sizes", "{}"))


def logits(folder):
    return runpy.run_path(str(folder / "load.py"))["logits"](IMAGES)


def test_its_weights_open_with_the_numbers_of_its_modules(attentive):
    _, place, _ = attentive
    found = sizes_in(place / "small")
    assert found["attention"]["num_heads"] < 4
    assert found["attention"]["attn_dim"] == 8 * found["attention"]["num_heads"]
    assert found["groups"]["num_groups"] < 8
    assert sizes_in(place / "masked") == {}
    torch.testing.assert_close(logits(place / "small"), logits(place / "masked"), rtol=0, atol=1e-4)


def test_it_is_read_back_and_worked_on_further(attentive, tmp_path):
    call, place, row = attentive
    back = call("import", place / "small", "--parent", "whole", "--method", "shrunk").row
    assert back["error"] == row["error"]
    store = Store(place / "store")
    assert store.record(back["key"]).sizes == sizes_in(place / "small")
    weights = store.tensors(back["key"])[0]
    assert weights["places"].shape == (16, weights["embed.0.weight"].shape[1])
    assert weights["places"].shape[1] < 12
    more = call("prune", back["key"], "--method", "ft", "--prune-ratio", "0.33", "--coupled").row
    again = call("retrain", more["key"], "--epochs", "1").row
    assert store.record(again["key"]).sizes == sizes_in(place / "small")
    for key, out in ((again["key"], "again"), (back["key"], "same")):
        call("export", key, "--out", tmp_path / f"{out}-masked")
        call("export", key, "--out", tmp_path / out, "--shrink")
        torch.testing.assert_close(
            logits(tmp_path / out), logits(tmp_path / f"{out}-masked"), rtol=0, atol=1e-4
        )
    assert sizes_in(tmp_path / "same") == sizes_in(place / "small")
    assert (
        sizes_in(tmp_path / "again")["attention"]["num_heads"]
        <= sizes_in(place / "small")["attention"]["num_heads"]
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"attention": {"num_heads": 9}}, "the size 'num_heads' of module 'attention' cannot become 9"),
        ({"attention": {"training": True}}, "the size 'training' of module 'attention' cannot become True"),
        ({"attention": {"forward": 1}}, "the size 'forward' of module 'attention' cannot become 1"),
        (
            {"elsewhere": {"num_heads": 1}},
            "sizes are given for 'elsewhere', which is no module of this network",
        ),
        ([], "its entry 'sizes' is not JSON of the form"),
        ("[" * 10_000, "its entry 'sizes' is not JSON of the form"),
    ],
)
def test_a_file_that_sets_anything_else_is_refused_in_one_line(attentive, tmp_path, written, message):
    call, place, _ = attentive
    with safe_open(place / "small" / "model.safetensors", "np") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    text = written if isinstance(written, str) else json.dumps(written)
    save_file(weights, tmp_path / "odd.safetensors", metadata={"sizes": text})
    ran = call("import", tmp_path / "odd.safetensors", "--parent", "whole", code=2)
    assert message in ran.err
    assert len(ran.err.strip().splitlines()) == 1
