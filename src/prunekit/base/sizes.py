"""The numbers that modules store (heads, groups, widths), where a network without some channels has smaller ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from torch import nn

# By the name of a module and of its field; a list stands for a tuple.
Sizes = Mapping[str, Mapping[str, "int | list[int]"]]
_SEVERAL = (tuple, list)


def sizes_of(model: nn.Module, whole: nn.Module) -> dict[str, dict[str, int | list[int]]]:
    """The numbers that are smaller in the modules of ``model`` than in those of ``whole``, which has all channels.

    Those of torch's attention are left out, since its weights give them.
    """
    before = {name: vars(module) for name, module in whole.named_modules()}
    found: dict[str, dict[str, int | list[int]]] = {}
    for name, module in model.named_modules():
        if name in before and not isinstance(module, nn.MultiheadAttention):
            for field, value in vars(module).items():
                if not field.startswith("_") and _is_smaller(value, before[name].get(field)):
                    plain = value if isinstance(value, int) else list(value)
                    found.setdefault(name, {})[field] = plain
    return found


def hold_(model: nn.Module, names: Iterable[str]) -> None:
    """Make buffers of these names, which the network's code computes and does not store, part of its state, in place.

    Those that lost channels must be stored, since the code makes them with all.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    for name in names:
        owner, _, field = name.rpartition(".")
        if owner in modules:
            modules[owner]._non_persistent_buffers_set.discard(field)


def resize_(model: nn.Module, sizes: Sizes) -> None:
    """Set these numbers in the model's modules, in place.

    :class:`ValueError`: not the name of a module, or not a number, or a tuple of numbers, that it stores and that
    becomes smaller; other fields cannot be set.
    """
    fields = {name: vars(module) for name, module in model.named_modules()}
    for name, numbers in _checked(sizes).items():
        if name not in fields:
            raise ValueError(f"sizes are given for {name!r}, which is no module of this network")
        for field, value in numbers.items():
            old = fields[name].get(field)
            if field.startswith("_") or not _is_smaller(value, list(old) if type(old) in _SEVERAL else old):
                raise ValueError(f"the size {field!r} of module {name!r} cannot become {value!r}")
            fields[name][field] = value if isinstance(value, int) else type(old)(value)


def _checked(sizes: Any) -> Sizes:
    """The same, if it is a table of tables."""
    if not isinstance(sizes, dict) or not all(isinstance(numbers, dict) for numbers in sizes.values()):
        raise ValueError("sizes must be {module: {field: number}}")
    return cast(Sizes, sizes)


def _is_smaller(new: Any, old: Any) -> bool:
    """Whether a positive number, or one in a tuple of numbers, is below the old one and none above."""
    if type(new) is not type(old):
        return False
    if isinstance(new, int):
        return type(new) is int and 0 < new < old
    if type(new) not in _SEVERAL or len(new) != len(old) or new == old:
        return False
    every = zip(new, old, strict=True)
    return all(type(n) is type(o) is int and (n == o or 0 < n < o) for n, o in every)
