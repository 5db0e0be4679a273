"""CUDA graphs on the pretend GPU: while one is captured nothing changes, and a replay does the same to the same places."""

from contextlib import contextmanager, nullcontext
from unittest import mock

import torch

from pretend.private import tree_leaves


class Stream:
    """Everything happens at once here, so streams need not wait."""

    def __init__(self, device=None):
        self.device = device

    def wait_stream(self, other):
        return None


class CUDAGraph:
    """The operations of one capture: each with what it reads, and where its results are."""

    def __init__(self):
        self.calls, self.before, self.made = [], {}, []

    def run(self, computed, func, name, inner):
        """Do an operation under capture; what it may change is remembered first."""
        for leaf in tree_leaves(inner):
            if isinstance(leaf, torch.Tensor) and id(leaf) not in self.before and not self._made_here(leaf):
                self.before[id(leaf)] = leaf, leaf.clone()
        found = computed(func, name, *inner)
        self.made += [leaf for leaf in tree_leaves(found) if isinstance(leaf, torch.Tensor)]
        self.calls.append((computed, func, name, inner, found))
        return found

    def _made_here(self, leaf):
        return any(leaf is other for other in self.made)

    def undo(self):
        """A capture only notes: whatever was there before is as it was."""
        for leaf, value in self.before.values():
            if not torch.equal(leaf, value):
                leaf.copy_(value)
        self.before.clear()

    def replay(self):
        for computed, func, name, inner, found in self.calls:
            again = computed(func, name, *inner)
            for old, new in zip(tree_leaves(found), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def patches(gpu):
    """What replaces torch's own names."""

    @contextmanager
    def graph(captured, pool=None, stream=None):
        gpu.capture = captured
        try:
            yield
        finally:
            gpu.capture = None
            captured.undo()

    names = {
        "CUDAGraph": CUDAGraph,
        "graph": graph,
        "Stream": Stream,
        "stream": lambda stream: nullcontext(),
        "current_stream": lambda device=None: Stream(),
        "graph_pool_handle": lambda: None,
    }
    return [mock.patch(f"torch.cuda.{name}", value) for name, value in names.items()]
