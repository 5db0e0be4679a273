"""What a network costs: parameters, multiplications and measured time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from prunekit.base.copying import copied_network
from prunekit.base.multiplications import multiplied


class Cost(NamedTuple):
    """Counts of all parameters (biases and batch norm included) and of the operations on one image.

    ``multiplications`` counts every weight of convolutions, matrix products and recurrent layers once per position and
    time step where it is used, in every run of its layer, as the authors' code does for their networks;
    ``nonzero_multiplications`` skips zero weights. ``flops``: torch's count, two per multiplication, those of two
    activations included.
    """

    parameters: int
    nonzero: int
    multiplications: int
    nonzero_multiplications: int
    flops: int


class Latency(NamedTuple):
    """Time in milliseconds of one forward pass of ``batch`` images on ``threads`` threads: median and quartiles."""

    median: float
    low: float
    high: float
    batch: int
    threads: int
    device: str


def cost(model: nn.Module, size: tuple[int, int], *, channels: int = 3) -> Cost:
    """The cost of a forward pass of one image of ``size`` (H, W); the model is unchanged."""
    images = _images(model, 1, size, channels)
    with _evaluating(model), FlopCounterMode(display=False) as flops, multiplied(model) as found:
        model(images)
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        nonzero=sum(int(parameter.count_nonzero()) for parameter in model.parameters()),
        multiplications=found.total,
        nonzero_multiplications=found.nonzero,
        flops=flops.get_total_flops(),
    )


def forward_flops(model: nn.Module, size: tuple[int, int]) -> int:
    """torch's FLOP count for one image of ``size`` (H, W), from shapes only: nothing is computed."""
    shapes = copied_network(model).to("meta")
    with _evaluating(shapes), FlopCounterMode(display=False) as flops:
        shapes(_images(shapes, 1, size))
    return int(flops.get_total_flops())


def latency(
    model: nn.Module, size: tuple[int, int], *, batch: int = 1, repeats: int = 20, channels: int = 3
) -> Latency:
    """Time ``repeats`` forward passes of ``batch`` images of ``size`` (H, W), after three untimed ones."""
    images = _images(model, batch, size, channels)
    with _evaluating(model):
        for _ in range(3):
            model(images)
        times = sorted(_milliseconds(partial(model, images), images.device) for _ in range(repeats))
    low, high = times[repeats // 4], times[(3 * repeats) // 4]
    device = str(images.device)
    return Latency(statistics.median(times), low, high, batch, torch.get_num_threads(), device)


def _images(model: nn.Module, count: int, size: tuple[int, int], channels: int = 3) -> Tensor:
    first = next(model.parameters(), torch.zeros(0))  # an opened program has no parameters
    return torch.zeros(count, channels, *size, device=first.device, dtype=first.dtype).to(
        memory_format=torch.channels_last
    )


def _milliseconds(work: Callable[[], Any], device: torch.device) -> float:
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1000 * (time.perf_counter() - started)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
