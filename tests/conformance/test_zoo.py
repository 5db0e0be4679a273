"""Networks that the graph's rules were not written for: pruned alone and coupled, shrunk, run; ``-m slow`` for all."""

import copy
import warnings

import pytest
import torch

import zoo
from prunekit.errors import UsageError
from prunekit.pruning.api import prune
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.guards import alike, outputs
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.shrink import shrink

RATIO = 0.5
# What this network computes depends on what it finds in the image.
UNTRACED = {"tv:fasterrcnn_mobilenet_v3_large_320_fpn"}
QUICK = [name for name in zoo.NETWORKS if name.startswith("own:")]
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in zoo.NETWORKS if name not in QUICK]


def pruned(model, **how):
    """Masks, or None where the ratio is refused by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return prune(model, prune_ratio=RATIO, **how)
        except UsageError as error:
            return None if "\n" not in str(error) else pytest.fail(str(error))


def shrinks_to_the_same(model, masks):
    """The physical ratio of the shrunk network, whose outputs are the masked one's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        smaller, example = shrink(model, masks), trace(model).example
    masked = copy.deepcopy(model)
    apply_(masked, masks)
    expected = outputs(masked, example)
    assert alike(expected, outputs(smaller, example), 1e-4)
    dense = outputs(model, example)
    for before, after in zip(dense, expected, strict=True):
        assert torch.isfinite(after).all() or not torch.isfinite(before).all()
        if before.shape == after.shape and before.is_floating_point() and len(before) == 2:
            assert not torch.equal(after[0], after[1]) or torch.equal(before[0], before[1]), "constant"
    return 1 - total_parameters(smaller) / total_parameters(model)


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_coupled_pruning_is_physical(name):
    model = zoo.build(name)
    masks = pruned(model, method="ft", coupled=True)
    if masks is None:
        assert name not in QUICK
        return
    masked = prune_ratio(masks, total_parameters(model))
    assert masked == pytest.approx(RATIO, abs=0.02 + 1e-9)
    assert shrinks_to_the_same(model, masks) == pytest.approx(masked, abs=1e-9)


@pytest.mark.parametrize("method", ["l2", "taylor-filter"])
@pytest.mark.parametrize("name", [*QUICK[1::4], *SLOW])
def test_other_methods_are_physical_when_coupled(name, method):
    model = zoo.build(name)
    example = trace(model).example
    if not isinstance(example, tuple) or outputs(model, example)[0].dim() != 2:
        pytest.skip("answers with something else than one row of logits per image")
    batches = [(example[0], torch.zeros(len(example[0]), dtype=torch.int64))]
    masks = pruned(model, method=method, coupled=True, batches=batches)
    if masks is None:
        assert name not in QUICK
        return
    masked = prune_ratio(masks, total_parameters(model))
    assert masked == pytest.approx(RATIO, abs=0.02 + 1e-9)
    assert shrinks_to_the_same(model, masks) == pytest.approx(masked, abs=1e-9)


@pytest.mark.parametrize("name", [*QUICK[::3], *SLOW])
def test_masks_of_filters_shrink_to_the_same_function(name):
    model = zoo.build(name)
    masks = pruned(model, method="ft")
    if name in UNTRACED:
        with pytest.raises(UsageError, match="no channels can be removed from a model that cannot be traced"):
            shrinks_to_the_same(model, masks)
    elif masks is not None:
        shrinks_to_the_same(model, masks)
