"""A training step as one CUDA graph: hundreds of kernels that the host replays with one call.

A captured step reads its images and labels from fixed buffers and its learning rate from a tensor; nothing else
changes between steps (``tests/conformance/test_gpu_counts.py``). There is one graph per batch size.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from prunekit.errors import PrunekitWarning
from prunekit.training.distributed import World
from prunekit.training.feed import Batch

# Steps before the first capture, in which momentum is allocated and cuDNN chooses kernels and workspaces.
WARM = 3
Body = Callable[[Batch], Tensor]


def can_be_captured(network: nn.Module, device: torch.device, place: World) -> bool:
    """Whether a step may be replayed: on a GPU, in one process, without dropout (a graph would repeat its draws)."""
    random = any("Drop" in type(part).__name__ for part in network.modules())
    return device.type == "cuda" and place.size == 1 and not random


class Graph:
    """The captured step of one batch size, with the buffers that it reads and the loss that it writes."""

    def __init__(self, body: Body, batch: Batch, pool: Any, stream: torch.cuda.Stream) -> None:
        self._batch = batch._replace(images=batch.images.clone(), labels=batch.labels.clone())
        self._graph = torch.cuda.CUDAGraph()
        # One pool, and the stream of the eager steps, because gradients live there.
        with torch.cuda.graph(self._graph, pool=pool, stream=stream):
            self._loss = body(self._batch)

    def __call__(self, batch: Batch) -> Tensor:
        """Replay the step on another batch of the same size; returns its loss."""
        self._batch.images.copy_(batch.images)
        self._batch.labels.copy_(batch.labels)
        self._graph.replay()
        return self._loss.clone()


class Replayed:
    """A step that is captured once warm; if capturing fails, all steps are eager and a warning says why."""

    def __init__(self, body: Body, device: torch.device) -> None:
        self._body = body
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._graphs: dict[int, Graph] = {}
        self._eager_left: float = WARM

    def __call__(self, batch: Batch) -> Tensor:
        """One step; returns the loss."""
        if self._eager_left:
            self._eager_left -= 1
            return self._eager(batch)
        size = len(batch.labels)
        if size not in self._graphs:
            try:
                self._graphs[size] = Graph(self._body, batch, self._pool, self._stream)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                return self._without_graphs(batch, error)
        return self._graphs[size](batch)

    def _eager(self, batch: Batch) -> Tensor:
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            loss = self._body(batch)
        here.wait_stream(self._stream)
        return loss

    def _without_graphs(self, batch: Batch, error: RuntimeError) -> Tensor:
        reason = str(error).partition("\n")[0]
        warnings.warn(
            f"this network's training step cannot be captured as a CUDA graph and is slower: {reason}",
            PrunekitWarning,
            stacklevel=2,
        )
        self._graphs, self._eager_left = {}, float("inf")
        return self._eager(batch)
