"""How often a forward pass multiplies by each parameter: convolutions, matrix products, recurrent layers, each run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from prunekit.base.tensors import memory_of, writes
from prunekit.errors import PrunekitWarning

# Parameters that these modules hold under these names are weights even if nothing but constants goes in.
_LAYERS = (nn.Linear, nn.modules.conv._ConvNd, nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase)
_FIELDS = re.compile("weight|(in|q|k|v)_proj_weight|weight_(ih|hh|hr).*")


class Factor(NamedTuple):
    """A weight in one operation, the tensor that it is applied to, and the number of multiplications."""

    weight: Tensor
    given: Tensor
    products: int


@dataclass
class Multiplications:
    """What a forward pass multiplies by parameters, or by what it computes from them.

    ``uses``: by parameter name, how many multiplications each of its entries takes part in: one number, or a tensor in
    the parameter's shape where they differ. ``nonzero`` leaves out entries that are zero. ``uncounted``: operations
    that multiply by parameters in a way that is not known here. Products of two activations do not count.
    """

    total: int = 0
    nonzero: int = 0
    uses: dict[str, float | Tensor] = field(default_factory=dict)
    uncounted: set[str] = field(default_factory=set)


@contextmanager
def multiplied(model: nn.Module) -> Iterator[Multiplications]:
    """Within the block, count what forward passes of the model multiply, without gradients.

    Afterwards a :class:`PrunekitWarning` names the operations that were not counted.
    """
    found, fast = Multiplications(), torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # torch's fused layers do not say what they multiply
    try:
        with torch.no_grad(), _Counter(model, found):
            yield found
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    if found.uncounted:
        what = ", ".join(sorted(found.uncounted))
        warnings.warn(f"multiplications by weights are not counted in {what}", PrunekitWarning, stacklevel=4)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation, and knows which tensors do not depend on the network's input."""

    def __init__(self, model: nn.Module, found: Multiplications) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found, self.parameters = found, dict(model.named_parameters())
        # By memory: the parameters that it is made of. The tensors are held, so that no memory is used again.
        self.fixed: dict[int, frozenset[str]] = {}
        self.held: list[Tensor] = []
        for name, value in (*self.parameters.items(), *model.named_buffers()):
            own = frozenset([name]) if name in self.parameters else frozenset[str]()
            self._fix(value, own | self.fixed.get(memory_of(value), frozenset()))
        self.layered = {
            memory_of(value)
            for module in model.modules()
            if isinstance(module, _LAYERS)
            for name, value in module.named_parameters(recurse=False)
            if _FIELDS.fullmatch(name)
        }

    def _fix(self, tensor: Tensor, made_of: frozenset[str]) -> None:
        self.fixed[memory_of(tensor)] = made_of
        self.held.append(tensor)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        depends = any(memory_of(tensor) not in self.fixed for tensor in given)
        space, _, name = func._schema.name.partition("::")
        factors = _PRODUCTS[name](args, made) if space == "aten" and name in _PRODUCTS else []
        for factor in factors:
            depends |= self._counted(factor)
        if depends and not factors and (space not in _KNOWN_SPACES or name in _UNCOUNTED):
            self._uncounted(f"{space}::{name}", given)
        made_of = frozenset[str]().union(*(self.fixed.get(memory_of(tensor), ()) for tensor in given))
        for tensor in made:
            if not depends:
                self._fix(tensor, made_of)
            elif memory_of(tensor) in self.fixed and writes(func):
                del self.fixed[memory_of(tensor)]
        return result

    def _counted(self, factor: Factor) -> bool:
        """Whether this is a product with a weight; it is counted then."""
        sides = (factor.weight, factor.given)
        fixed = [tensor for tensor in sides if self.fixed.get(memory_of(tensor))]
        both = all(memory_of(tensor) in self.fixed for tensor in sides)
        if not fixed or (both and memory_of(factor.weight) not in self.layered):
            return False
        weight, size = fixed[0], fixed[0].numel()
        self.found.total += factor.products
        self.found.nonzero += factor.products * int(weight.count_nonzero()) // max(1, size)
        names = self._parts(weight)
        whole = sum(self.parameters[name].numel() for name in names)
        for name in names:
            own = self.parameters[name]
            if memory_of(own) == memory_of(weight) and size < own.numel():
                self._add(name, _places(own, weight) * (factor.products / size))
            else:
                self._add(name, factor.products / whole)
        return True

    def _parts(self, weight: Tensor) -> list[str]:
        """The parameters that a weight is made of; of several in the same memory, the one with the weight's place."""
        names = [name for name in self.fixed[memory_of(weight)] if name in self.parameters]
        there = [name for name in names if _begins_in(weight, self.parameters[name])]
        return there or names

    def _add(self, name: str, more: float | Tensor) -> None:
        self.found.uses[name] = self.found.uses.get(name, 0.0) + more

    def _uncounted(self, what: str, given: list[Tensor]) -> None:
        if any(tensor.dim() > 1 and self.fixed.get(memory_of(tensor)) for tensor in given):
            self.found.uncounted.add(what)


def _begins_in(view: Tensor, whole: Tensor) -> bool:
    if memory_of(view) != memory_of(whole):
        return False
    return 0 <= int(view.storage_offset()) - int(whole.storage_offset()) < whole.numel()


def _places(whole: Tensor, view: Tensor) -> Tensor:
    """1 where a view shows an entry of a parameter, 0 elsewhere."""
    places = torch.zeros(whole.numel(), dtype=torch.float64)
    offset = view.storage_offset() - whole.storage_offset()
    places.as_strided(view.shape, view.stride(), offset).fill_(1)
    return places.as_strided(whole.shape, whole.stride(), 0)


def _matrices(left: int, right: int) -> Callable[[Any, list[Tensor]], list[Factor]]:
    """A product of matrices, vectors, or batches of matrices: the arguments at these places."""

    def factors(args: Any, made: list[Tensor]) -> list[Factor]:
        first, second = args[left], args[right]
        columns = second.shape[-1] if second.dim() > 1 else 1
        return [Factor(second, first, first.numel() * columns)]

    return factors


def _convolution(args: Any, made: list[Tensor]) -> list[Factor]:
    """Every weight once per position of the output, or of the input if the convolution is transposed."""
    at = args[0] if args[6] else made[0]
    return [Factor(args[1], args[0], args[1].numel() * (at.numel() // max(1, at.shape[1])))]


def _once_per_row(weights: Callable[[Any], list[Tensor]]) -> Callable[[Any, list[Tensor]], list[Factor]]:
    """Every weight once per row of the first argument, such as a time step of one example."""

    def factors(args: Any, made: list[Tensor]) -> list[Factor]:
        rows = args[0].numel() // max(1, args[0].shape[-1])
        matrices = [weight for weight in weights(args) if weight.dim() > 1]
        return [Factor(weight, args[0], weight.numel() * rows) for weight in matrices]

    return factors


_PRODUCTS: Mapping[str, Callable[[Any, list[Tensor]], list[Factor]]] = {
    "mm": _matrices(0, 1),
    "bmm": _matrices(0, 1),
    "mv": _matrices(0, 1),
    "dot": _matrices(0, 1),
    "addmm": _matrices(1, 2),
    "addmv": _matrices(1, 2),
    "baddbmm": _matrices(1, 2),
    "convolution": _convolution,
    "linear": _once_per_row(lambda args: [args[1]]),
    "_trilinear": _once_per_row(lambda args: [args[1]]),
    "mkldnn_rnn_layer": _once_per_row(lambda args: [args[1], args[2]]),
    "_cudnn_rnn": _once_per_row(lambda args: args[1]),
    "miopen_rnn": _once_per_row(lambda args: args[1]),
}
_KNOWN_SPACES = ("aten", "prim", "prims", "profiler")
_UNCOUNTED = (
    "_cdist_forward",
    "_euclidean_dist",
    "_int_mm",
    "_scaled_mm",
    "_grouped_mm",
    "_weight_int8pack_mm",
)
