"""All that the pretend GPU uses of torch's private parts; ``tests/conformance/test_pretend.py`` looks that each is there."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import contextmanager
from unittest import mock

import torch
import torch._dynamo  # looks up torch's functions when it is loaded: before any is replaced
from torch.autograd.graph import get_gradient_edge
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["TorchDispatchMode", "no_dispatch", "tree_leaves", "tree_map"]


def shell(cls: type, inner: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor without memory of its own that says it is on ``device`` and otherwise like ``inner``."""
    with torch.inference_mode(False):  # or it could not be a view of one that was made before
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=device,
            requires_grad=False,
        )


@contextmanager
def cuda_without_a_driver():
    """For the block, ``device="cuda"`` may be named, and numbers in lists become tensors on the CPU first."""
    torch._C._ensureCUDADeviceGuardSet()
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    alike = torch._has_compatible_shallow_copy_type
    kept_in_place = mock.patch.object(
        torch,
        "_has_compatible_shallow_copy_type",
        lambda old, new: old.device == new.device and alike(old, new),
    )
    try:
        with kept_in_place:  # a module that moves gets new parameters, not old ones with other contents
            yield
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


def schema(func) -> tuple[str, str]:
    """An operation's name, and with its overload."""
    name, overload = func._schema.name, func._overloadname
    return name, name if overload == "default" else f"{name}.{overload}"


def written(func, args, kwargs) -> tuple[list, bool]:
    """The arguments that an operation writes, and whether it returns just these."""
    places = [
        (place, argument)
        for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    values = [args[place] if place < len(args) else kwargs.get(argument.name) for place, argument in places]
    returns = func._schema.returns
    return values, all(each.alias_info is not None and each.alias_info.is_write for each in returns)


def is_composite(func) -> bool:
    """Whether an operation is no more than others, for every device."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")


@contextmanager
def again(mode):
    """For the block, a mode that is at work sees what it asks for itself."""
    TorchDispatchMode.__enter__(mode)
    try:
        yield
    finally:
        TorchDispatchMode.__exit__(mode, None, None, None)


def is_view(func) -> bool:
    """Whether an operation gives another look at its first argument."""
    first = next(iter(func._schema.arguments), None)
    return first is not None and first.alias_info is not None and not first.alias_info.is_write


def walk(roots, gradients, wanted=()) -> list:
    """The backward pass node by node: torch's own engine would ask CUDA's driver for streams.

    Gradients by ``wanted``, or, where there are none, into the leaves' ``grad``.
    """
    starts = [get_gradient_edge(root) for root in roots]
    places = defaultdict(list)
    for which, tensor in enumerate(wanted):
        edge = get_gradient_edge(tensor)
        places[edge.node, edge.output_nr].append(which)
    unmet, stack, seen = Counter(), [edge.node for edge in starts], set()
    while stack:
        if (node := stack.pop()) in seen:
            continue
        seen.add(node)
        children = [child for child, _ in node.next_functions if child is not None]
        unmet.update(children)
        stack += children
    pending, found, ready = {}, {}, []
    with torch.no_grad():
        for edge, root, value in zip(starts, roots, gradients, strict=True):
            _give(pending, edge.node, edge.output_nr, torch.ones_like(root) if value is None else value)
            ready += [edge.node] if not unmet[edge.node] and edge.node not in ready else []
        while ready:
            node = ready.pop()
            slots = pending.pop(node, None)
            for number, value in enumerate(slots or ()):
                found |= dict.fromkeys(places.get((node, number), ()), value)
            results = () if slots is None else _passed(node, slots, taken=not wanted)
            for (child, number), value in zip(node.next_functions, (*results, *[None] * 99), strict=False):
                if child is not None:
                    if value is not None:
                        _give(pending, child, number, value)
                    unmet[child] -= 1
                    ready += [] if unmet[child] else [child]
    return [found.get(number) for number in range(len(wanted))]


def _give(pending, node, number, value) -> None:
    slots = pending.setdefault(node, [None] * len(node._input_metadata))
    meta = node._input_metadata[number]
    value = value.to(meta.dtype)
    value = value if tuple(value.shape) == tuple(meta.shape) else value.sum_to_size(meta.shape)
    slots[number] = value if slots[number] is None else slots[number] + value


def _passed(node, slots, *, taken: bool) -> tuple:
    if type(node).__name__ == "AccumulateGrad":
        leaf = node.variable
        if taken and leaf.grad is None and slots[0].stride() == leaf.stride():
            leaf.grad = slots[0].detach()  # as the engine does: taken, not copied
        elif taken:
            node(*slots)
        return ()
    results = node(*slots) if callable(node) else node.apply(*slots)
    return results if isinstance(results, tuple) else (results,)
