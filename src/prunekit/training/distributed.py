"""Several processes that train one network: each computes part of every batch, and all end with the same weights.

torchrun starts the processes. The loss of a step and the batch-norm statistics are means over the whole batch, so the
number of processes changes the weights only by rounding.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from prunekit.errors import PrunekitError, PrunekitWarning, UsageError
from prunekit.training.norms import remember


class World(NamedTuple):
    """The rank of this process among those that train together, and their number."""

    rank: int
    size: int


ALONE = World(0, 1)


def world() -> World:
    """This process's rank and world size; a world of one if no process group is open."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    return World(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def joined(device: str | torch.device = "cpu") -> Iterator[World]:
    """Open torchrun's process group for the block; a world of one if there is none.

    :class:`PrunekitError` if another process ends too early.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    distributed.init_process_group("nccl" if torch.device(device).type == "cuda" else "gloo")
    size = world().size
    try:
        yield world()
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        raise PrunekitError(
            f"another of the {size} processes of this training has exited: start them again to resume"
        ) from error
    finally:
        distributed.destroy_process_group()


def _is_lost(error: RuntimeError) -> bool:
    """Whether a process could not be reached: NCCL has a class for this error, gloo names its source file."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error)


def share(indices: Tensor, place: World) -> Tensor:
    """The part of a batch that this process computes."""
    if len(indices) < place.size:
        raise UsageError(
            f"a batch of {len(indices)} images cannot be split among {place.size} processes: change "
            "batch_size"
        )
    return indices[place.rank :: place.size]


def agree(what: str, identity: str, device: torch.device) -> None:
    """Stop unless every process has the same ``identity``, a text that represents ``what`` they start from."""
    place = world()
    if place.size == 1:
        return
    digest = hashlib.sha256(identity.encode()).digest()
    mine = torch.tensor(list(digest), dtype=torch.uint8, device=device)
    everyone = [torch.empty_like(mine) for _ in range(place.size)]
    distributed.all_gather(everyone, mine)
    strange = [rank for rank, other in enumerate(everyone) if not torch.equal(other, everyone[0])]
    if strange:
        raise PrunekitError(
            f"the processes disagree: {what} of rank {strange[0]} differs from that of rank 0"
        )


def summed(values: Tensor) -> Tensor:
    """The sum of ``values`` over all processes."""
    if world().size > 1:
        distributed.all_reduce(values)
    return values


class _Total(torch.autograd.Function):
    """The sum over all processes; in the backward pass, the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return summed(values.clone())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return summed(gradients[0].clone())


def _total(values: Tensor) -> Tensor:
    total: Tensor = _Total.apply(values)
    return total


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the images of all processes; torch's own synchronised batch norm works only on GPUs."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[N, C, H, W]``; the shape is unchanged."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        # Filled on the device: copying a number there would block.
        count = summed(torch.full((), x.numel() / x.shape[1], device=x.device))
        mean = _total(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = _total(centred.square().sum((0, 2, 3))) / count
        remember(self, mean, variance * count / (count - 1).clamp(min=1))
        return (centred * self._scale(variance) + self.bias[:, None, None]).to(x.dtype)

    def _scale(self, variance: Tensor) -> Tensor:
        scale: Tensor = self.weight * (variance + self.eps).rsqrt()
        return scale[:, None, None]


@contextmanager
def parallel(model: nn.Module) -> Iterator[nn.Module]:
    """The module to call in training: the model itself, or one that averages gradients over the processes.

    In the block, the model's batch norms are of a class that shares statistics; afterwards they are plain again.
    """
    if world().size == 1:
        yield model
        return
    norms = [module for module in model.modules() if type(module) is nn.BatchNorm2d and module.affine]
    others = [module for module in model.modules() if isinstance(module, _BatchNorm) and module not in norms]
    if others:
        warnings.warn(
            f"{type(others[0]).__name__} computes its statistics on each process's share of a batch: "
            "the weights will differ a little from those of training with one process",
            PrunekitWarning,
            stacklevel=4,
        )
    for norm in norms:
        norm.__class__ = _SharedBatchNorm
    try:
        yield _averaging(model)
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d


def _averaging(model: nn.Module) -> DistributedDataParallel:
    with warnings.catch_warnings():
        # Newer torch renames the argument; older torch does not know the new name.
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        return DistributedDataParallel(model, broadcast_buffers=False)
