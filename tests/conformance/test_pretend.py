"""The pretend GPU itself: it refuses what CUDA refuses, counts what CUDA waits for, and its private parts are there."""

import re
from pathlib import Path

import pytest
import torch

SUPPORT = Path(__file__).resolve().parents[1] / "support" / "pretend"
# torch's private names that the pretend GPU is built on.
PRIVATE = [
    "torch._C._ensureCUDADeviceGuardSet",
    "torch._C._dispatch_has_kernel_for_dispatch_key",
    "torch._C._only_lift_cpu_tensors",
    "torch._C._set_only_lift_cpu_tensors",
    "torch.Tensor._make_wrapper_subclass",
    "torch.utils._mode_utils.no_dispatch",
    "torch.utils._python_dispatch.TorchDispatchMode",
    "torch._has_compatible_shallow_copy_type",
    "torch.utils._pytree.tree_leaves",
    "torch.utils._pytree.tree_map",
    "torch.cuda._lazy_init",
]


@pytest.fixture
def on(pretend_gpu):
    with pretend_gpu() as gpu:
        yield gpu


@pytest.mark.parametrize("name", PRIVATE)
def test_torch_still_has_what_the_pretend_gpu_is_built_on(name):
    import torch.utils._mode_utils
    import torch.utils._python_dispatch
    import torch.utils._pytree

    found = torch
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    assert callable(found)
    operation = torch.ops.aten.add.Tensor
    assert (operation._schema.name, operation._overloadname) == ("aten::add", "Tensor")
    node = torch.ones(2, requires_grad=True).sum().grad_fn
    assert [tuple(meta.shape) for meta in node._input_metadata] == [()]


def test_private_parts_are_used_in_one_file():
    private = re.compile(r"torch\.(_\w+|\w+(\.\w+)*\._[a-z]\w*)|\._schema|\._overloadname|_input_metadata")
    others = [path for path in SUPPORT.glob("*.py") if path.name != "private.py"]
    assert [path.name for path in others if private.search(path.read_text(encoding="utf-8"))] == []
    assert private.search((SUPPORT / "private.py").read_text(encoding="utf-8"))


def test_devices_may_not_be_mixed(on):
    there, here = torch.ones(3, device="cuda"), torch.ones(3)
    with pytest.raises(RuntimeError, match="mixes devices"):
        there + here
    with pytest.raises(RuntimeError, match="mixes devices"):
        torch.nn.functional.linear(there[None], torch.ones(2, 3))
    assert (there + torch.tensor(1.0)).tolist() == [2.0] * 3


def test_waits_are_counted(on):
    there = torch.arange(3.0, device="cuda")
    assert (there + 1).mul_(2).square().sum().shape == ()
    assert not on.waits
    float(there.sum())
    there.nonzero()
    there[torch.tensor([True, False, True])]
    there.cpu()
    assert {what for what, _ in on.waits} >= {
        "_local_scalar_dense",
        "nonzero",
        "an index from the CPU",
        "a copy to the host",
    }


def test_gradients_are_those_of_the_cpu(pretend_gpu):
    def gradients(device):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()).to(
            device
        )
        x = torch.randn(2, 3, 5, 5).to(device).requires_grad_()
        y = net(x)
        torch.autograd.backward((y * y).sum() + y.sum())
        again = torch.autograd.grad(net(x).sum(), [x])[0]
        return [net[0].weight.grad.cpu(), net[1].bias.grad.cpu(), x.grad.cpu(), again.cpu()]

    here = gradients("cpu")
    with pretend_gpu():
        there = gradients("cuda")
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_modules_move_there_and_back(on):
    net = torch.nn.Linear(2, 2)
    weight = net.weight.detach().clone()
    net.to("cuda")
    assert net.weight.device.type == "cuda"
    net.weight = torch.nn.Parameter(net.weight.detach() + 0)
    assert torch.equal(net.cpu().weight, weight)
    assert net(torch.ones(1, 2)).device.type == "cpu"


def test_afterwards_there_is_no_gpu(pretend_gpu):
    with pretend_gpu():
        assert torch.cuda.is_available()
    assert not torch.cuda.is_available()
