"""What callers pass to the functions of pruning, checked before any work: each refusal is one line with the remedy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from prunekit.errors import UsageError, unknown
from prunekit.pruning.asking import Target
from prunekit.pruning.layers import PRUNABLE

_SHOWN = 60
_MASKS = "masks must be a mapping {parameter name: bool tensor}, as prunekit.prune returns it"

_EXAMPLE = "example must be a tensor, or a tuple of tensors (the network's positional arguments)"


class Rule(NamedTuple):
    """What a value must be, in words, and the test of it."""

    words: str
    holds: Callable[[Any], bool]


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return _is(Integral)(value) and value >= 1


def _names(value: Any) -> bool:
    return (
        isinstance(value, Collection)
        and not isinstance(value, str)
        and all(isinstance(one, str) for one in value)
    )


def _shares(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and _is(Real)(share) and 0 <= share < 1 for name, share in value.items()
    )


# The values that need no model to be checked. None, where it is a default, is not checked.
RULES = {
    "prune_ratio": Rule("between 0 and 1", lambda value: _is(Real)(value) and 0 < value < 1),
    "coupled": Rule("True or False", lambda value: isinstance(value, bool)),
    "round_to": Rule("a whole number of at least 1", _whole),
    "max_layer_ratio": Rule(
        "a number above 0 and at most 1 (the largest share of its filters that a layer loses)",
        lambda value: _is(Real)(value) and 0 < value <= 1,
    ),
    "layer_ratios": Rule(
        "a mapping {layer name: share of its filters that it loses}, with shares in [0, 1), such as {'conv1': 0.3}",
        _shares,
    ),
    "skip_layers": Rule("a list of layer names, such as ['conv1']", _names),
    "total": Rule("a whole number of at least 1 (the parameters of the unpruned parent)", _whole),
    "seed": Rule("a whole number", _is(Integral)),
    "options": Rule("a mapping {option: value}, such as {'n': 2}", lambda value: isinstance(value, Mapping)),
}
_OPTIONAL = frozenset({"layer_ratios", "total", "options"})


def check_values(**given: Any) -> None:
    """Refuse the first value that breaks its rule in :data:`RULES`."""
    for name, value in given.items():
        rule = RULES[name]
        if not (value is None and name in _OPTIONAL) and not rule.holds(value):
            raise UsageError(f"{name} must be {rule.words}, not {_shown(value)}")


def check_target(target: Any) -> None:
    """Refuse a target that does not exist."""
    if target not in get_args(Target):
        raise unknown("target", str(target), get_args(Target))


def number(value: Any) -> Any:
    """A tensor of one number as a Python number; anything else as it is."""
    return value.item() if isinstance(value, Tensor) and value.dim() == 0 else value


def check_model(model: Any, *, values: bool = True) -> None:
    """Refuse what is no network, and networks whose weights cannot be pruned: none, not made yet, or not real.

    ``values``: the weights themselves are needed, not just their shapes.
    """
    check_module(model)
    found = dict(model.named_parameters())
    if not found:
        raise UsageError(f"{type(model).__name__} has no parameters, so no prunable layer")
    for name, value in found.items():
        if is_lazy(value):
            raise UsageError(
                f"parameter {name!r} is not initialised: run the network once on an input, so that its lazy layers "
                "make their weights"
            )
        if values and value.is_meta:
            raise UsageError(
                f"parameter {name!r} has no values (device meta): give the network memory and weights first "
                "(model.to_empty(device='cpu'), then model.load_state_dict)"
            )
    layers = [module for module in model.modules() if isinstance(module, PRUNABLE)]
    if any(value.is_complex() for module in layers for value in module.parameters(recurse=False)):
        raise UsageError(
            f"{type(model).__name__} has layers with complex weights: prunekit prunes real ones; "
            "keep real and imaginary parts in layers of their own"
        )
    if not any(value.is_floating_point() for value in found.values()):
        raise UsageError(
            f"{type(model).__name__} has no floating-point parameters: there is nothing to prune"
        )


def check_module(model: Any) -> None:
    """Refuse what is no ``nn.Module``, and say what to pass instead."""
    if isinstance(model, nn.Module):
        return
    remedies: tuple[tuple[bool, str], ...] = (
        (isinstance(model, str), "build it first, as with prunekit.build(name)"),
        (isinstance(model, type), "pass an object of this class, not the class"),
        (isinstance(model, Mapping), "build the network and load this state dict into it (load_state_dict)"),
    )
    remedy = next((text for holds, text in remedies if holds), "pass the network itself")
    raise UsageError(f"model must be a torch.nn.Module, not {_shown(model)}: {remedy}")


def check_masks(masks: Any) -> None:
    """Refuse masks that are no mapping from names to tensors."""
    if not isinstance(masks, Mapping):
        raise UsageError(f"{_MASKS}, not {_shown(masks)}")
    for name, mask in masks.items():
        if not isinstance(mask, Tensor):
            raise UsageError(f"{_MASKS}; mask {name!r} is {_shown(mask)}")


def check_example(example: Any) -> None:
    """Refuse an example that is neither a tensor nor several (the network's positional arguments), or is empty."""
    parts = example if isinstance(example, list | tuple) else [example]
    if example is None:
        return
    if isinstance(example, Mapping):
        raise UsageError(f"{_EXAMPLE}, not a mapping: pass its values in the order of forward's arguments")
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        raise UsageError(f"{_EXAMPLE}, not {_shown(example)}")
    for part in parts:
        if not part.numel() or (part is example and not part.dim()):
            raise UsageError(
                f"example has a tensor of shape {tuple(part.shape)}: pass at least one input, with its batch axis"
            )
        if part.is_floating_point() and not bool(part.isfinite().all()):
            raise UsageError(
                "example has values that are not finite: what they pass through cannot be compared"
            )


def check_total(total: int, ratio: float, own: int, kept: int) -> None:
    """Refuse a total that this model, with ``kept`` of its ``own`` parameters left, contradicts."""
    if total < kept:
        raise UsageError(
            f"total={total} is less than the {kept} parameters that this model has left: it is the number of "
            "parameters of the unpruned parent (default: of this model)"
        )
    if total > own and kept < round((1 - ratio) * total):
        raise UsageError(
            f"with total={total}, of which this model has {kept} left, it is already pruned to more than the requested "
            f"{ratio}: total is the number of parameters of the unpruned parent (default: of this model)"
        )


def check_gradients(model: nn.Module) -> None:
    """Refuse gradients where torch records none, whatever is asked of it."""
    if torch.is_inference_mode_enabled() or any(value.is_inference() for value in model.parameters()):
        raise UsageError(
            "this method computes gradients, which torch.inference_mode() forbids: build the network, and call "
            "this, outside of that block"
        )


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool | Real | str):
        return repr(value)[:_SHOWN]
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        text = " ".join(repr(value).split())
        return text if len(text) <= _SHOWN else f"a {type(value).__name__} of {len(value)}"
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
