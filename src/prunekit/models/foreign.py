"""Weights made elsewhere: read without running any code, and renamed to the network's names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from prunekit.errors import UsageError, unknown
from prunekit.models.narrow import is_narrower
from prunekit.models.state import Arrays, check_fits, copied
from prunekit.models.unpickle import read_torch

Tensors = dict[str, Tensor]
# The prefixes that torch.compile and the parallel wrappers add to every name.
COMPILED, PARALLEL = "_orig_mod.", "module."
COUNTER = "num_batches_tracked"
# The entry of a safetensors file's metadata with the sizes of modules.
SIZES = "sizes"


class Brought(NamedTuple):
    """Weights under the network's names, masks (True = kept) of their zeros, and their size in the file."""

    weights: Arrays
    masks: dict[str, Tensor]
    bytes: int
    bits: float


def _read_safetensors(data: bytes, name: str) -> Tensors:
    try:
        return dict(load_safetensors(data))
    except SafetensorError as error:
        raise UsageError(f"{name} is not a safetensors file: {error}") from None


READERS: dict[str, Callable[[bytes, str], Tensors]] = {
    ".safetensors": _read_safetensors,
    ".pt": read_torch,
    ".pth": read_torch,
}


def read_tensors(data: bytes, name: str) -> Tensors:
    """The named tensors in a weights file, none of whose code is run; :class:`UsageError` for other kinds of file."""
    ending = Path(name).suffix.lower()
    if ending not in READERS:
        raise unknown("kind of weights file", ending or name, READERS)
    found = READERS[ending](data, name)
    for key, tensor in found.items():
        if tensor.is_sparse or tensor.is_quantized or tensor.is_complex():
            raise UsageError(
                f"{name}: tensor {key!r} is sparse, quantised or complex; only plain numbers are read"
            )
    return found


def read_sizes(data: bytes, name: str) -> dict[str, Any]:
    """The sizes of modules in a weights file that ``prunekit export`` wrote; none in other files."""
    if Path(name).suffix.lower() != ".safetensors":
        return {}
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    try:
        found = json.loads(header.get("__metadata__", {}).get(SIZES, "{}"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{name}: its entry {SIZES!r} is not JSON of the form {{module: {{field: number}}}}")
    return found


def bring(tensors: Mapping[str, Tensor], model: nn.Module) -> Brought:
    """Fit ``tensors`` to ``model``, the network whose weights they are; the model is unchanged.

    Wrapper prefixes are stripped, and ``weight_orig`` and ``weight_mask`` (torch.nn.utils.prune) are folded. Shared
    tensors may appear under only one of their names, and counters of batch norm may be missing. Zero weights become
    masks. Layers may be narrower than the architecture's. :class:`UsageError` if names or shapes do not fit the
    network, or a value is not finite.
    """
    state = model.state_dict()
    named = _folded(_stripped(dict(tensors), state))
    full = _completed(named, model, state)
    arrays = copied(full)
    if not is_narrower(model, arrays):
        check_fits(model, arrays)
    finite(arrays)
    own = [named[name] for name, _ in model.named_parameters() if name in named]
    size, count = sum(tensor.nbytes for tensor in own), sum(tensor.numel() for tensor in own)
    return Brought(arrays, zeros_of(full, model), size, 8 * size / max(count, 1))


def _stripped(tensors: Tensors, state: Mapping[str, Tensor]) -> Tensors:
    tensors = {name.replace(COMPILED, ""): tensor for name, tensor in tensors.items()}
    while (
        tensors
        and all(name.startswith(PARALLEL) for name in tensors)
        and not all(name.startswith(PARALLEL) for name in state)
    ):
        tensors = {name.removeprefix(PARALLEL): tensor for name, tensor in tensors.items()}
    return tensors


def _folded(tensors: Tensors) -> Tensors:
    """The tensors, with each pair of a tensor and its mask folded into the masked tensor."""
    result = dict(tensors)
    for name in tensors:
        for original, mask, plain in _pairs(name):
            if name == original and mask in tensors:
                kept = result.pop(mask).to(result[original].dtype)
                result[plain] = result.pop(original) * kept
    return result


def _pairs(name: str) -> list[tuple[str, str, str]]:
    """Names of (original, mask, folded): torch.nn.utils.prune's, and parametrizations' (torch.ao.pruning)."""
    found = []
    if name.endswith("_orig"):
        plain = name.removesuffix("_orig")
        found.append((name, f"{plain}_mask", plain))
    if name.endswith(".original") and ".parametrizations." in f".{name}":
        owner, _, field = f".{name.removesuffix('.original')}".partition(".parametrizations.")
        plain = f"{owner}.{field}".removeprefix(".")
        found.append((name, f"{name.removesuffix('.original')}.0.mask", plain))
    return found


def _completed(tensors: Tensors, model: nn.Module, state: Mapping[str, Tensor]) -> Tensors:
    """The tensors, with what a file may omit: counters of batch norm, and other names of shared tensors."""
    result = dict(tensors)
    shared: dict[int, list[str]] = {}
    for name, tensor in _named_tensors(model):
        shared.setdefault(id(tensor), []).append(name)
    for names in shared.values():
        present = next((name for name in names if name in tensors), None)
        for name in names:
            if present is not None and name not in result:
                result[name] = tensors[present]
    for name, tensor in state.items():
        if name not in result and name.rpartition(".")[2] == COUNTER:
            result[name] = tensor
    return {
        name: tensor.reshape(state[name].shape) if _scalar(name, state) else tensor
        for name, tensor in result.items()
    }


def _named_tensors(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]


def _scalar(name: str, state: Mapping[str, Tensor]) -> bool:
    """Whether this is a counter, which files store as a 0-dimensional tensor or as a vector of length one."""
    return name in state and name.rpartition(".")[2] == COUNTER and state[name].numel() == 1


def zeros_of(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Masks (True = kept) of the weights with at least two axes that contain zeros, so that these stay zero."""
    weights = {name: tensors[name] for name, own in model.named_parameters() if own.ndim > 1}
    return {name: tensor != 0 for name, tensor in weights.items() if bool((tensor == 0).any())}


def finite(arrays: Arrays) -> None:
    """Refuse weights with NaN or infinity, since the outputs of such a network are meaningless."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not torch.isfinite(torch.from_numpy(array)).all():
            raise UsageError(f"tensor {name!r} of the weights holds NaN or infinity")
