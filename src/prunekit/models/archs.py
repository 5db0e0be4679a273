"""Architectures by name: a literal table, families of any depth, and access to other libraries. No torch here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

from prunekit.errors import UsageError, unknown
from prunekit.registry import Lazy, Registry

if TYPE_CHECKING:
    from torch import nn


class Arch(NamedTuple):
    """One architecture: ``builder(classes=…) -> nn.Module``, and the task that it was made for.

    ``size``: the side of its images in pixels; ``parameters``: the number of parameters with ``classes`` outputs.
    """

    builder: Callable[..., nn.Module]
    source: str
    size: int = 32
    classes: int = 10
    parameters: int | None = None
    note: str = ""
    task: str = "classification"


class Family(NamedTuple):
    """Architectures of any depth 6n + ``offset``; the groups of ``pattern`` are the builder's arguments."""

    pattern: re.Pattern[str]
    offset: int
    builder: Lazy
    source: str
    form: str


class Door(NamedTuple):
    """Access to another library's networks as ``prefix:NAME``, with ``builder(NAME, classes=…)``."""

    builder: Lazy
    example: str


_BASIC = Lazy("prunekit.models.resnet:basic")
_BOTTLENECK = Lazy("prunekit.models.resnet:bottleneck")
_WRN = Lazy("prunekit.models.wideresnet:wrn")
_HE = "He et al. 2016, section 4.2, with 1x1-convolution shortcuts as in torchprune"
_DEEP = "torchprune 14b392c, cifar/resnet.py at depth 44 and more"
_ZAGORUYKO = "Zagoruyko and Komodakis 2016"

ARCHS: Registry[Arch] = Registry(
    "architecture",
    {
        "resnet20": Arch(partial(_BASIC, depth=20), _HE, parameters=272_474, note="the paper's ResNet20"),
        "resnet56": Arch(partial(_BASIC, depth=56), _HE, parameters=855_770, note="not the paper's"),
        "resnet110": Arch(partial(_BASIC, depth=110), _HE, parameters=1_730_714, note="not the paper's"),
        "resnet56-bottleneck": Arch(
            partial(_BOTTLENECK, depth=56), _DEEP, parameters=869_530, note="the paper's ResNet56"
        ),
        "resnet110-bottleneck": Arch(
            partial(_BOTTLENECK, depth=110), _DEEP, parameters=1_704_154, note="the paper's ResNet110"
        ),
        "vgg16": Arch(
            Lazy("prunekit.models.vgg:vgg16"),
            "Simonyan and Zisserman 2015, configuration D, with batch norm and one linear layer",
            parameters=14_728_266,
            note="the paper's VGG16",
        ),
        "densenet22": Arch(
            Lazy("prunekit.models.densenet:densenet22"),
            "Huang et al. 2017, DenseNet-BC with growth 12",
            parameters=71_686,
            note="the paper's DenseNet22",
        ),
        "wrn16_8": Arch(
            partial(_WRN, depth=16, width=8), _ZAGORUYKO, parameters=10_961_370, note="the paper's WRN16-8"
        ),
        "resnet18": Arch(
            partial(Lazy("prunekit.models.doors:torchvision"), "resnet18"),
            "torchvision",
            size=224,
            classes=1000,
            parameters=11_689_512,
            note="the paper's ImageNet ResNet18",
        ),
        "resnet101": Arch(
            partial(Lazy("prunekit.models.doors:torchvision"), "resnet101"),
            "torchvision",
            size=224,
            classes=1000,
            parameters=44_549_160,
            note="the paper's ImageNet ResNet101",
        ),
        "deeplabv3_resnet50": Arch(
            partial(Lazy("prunekit.models.doors:torchvision"), "deeplabv3_resnet50", aux_loss=True),
            "torchvision",
            size=513,
            classes=21,
            parameters=42_004_074,
            note="the paper's DeeplabV3, with its auxiliary classifier",
            task="segmentation",
        ),
    },
    entry_point_group="prunekit.archs",
)

FAMILIES = (
    Family(re.compile(r"resnet(?P<depth>\d+)"), 2, _BASIC, _HE, "resnet<6n+2>"),
    Family(re.compile(r"resnet(?P<depth>\d+)-bottleneck"), 2, _BOTTLENECK, _DEEP, "resnet<6n+2>-bottleneck"),
    Family(re.compile(r"wrn(?P<depth>\d+)_(?P<width>\d+)"), 4, _WRN, _ZAGORUYKO, "wrn<6n+4>_<width>"),
)
# Depths of the form 6n + 2 that are known as ImageNet networks, so that the bare name is ambiguous.
AMBIGUOUS = ("resnet50", "resnet152")

DOORS: Registry[Door] = Registry(
    "source of architectures",
    {
        "timm": Door(Lazy("prunekit.models.doors:timm"), "timm:convnext_atto"),
        "torchvision": Door(Lazy("prunekit.models.doors:torchvision"), "torchvision:mobilenet_v2"),
        "module": Door(Lazy("prunekit.models.doors:module"), "module:package.file:builder"),
    },
)


def find_arch(name: str) -> Arch:
    """The architecture of this name; for an unknown one, a :class:`UsageError` with the nearest. Loads no torch."""
    prefix, colon, inner = str(name).partition(":")
    if colon:
        return _behind_door(prefix, inner)
    if name in ARCHS:
        return ARCHS[name]
    if name in AMBIGUOUS:
        raise UsageError(
            f"architecture {name!r} is ambiguous: write torchvision:{name} for ImageNet's network"
        )
    return _of_family(str(name))


def check_arch(name: str) -> None:
    """Refuse unknown names (:class:`UsageError`); other libraries' names are checked in form only. Loads no torch."""
    find_arch(name)


def build(name: str, *, classes: int = 10, seed: int | None = None) -> nn.Module:
    """A new network with ``classes`` outputs; equal seeds give equal weights, and ``None`` uses the global generator.

    Images are float ``[N, 3, H, W]``; with a seed, the global random state is unchanged.
    """
    from prunekit.base.seeding import seeded

    arch = find_arch(name)
    outputs = _whole("classes", classes)
    if outputs < 1:
        raise UsageError(f"classes: a network needs at least one output (given: {classes})")
    with seeded(None if seed is None else _whole("seed", seed)):
        return arch.builder(classes=outputs)


def _whole(name: str, value: Any) -> int:
    """The value as a number; a :class:`UsageError` if it is no whole one."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UsageError(f"{name} must be a whole number, not {value!r}")
    return int(value)


def _behind_door(prefix: str, inner: str) -> Arch:
    door = DOORS[prefix]
    if not inner or (prefix == "module" and not all(inner.partition(":"))):
        raise UsageError(f"architecture {prefix}:{inner!r} is incomplete: write it like {door.example}")
    return Arch(partial(door.builder, inner), prefix, size=224, classes=1000)


def _of_family(name: str) -> Arch:
    for family in FAMILIES:
        found = family.pattern.fullmatch(name)
        settings = {key: int(text) for key, text in found.groupdict().items()} if found else {}
        if settings and _reachable(settings, family.offset):
            return Arch(partial(family.builder, **settings), family.source)
        if settings:
            raise UsageError(_depths(name, family))
    forms = (*ARCHS, *(family.form for family in FAMILIES), *(door.example for door in DOORS.values()))
    raise unknown("architecture", name, forms)


def _depths(name: str, family: Family) -> str:
    """The error for a name of this family with an impossible depth or width."""
    depths = f"6n+{family.offset}"
    known = (
        family.form.replace(f"<{depths}>", str(6 * n + family.offset)).replace("<width>", "2")
        for n in range(1, 4)
    )
    return f"unknown architecture {name!r}: the depths are {depths}: {', '.join(known)} …"


def _reachable(settings: dict[str, int], offset: int) -> bool:
    blocks, rest = divmod(settings["depth"] - offset, 6)
    return blocks >= 1 and rest == 0 and settings.get("width", 1) >= 1
