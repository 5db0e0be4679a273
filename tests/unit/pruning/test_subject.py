import pytest
import torch
from torch import nn

from prunekit.errors import UsageError
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.subject import Batch, Subject, finite, observe, output_positions, run


def subject_of(model, *shape):
    return Subject(model, trace(model), [Batch(torch.ones(shape), None)], 0)


def two():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 4, 2))


def test_every_layer_is_visited_with_its_own_input():
    seen = {}
    observe(
        subject_of(two(), 5, 3, 4, 4),
        lambda layer, module, inputs: seen.update({layer.name: tuple(inputs.shape)}),
        images=2,
    )
    assert seen == {"0": (2, 3, 4, 4), "2": (2, 16)}
    assert output_positions(subject_of(two(), 5, 3, 4, 4)) == {"0": 4, "2": 1}


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (2, 3, 5, 5)], ids=["first layer", "last layer"])
def test_inputs_that_do_not_fit_are_the_users_to_mend(shape):
    with pytest.raises(UsageError, match="does not fit this model") as raised:
        observe(subject_of(two(), *shape), lambda *seen: None)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", [RuntimeError, IndexError, UsageError])
def test_a_fault_of_the_visit_is_raised_as_it_is(kind):
    def visit(layer, module, inputs):
        raise kind("ours")

    model = two()
    with pytest.raises(kind, match=r"^ours$"):
        observe(subject_of(model, 2, 3, 4, 4), visit)
    assert not any(module._forward_hooks for module in model.modules())


def test_memory_that_runs_out_is_not_taken_for_a_wrong_shape():
    class Greedy(nn.Linear):
        def forward(self, x):
            raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        run(Greedy(1, 1), torch.ones(1))


def test_large_values_are_finite_although_their_sum_is_not():
    assert finite(torch.full((10,), 3e38))
    assert not finite(torch.tensor([1.0, torch.inf]))
    assert not finite(torch.tensor([1.0, torch.nan]))
