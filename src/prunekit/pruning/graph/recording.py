"""One forward pass, recorded operation by operation: every computation with a tensor is seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from prunekit.pruning.graph.builder import Builder, Call, origins_of
from prunekit.pruning.graph.channels import Made
from prunekit.pruning.graph.leaves import tensors_in
from prunekit.pruning.graph.operations import follow, rule_of


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation below Python, decomposes composite ones without a rule, and follows the rest."""

    def __init__(self, builder: Builder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.builder = builder

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        call = Call(func._schema.name.partition("::")[2], func, _bound(func, args, kwargs or {}), ())
        if rule_of(call) is None and torch._C._dispatch_has_kernel_for_dispatch_key(
            func.name(), "CompositeImplicitAutograd"
        ):
            with self:
                found = func.decompose(*args, **(kwargs or {}))
            if found is not NotImplemented:
                return found
        found = func(*args, **(kwargs or {}))
        outputs = tuple(leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor))
        if outputs or call.tensors():
            follow(self.builder, call._replace(outputs=outputs))
        return found


def _bound(func: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """All arguments by name."""
    names = [argument.name for argument in func._schema.arguments]
    return dict(zip(names, args, strict=False)) | dict(kwargs)


@contextmanager
def watched(builder: Builder) -> Iterator[None]:
    """Within the block, every operation is added to the graph, with the module that runs it."""
    names = {id(module): name for name, module in builder.modules.items()}
    before: list[str] = []

    def enter(module: nn.Module, args: Any) -> None:
        before.append(builder.scope)
        builder.scope = names.get(id(module), builder.scope)

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if builder.scope in builder.dynamic:
            _close(builder, args, output)
        builder.scope = before.pop()

    fast = torch.backends.mha.get_fastpath_enabled()
    checks = Distribution._validate_args
    with ExitStack() as stack:
        # Checking the parameters of distributions looks like a decision by activations.
        stack.callback(Distribution.set_default_validate_args, checks)
        Distribution.set_default_validate_args(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(nn.modules.module.register_module_forward_pre_hook(enter).remove)
        stack.callback(nn.modules.module.register_module_forward_hook(leave).remove)
        stack.enter_context(torch.inference_mode())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(Recorder(builder))
        yield


def _close(builder: Builder, args: Any, output: Any) -> None:
    """Read all inputs of a module whose path depends on activations, and treat its outputs as unknown."""
    given = [builder.get(tensor) for tensor in tensors_in(args)]
    made = tensors_in(output)
    tracks = [*given, *(builder.get(leaf) for leaf in made)]
    builder.read(tracks)
    for leaf in made:
        builder.put(leaf, Made(origins=origins_of(tracks)))
