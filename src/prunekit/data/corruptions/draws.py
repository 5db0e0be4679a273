"""Random numbers of an image: a pure function of its seed, the stream's name and a counter.

There is no state, so an image gets the same draws in any batch, at any place and in any worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod, tau
from zlib import crc32

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """The random quantities of one block: made from ``seeds`` (int64 ``[N]``), or ``given`` by name.

    In every array, images are the last axis: ``[*shape, N]``.
    """

    seeds: Tensor
    stream: str
    given: Mapping[str, Tensor] = field(default_factory=dict)

    def bits(self, name: str, *shape: int) -> Tensor:
        """Random int32 ``[*shape, N]``, each of the 32 bits fair."""
        first, second = _keys(self.seeds, f"{self.stream}/{name}")
        words = _hash(prod(shape), first, second)
        return words.view(*shape, len(self.seeds))

    def uniform(self, name: str, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Float32 in [low, high), or what was given under this name."""
        if name in self.given:
            return self.given[name]
        return _unit(self.bits(name, *shape)).mul_(high - low).add_(low)

    def normal(self, name: str, *shape: int, mean: float = 0.0, std: float = 1.0) -> Tensor:
        """Float32 normal numbers (Box and Muller, 1958), or what was given under this name."""
        if name in self.given:
            return self.given[name]
        count = prod(shape)
        pairs = (count + 1) // 2
        uniform = _unit(self.bits(name, 2 * pairs))
        # The logarithm's argument is in (0, 1].
        radius = uniform[:pairs].neg_().add_(1).log_().mul_(-2).sqrt_()
        angle = uniform[pairs:].mul_(tau)
        both = torch.cat([radius * angle.cos(), radius.mul_(angle.sin_())])[:count]
        return both.mul_(std).add_(mean).view(*shape, len(self.seeds))

    def choice(self, name: str, *shape: int, low: int = 0, high: int | Tensor) -> Tensor:
        """Whole numbers in [low, high) as int64, or what was given; ``high`` may differ per image (``[N]``)."""
        if name in self.given:
            return self.given[name].long()
        # A float32 below 1 times a whole number below 2^24 never rounds up to that number.
        return _unit(self.bits(name, *shape)).mul_(high - low).long().add_(low)


def _unit(bits: Tensor) -> Tensor:
    """The upper 24 bits as a float32 in [0, 1); 24 is all that a float32 can hold."""
    return (bits >> 8).bitwise_and_(0xFFFFFF).float().mul_(2.0**-24)


def _keys(seeds: Tensor, label: str) -> tuple[Tensor, Tensor]:
    """Two int32 keys per image from its seed and the stream's name (the finaliser of SplitMix64, Steele 2014)."""
    z = seeds + _signed64(crc32(label.encode()) * 0x9E3779B97F4A7C15)
    z = (z ^ _right(z, 30)) * _signed64(0xBF58476D1CE4E5B9)
    z = (z ^ _right(z, 27)) * _signed64(0x94D049BB133111EB)
    z = z ^ _right(z, 31)
    return z.to(torch.int32), _right(z, 32).to(torch.int32)


def _hash(count: int, first: Tensor, second: Tensor) -> Tensor:
    """Int32 ``[count, N]``: the counter and both keys through two rounds of an invertible 32-bit mixer.

    The second key enters between the rounds, so that images whose first keys lie close share no run of numbers.
    """
    counter = torch.arange(count, dtype=torch.int32, device=first.device)
    x = _mix(counter)[:, None] + first
    _fold(x, 16).mul_(0x7FEB352D)
    _fold(x, 15).add_(second).mul_(0x846CA68B - 2**32)
    return _fold(x, 16)


def _mix(x: Tensor) -> Tensor:
    x = x.mul(0x9E3779B1 - 2**32)
    _fold(x, 15).mul_(0x85EBCA6B - 2**32)
    return _fold(x, 13)


def _fold(x: Tensor, shift: int) -> Tensor:
    """``x ^= x >>> shift`` in place; torch shifts signed numbers arithmetically, hence the mask."""
    return x.bitwise_xor_((x >> shift).bitwise_and_((1 << (32 - shift)) - 1))


def _right(z: Tensor, shift: int) -> Tensor:
    return (z >> shift) & ((1 << (64 - shift)) - 1)


def _signed64(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value
