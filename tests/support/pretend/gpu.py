"""A pretend GPU: tensors that say they are on ``cuda:0``, hold their values on the CPU, and refuse to be mixed.

Within ``PretendGpu()`` any code may name ``device="cuda"``. Every operation is checked as CUDA checks it, computed on the
CPU, and counted: kernel launches, waits for the device, and what CUDA does in no fixed order. It knows nothing of speed,
memory, a GPU's own rounding, streams, NCCL, several GPUs, or child processes.
"""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import Future
from contextlib import ExitStack
from types import SimpleNamespace
from unittest import mock

import torch

from pretend import graphs, private
from pretend.private import TorchDispatchMode, no_dispatch, tree_leaves, tree_map

aten = torch.ops.aten
CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
ACTIVE: list[PretendGpu] = []
# An index or a mask may come from either side: torch copies it to the device.
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
COPIES = {"aten::copy_", "aten::_to_copy", "aten::copy"}
# Beside pointwise operations these take a number that is a tensor on the CPU.
TAKE_NUMBERS = {
    "aten::where",
    "aten::lerp",
    "aten::fill_",
    "aten::masked_fill",
    "aten::masked_fill_",
    "aten::clamp",
}
TAKE_NUMBERS |= {"aten::index_fill_", "aten::searchsorted"}
# The host waits, because the shape or value of the result is needed there.
WAITING = {
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "unique_dim",
    "_unique2",
    "equal",
    "is_nonzero",
    "item",
}
WAITING |= {"bincount", "unique_consecutive", "repeat_interleave.Tensor", "histc"}
# Allocations and names: no kernel.
FREE = {
    "detach",
    "empty",
    "empty_like",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
    "alias",
    "_unsafe_view",
}
FREE |= {"lift_fresh", "resize_", "_reshape_alias", "set_", "is_same_size", "expand", "as_strided"}
LAUNCHES = {"convolution_backward": 2, "native_batch_norm": 3, "native_batch_norm_backward": 2}
TENSORS_PER_LAUNCH = 30  # of the operations on lists, about
# CUDA adds these up in whatever order its threads come, which moves the last bits of fractions.
UNORDERED = {"upsample_bilinear2d_backward", "upsample_nearest2d_backward", "upsample_bicubic2d_backward"}
UNORDERED |= {
    "nll_loss2d_forward",
    "nll_loss2d_backward",
    "grid_sampler_2d_backward",
    "scatter_add_",
    "scatter_add",
}
UNORDERED |= {
    "index_add_",
    "_adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d_backward",
    "cumsum",
    "put_",
    "histc",
}
UNORDERED |= {"reflection_pad2d_backward", "max_pool2d_with_indices_backward", "avg_pool2d_backward"}


class MixedDevicesError(RuntimeError):
    """Expected all tensors to be on the same device."""


class OnGpu(torch.Tensor):
    """A tensor whose values only :class:`PretendGpu` may touch."""

    @staticmethod
    def __new__(cls, inner):
        made = private.shell(cls, inner, GPU)
        made.inner = inner
        return made

    def __tensor_flatten__(self):
        return ["inner"], None  # modules then take it for their parameters as it is

    @staticmethod
    def __tensor_unflatten__(parts, meta, size, stride):
        return OnGpu(parts["inner"])

    def tolist(self):
        return self.cpu().tolist()

    def __repr__(self, **how):
        return f"OnGpu({tuple(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func is aten.detach.default:
            return OnGpu(args[0].inner.detach())
        if not ACTIVE:
            raise RuntimeError(f"{func} on a tensor of the pretend GPU, which is gone")
        return ACTIVE[-1].__torch_dispatch__(func, types, args, kwargs or {})


class PretendGpu(TorchDispatchMode):
    """Within the block a GPU is there, and pretend; ``bf16``: whether it has bfloat16 of its own.

    ``rounds``: whether it divides as a card does, else as the CPU, whose bytes can then be compared.
    """

    def __init__(self, *, bf16: bool = True, rounds: bool = False) -> None:
        super().__init__()
        self._compute = _by_reciprocals if rounds else _computed
        # Operation -> launches; (operation, line of prunekit) -> times, of what waits and of what has no fixed order;
        # (operation, deterministic, TF32 allowed, line) -> times, of convolutions; ``tape``: a list to write all on.
        self.launches, self.waits, self.unordered, self.convolutions = (
            Counter(),
            Counter(),
            Counter(),
            Counter(),
        )
        self.bf16, self.tape, self.capture, self._stack = bf16, None, None, ExitStack()

    def __enter__(self):
        self._stack.enter_context(private.cuda_without_a_driver())
        props = SimpleNamespace(major=9 if self.bf16 else 7, minor=0, name="pretend", total_memory=80 * 2**30)
        for name, answer in {
            "_lazy_init": lambda: None,
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "current_device": lambda: 0,
            "get_device_properties": lambda device=None: props,
            "get_device_capability": lambda device=None: (props.major, 0),
            "get_device_name": lambda device=None: "pretend",
            "synchronize": lambda device=None: self._wait("synchronize"),
            "get_rng_state": lambda device=None: torch.zeros(16, dtype=torch.uint8),
            "set_rng_state": lambda *state: None,
            "manual_seed": lambda seed: None,
            "manual_seed_all": lambda seed: None,
            "is_current_stream_capturing": lambda: False,
            "is_bf16_supported": lambda including_emulation=True: self.bf16 or including_emulation,
        }.items():
            self._stack.enter_context(mock.patch(f"torch.cuda.{name}", answer))
        for patch in graphs.patches(self):
            self._stack.enter_context(patch)
        self._stack.enter_context(mock.patch("torch.autograd.backward", _backward))
        self._stack.enter_context(mock.patch("torch.autograd.grad", _grad))
        self._stack.enter_context(mock.patch("torch.Tensor.pin_memory", lambda tensor: tensor))
        # A dispatch mode is of one thread: what others would do is done here.
        self._stack.enter_context(mock.patch("concurrent.futures.ThreadPoolExecutor.submit", _at_once))
        ACTIVE.append(self)
        return super().__enter__()

    def __exit__(self, *error):
        ACTIVE.remove(self)
        super().__exit__(*error)
        self._stack.close()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        leaves = tree_leaves((args, kwargs))
        asked = torch.device(kwargs["device"]) if kwargs.get("device") is not None else None
        to_gpu = asked is not None and asked.type == "cuda"
        if not to_gpu and not any(isinstance(leaf, OnGpu) for leaf in leaves):
            return func(*args, **kwargs)
        if private.is_composite(func):  # in inference mode nobody else takes it apart into what is counted
            with private.again(self):
                return func.decompose(*args, **kwargs)
        name, full = private.schema(func)
        if name == "prim::device":
            return GPU
        self._check(func, name, args, leaves)
        self._count(func, name.removeprefix("aten::"), full.removeprefix("aten::"), args, asked)
        if self.tape is not None:
            self.tape.append((full, *map(_described, leaves)))
        kwargs |= {} if asked is None else {"device": CPU}
        kwargs |= {"pin_memory": False} if kwargs.get("pin_memory") else {}
        inner = tree_map(lambda leaf: leaf.inner if isinstance(leaf, OnGpu) else leaf, (args, kwargs))
        if self.capture is None:
            found = self._compute(func, name, *inner)
        else:
            found = self.capture.run(self._compute, func, name, inner)
        if asked is not None and not to_gpu:
            return found
        targets, only_these = private.written(func, args, kwargs)
        if not targets or not only_these:
            return tree_map(_wrapped, found)
        if torch.Tag.inplace_view in func.tags:
            with no_dispatch():
                func(*args, **kwargs)  # the shell's shape changes with its contents'
        return None if found is None else targets[0] if len(targets) == 1 else tuple(targets)

    def _check(self, func, name, args, leaves):
        """Refuse what CUDA refuses: tensors of both sides in one operation, but for numbers, indices and copies."""
        here = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and not isinstance(leaf, OnGpu)]
        mixed = here and any(isinstance(leaf, OnGpu) for leaf in leaves)
        if not mixed or name in COPIES or name.startswith("aten::_foreach_copy"):
            return
        if name in INDEXING and isinstance(args[0], OnGpu):
            values = [value for value in args[2:3] if isinstance(value, torch.Tensor)]
            if all(isinstance(value, OnGpu) or value.dim() == 0 for value in values):
                self._wait("an index from the CPU")
                return
        if (torch.Tag.pointwise in func.tags or name in TAKE_NUMBERS) and all(
            leaf.dim() == 0 for leaf in here
        ):
            return
        raise MixedDevicesError(f"{func} mixes devices, at {_place()}")

    def _count(self, func, name, full, args, asked):
        if name in ("_to_copy", "copy_"):
            source = args[1] if name == "copy_" else args[0]
            target = isinstance(args[0], OnGpu) if name == "copy_" else asked is None or asked.type == "cuda"
            if isinstance(source, OnGpu) != target:
                self._wait("a copy to the device" if target else "a copy to the host")
        by_mask = (
            [index for index in args[1] or () if index is not None] if f"aten::{name}" in INDEXING else ()
        )
        if name in WAITING or full in WAITING or any(index.dtype == torch.bool for index in by_mask):
            self._wait(full)
        if name in UNORDERED and args[0].is_floating_point():
            self.unordered[full, _place()] += 1
        if name in ("convolution", "convolution_backward"):
            flags = torch.backends.cudnn
            self.convolutions[name, flags.deterministic, flags.allow_tf32, _place()] += 1
        if name in FREE or private.is_view(func):
            return
        lists = name.startswith(("_foreach", "_fused"))
        self.launches[full] += -(-len(args[0]) // TENSORS_PER_LAUNCH) if lists else LAUNCHES.get(name, 1)

    def _wait(self, what):
        if self.capture is not None:
            raise RuntimeError(f"operation not permitted when stream is capturing: {what}")
        self.waits[what, _place()] += 1


def _described(leaf):
    """What a captured operation would freeze of an argument: a number, or a tensor's shape, type and side."""
    if not isinstance(leaf, torch.Tensor):
        return leaf
    return tuple(leaf.shape), leaf.dtype, "gpu" if isinstance(leaf, OnGpu) else "cpu"


def _wrapped(leaf):
    return OnGpu(leaf) if isinstance(leaf, torch.Tensor) and not isinstance(leaf, OnGpu) else leaf


def _place() -> str:
    """The line of prunekit that asked for an operation."""
    frame = sys._getframe()
    while frame is not None and "/prunekit/" not in frame.f_code.co_filename:
        frame = frame.f_back
    return (
        "elsewhere"
        if frame is None
        else f"{frame.f_code.co_filename.split('/prunekit/')[-1]}:{frame.f_lineno}"
    )


def _computed(func, name, args, kwargs):
    """The result of the CPU's operation of the same meaning."""
    if name == "aten::cudnn_batch_norm":
        return (*aten.native_batch_norm(*args), torch.empty(0, dtype=torch.uint8))
    if name == "aten::cudnn_batch_norm_backward":
        x, dy, weight, mean, var, saved_mean, inverse, eps, _ = args
        return aten.native_batch_norm_backward(
            dy, x, weight, mean, var, saved_mean, inverse, True, eps, [True] * 3
        )
    return func(*args, **kwargs)


def _by_reciprocals(func, name, args, kwargs):
    """The same, rounded as a card does: by a Python number it does not divide, it multiplies with the reciprocal."""
    if not (name.startswith("aten::div") and len(args) == 2 and isinstance(args[1], int | float)) or kwargs:
        return _computed(func, name, args, kwargs)
    found = args[0] * torch.tensor(args[1], dtype=torch.result_type(*args)).reciprocal()
    return args[0].copy_(found) if name.endswith("_") else found


def _at_once(pool, function, *args, **kwargs):
    done: Future = Future()
    try:
        done.set_result(function(*args, **kwargs))
    except BaseException as error:
        done.set_exception(error)
    return done


def _list(tensors):
    return [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)


def _backward(tensors, grad_tensors=None, **how):
    roots = _list(tensors)
    private.walk(roots, [None] * len(roots) if grad_tensors is None else _list(grad_tensors))


def _grad(outputs, inputs, grad_outputs=None, **how):
    roots = _list(outputs)
    return tuple(
        private.walk(
            roots, [None] * len(roots) if grad_outputs is None else _list(grad_outputs), _list(inputs)
        )
    )
