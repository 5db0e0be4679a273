"""The only place that opens torch's own files: it reads only tensors, with torch's restricted reader."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from prunekit.errors import UsageError

# The usual names under which training scripts keep the weights in a checkpoint.
NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")
_CONVERTS = "import torch; torch.save(torch.load({name!r}, weights_only=False).state_dict(), 'state.pt')"


def read_torch(data: bytes, name: str) -> dict[str, Tensor]:
    """The state dict in a ``.pt`` or ``.pth`` file, or in the checkpoint of a training script.

    torch's restricted reader builds only tensors and plain containers, and calls nothing else. Anything else in the
    file is a :class:`UsageError` that shows how to convert the file if the user trusts it.
    """
    _refuse_programs(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about sparse tensors, which are refused anyway
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True, mmap=False)
    except Exception as error:  # a foreign file: any error of the reader is the file's fault
        raise _refusal(error, name) from None
    return _state_dict(found, name)


def _refusal(error: Exception, name: str) -> UsageError:
    if type(error).__name__ != "UnpicklingError":
        return UsageError(f"{name} is not a file of torch.save: {str(error).partition(chr(10))[0][:200]}")
    line = _CONVERTS.format(name=name)
    return UsageError(
        f"{name} is a whole pickled network, contains other objects or is damaged: opening it "
        f'could run its code. If you trust it, convert it in your own process: python -c "{line}"'
    )


def _refuse_programs(data: bytes, name: str) -> None:
    """Refuse TorchScript and torch.export archives, which are zip files too; torch.save compresses nothing."""
    try:
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise UsageError(f"{name} is a compressed archive, which torch.save does not write")
    ends = {member.filename.partition("/")[2] for member in members}
    if "constants.pkl" in ends:
        raise UsageError(f"{name} is TorchScript: export the network with torch.export instead (.pt2)")
    if any(end.startswith("models/") for end in ends):
        raise UsageError(f"{name} is a torch.export program: name the file *.pt2")


def _state_dict(found: Any, name: str) -> dict[str, Tensor]:
    if not isinstance(found, Mapping):
        raise UsageError(f"{name} contains a {type(found).__name__}, not a state dict (names and tensors)")
    if found and all(isinstance(value, Tensor) for value in found.values()):
        return {str(key): value for key, value in found.items()}
    inner = [key for key in NESTED if _is_state(found.get(key))]
    others = [str(key) for key in found if key not in NESTED and _is_state(found[key])]
    if len(inner) != 1:
        names = ", ".join(inner + others) or "none"
        raise UsageError(
            f"{name} is a checkpoint with several parts (state dicts in it: {names}): save only the "
            "one that you want, torch.save(model.state_dict(), 'state.pt')"
        )
    return {str(key): value for key, value in found[inner[0]].items() if isinstance(value, Tensor)}


def _is_state(value: Any) -> bool:
    """Whether this maps names to tensors, perhaps with some other values (counters of modules, extra state)."""
    return isinstance(value, Mapping) and any(isinstance(item, Tensor) for item in value.values())
