"""``.pt2`` files: torch.export programs, run by torch."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from prunekit.errors import UsageError
from prunekit.models.predictors.archive import cleaned
from prunekit.models.predictors.base import Batched, Opened, as_logits
from prunekit.models.predictors.weights import Weight, zeros_beyond_rounding

WHOLE = (torch.int8, torch.uint8)


def open_program(data: bytes, name: str) -> Opened:
    """The program in a ``.pt2`` file; :class:`UsageError` if there is none, or if it takes more than one input."""
    safe = cleaned(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.export").setLevel(logging.ERROR)
            program = torch.export.load(io.BytesIO(safe))
    except Exception as error:  # a foreign file: any error of the reader is the file's fault
        reason = str(error).strip().partition("\n")[0][:200]
        raise UsageError(f"{name} is not a torch.export program that this torch can open: {reason}") from None
    fixed, least = _batch(program, name)
    weights = [
        tensor
        for key, tensor in (*program.state_dict.items(), *program.constants.items())
        if isinstance(tensor, Tensor)
        and (key in program.graph_signature.parameters or (tensor.dtype in WHOLE and tensor.ndim > 1))
    ]
    return Opened(_Program(program, fixed=fixed, least=least), tuple(map(_weight, weights)))


def _weight(tensor: Tensor) -> Weight:
    bits = 8 * tensor.element_size()
    if tensor.dtype in WHOLE:
        return Weight.of(tensor.shape, bits, zeros_beyond_rounding(tensor.cpu().numpy().astype(np.int32)))
    return Weight.of(tensor.shape, bits, tensor.numel() - int(tensor.count_nonzero()))


def _batch(program: Any, name: str) -> tuple[int | None, int]:
    """The only batch size that a program takes (None: any), and the smallest."""
    names = program.graph_signature.user_inputs
    found = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(found) != 1 or not isinstance(found[0].meta.get("val"), Tensor):
        raise UsageError(f"{name} takes {len(names)} inputs; an image network takes one")
    size = found[0].meta["val"].shape[0]
    if isinstance(size, int):
        return size, size
    bounds = program.range_constraints.get(size.node.expr)
    return None, max(1, int(bounds.lower)) if bounds is not None else 1


class _Program(Batched):
    """A program, kept out of the module's children because it allows no change of mode."""

    def __init__(self, program: Any, *, fixed: int | None, least: int) -> None:
        super().__init__(fixed=fixed, least=least)
        self._program = program
        self._on: dict[str, Any] = {}

    def one_batch(self, images: Tensor) -> Tensor:
        """Logits from the program, on the images' device."""
        return as_logits(self._module(str(images.device))(images.contiguous()), len(images))

    def _module(self, device: str) -> Any:
        if device not in self._on:
            program = self._program
            if device != "cpu":
                from torch.export.passes import move_to_device_pass

                program = move_to_device_pass(program, device)
            self._on[device] = program.module(check_guards=False)
        return self._on[device]
