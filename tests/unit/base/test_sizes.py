import json

import pytest
import torch
from torch import nn

from prunekit.base.sizes import hold_, resize_, sizes_of


class Heads(nn.Module):
    def __init__(self, heads=4):
        super().__init__()
        self.num_heads, self.shape, self.sides = heads, (heads, 8), [heads, 8]
        self.scale, self.name, self.fused, self.size = 0.5, "heads", True, torch.Size([heads])
        self.norm, self.more = nn.LayerNorm(8), nn.Sequential(nn.Linear(8, 2 * heads))


def test_what_became_smaller_is_written_and_set_again():
    small, whole = Heads(3), Heads(4)
    small.more[0].out_features, small._hidden = 6, 1
    found = json.loads(json.dumps(sizes_of(small, whole)))
    assert found == {"": {"num_heads": 3, "shape": [3, 8], "sides": [3, 8]}, "more.0": {"out_features": 6}}
    resize_(whole, found)
    assert (whole.num_heads, whole.shape, whole.sides, whole.more[0].out_features) == (3, (3, 8), [3, 8], 6)
    assert sizes_of(small, whole) == {}


def test_torchs_attention_has_its_sizes_from_its_weights():
    found = sizes_of(nn.MultiheadAttention(8, 2), nn.MultiheadAttention(16, 4))
    assert found == {"out_proj": {"in_features": 8, "out_features": 8}}


HOSTILE = {
    "a larger number": {"": {"num_heads": 5}},
    "the same": {"": {"num_heads": 4}},
    "none": {"": {"num_heads": 0}},
    "below none": {"": {"num_heads": -1}},
    "a bool for a number": {"": {"num_heads": True}},
    "a fraction": {"": {"num_heads": 3.0}},
    "a text": {"": {"name": "x"}},
    "a bool": {"": {"training": False}},
    "a float": {"": {"scale": 0.25}},
    "a new field": {"": {"forward": 3}},
    "a class": {"": {"__class__": "Heads"}},
    "a hidden field": {"norm": {"_hidden": 1}},
    "a tuple of another length": {"": {"shape": [3]}},
    "a tuple with a text": {"": {"shape": [3, "8"]}},
    "a tuple with a larger number": {"": {"shape": [3, 9]}},
    "a number for a tuple": {"": {"shape": 3}},
    "a table": {"": {"_modules": {"norm": 1}}},
    "a method": {"": {"eval": 1}},
    "no module": {"head": {"num_heads": 3}},
    "a list of modules": [["", "num_heads", 3]],
    "no fields": {"": 3},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_else_can_be_set(kind):
    model = Heads()
    model.norm._hidden = 2
    before = repr({name: vars(module) for name, module in model.named_modules()})
    with pytest.raises(ValueError, match=r"^(sizes (are|must)|the size )[^\n]*$"):
        resize_(model, HOSTILE[kind])
    assert repr({name: vars(module) for name, module in model.named_modules()}) == before


def test_a_computed_buffer_becomes_part_of_the_state_where_it_is_named():
    model, inner = nn.Module(), nn.Module()
    for module in (model, inner):
        module.register_buffer("places", torch.ones(3), persistent=False)
    model.inner = inner
    hold_(model, ["inner.places", "inner.weight", "elsewhere.places"])
    assert list(model.state_dict()) == ["inner.places"]
