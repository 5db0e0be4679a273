"""A convolution kernel of torch's that must not be used. Does not load torch by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from torch import nn

# oneDNN writes outside its memory where it computes the weight gradient of a strided 1x1 convolution of fewer input
# channels, on channels-last inputs in an odd number, with two threads or more (seen with AVX-512, torch 2.14 and 2.15).
FEWEST_CHANNELS = 16


@contextmanager
def sound(model: nn.Module) -> Iterator[None]:
    """In the block, such convolutions of the model take every n-th pixel of their input, and step by one.

    That is the same function, computed by another kernel. Other convolutions, and GPUs, are left as they are.
    """
    with ExitStack() as changes:
        for module in filter(_is_unsound, model.modules()):
            down, across = module.stride
            hook = partial(_thinned, down=down, across=across)
            changes.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)
            changes.callback(setattr, module, "stride", module.stride)
            module.stride = (1, 1)
        yield


def _is_unsound(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    from torch import nn

    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and module.padding in ((0, 0), "valid")
        and module.in_channels // module.groups < FEWEST_CHANNELS
        and module.weight.device.type == "cpu"
    )


def _thinned(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *, down: int, across: int
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The convolution's input, by place or by name, without the pixels that its stride passes over."""
    first, *rest = (*args, *kwargs.values())
    thin = first[..., ::down, ::across]
    return ((thin, *rest), {}) if args else ((), dict(zip(kwargs, (thin, *rest), strict=True)))
