"""Stochastic gradient descent that keeps pruned weights at zero."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from prunekit.errors import PrunekitError
from prunekit.models.state import Arrays
from prunekit.params import TrainParams

MOMENTUM = "momentum_buffer"


def hold(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Set every parameter entry not kept by ``masks`` (True = kept) to zero, in place."""
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        if name not in parameters or parameters[name].shape != mask.shape:
            raise PrunekitError(f"the mask {name!r} {list(mask.shape)} matches no parameter of the network")
        parameters[name].detach().masked_fill_(~mask.to(parameters[name].device), 0)


class MaskedSgd:
    """SGD on all parameters, in place, with ``masks`` (True = kept) held.

    Pruned entries, also those of batch norm, are set to zero once; then their gradient is set to zero before each
    step. Weight decay and momentum of a zero are zero, so the entries and their momentum stay exactly zero, and a
    clipped gradient's norm counts only kept entries.
    """

    def __init__(self, model: nn.Module, settings: TrainParams, masks: Mapping[str, Tensor]) -> None:
        hold(model, masks)
        self._parameters = dict(model.named_parameters())
        partial = {name: mask for name, mask in masks.items() if not bool(mask.all())}
        self._masked = [self._parameters[name] for name in partial]
        # In the dtype and memory layout of the parameters, or the multiplication below would be slow.
        self._kept = [torch.empty_like(self._parameters[name]).copy_(mask) for name, mask in partial.items()]
        self._clip_norm = settings.clip_norm
        device = next(iter(self._parameters.values())).device
        # A tensor on a GPU, so that a captured step reads it; filling it is a kernel and does not block.
        self._rate = torch.zeros((), device=device) if device.type == "cuda" else None
        self._sgd = torch.optim.SGD(
            self._parameters.values(),
            lr=settings.lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def set_rate(self, learning_rate: float) -> None:
        """Set the learning rate of the next steps."""
        if self._rate is not None:
            self._rate.fill_(learning_rate)
        for group in self._sgd.param_groups:
            group["lr"] = learning_rate if self._rate is None else self._rate

    def step(self, loss: Tensor) -> None:
        """One step along the negative gradient of ``loss``; it depends on no value held by the host."""
        self._sgd.zero_grad()
        torch.autograd.backward(loss)
        self._mask_gradients()
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters.values(), self._clip_norm)
        self._sgd.step()

    def momentum(self) -> dict[str, Tensor]:
        """The momentum of each parameter that has moved, by the parameter's name."""
        state = {name: self._sgd.state.get(parameter, {}) for name, parameter in self._parameters.items()}
        return {name: held[MOMENTUM] for name, held in state.items() if held.get(MOMENTUM) is not None}

    def load_momentum(self, arrays: Arrays) -> None:
        """Set the momentum to copies of ``arrays``, by the parameter's name."""
        for name, array in arrays.items():
            parameter = self._parameters[name]
            self._sgd.state[parameter][MOMENTUM] = torch.empty_like(parameter).copy_(torch.from_numpy(array))

    def _mask_gradients(self) -> None:
        pairs = zip(self._masked, self._kept, strict=True)
        held = [(parameter.grad, kept) for parameter, kept in pairs if parameter.grad is not None]
        if held:
            torch._foreach_mul_([gradient for gradient, _ in held], [kept for _, kept in held])
