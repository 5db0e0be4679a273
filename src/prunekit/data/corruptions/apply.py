"""Corrupt images in batches: check the request, cut blocks that fit the cache, make images the last axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.library import by_library
from prunekit.data.corruptions.table import CORRUPTION_ROWS, TABLES, Corruption, table_for
from prunekit.distribution import SEVERITIES
from prunekit.errors import UsageError, unknown

SMALLEST_PX = 8
# Values processed at a time on anything but a CPU; the table says how many per CPU thread.
BLOCK_VALUES_ELSEWHERE = 2**25
Seeds = Sequence[int] | Tensor


def corrupt(
    images: Tensor,
    *,
    corruption: str,
    severity: int,
    seeds: Seeds | None = None,
    table: str = "auto",
    draws: Mapping[str, Tensor] | None = None,
    frost_photos: Path | None = None,
) -> Tensor:
    """The corrupted copy of ``images``, a function only of each image and its seed.

    ``images``: uint8 ``[N, 3, H, W]`` on any device, sides of 8 pixels or more; so is the result.
    ``seeds``: one whole number per image; unset: its place in the batch.
    ``table``: the constants of "cifar" (32 px) or "imagenet" (224 px), or "auto": by the images' size, the latter from
    100 px on.
    ``draws``: random quantities by name, images first, used instead of drawn ones (names: docs/corruptions.md).
    ``frost_photos``: a folder of photographs of frost; unset: textures with the statistics of the original ones.
    Raises :class:`UsageError`. Source: Hendrycks and Dietterich, ICLR 2019, section 3.
    """
    _check_images(images)
    row = CORRUPTION_ROWS[corruption]
    settings = row.settings(_check_table(table, images), _check_severity(severity))
    keys = _check_seeds(seeds, images)
    given = _check_draws(corruption, row, draws or {}, images)
    made = by_library(images, row, settings)
    if made is not None:
        return made
    function: Callable[..., Tensor] = partial(row.apply.load(), **settings)
    if row.reads_photos:
        function = partial(function, photos=frost_photos)
    out = torch.empty_like(images, memory_format=torch.contiguous_format)
    for span in _spans(images, row):
        block = images[span].permute(1, 2, 3, 0).contiguous()
        part = {name: value[span].movedim(0, -1) for name, value in given.items()}
        random = {"draws": Draws(keys[span], f"{corruption}@{severity}", part)} if row.random else {}
        out[span] = function(block, **random).permute(3, 0, 1, 2)
    return out


def corrupt_mixed(
    images: Tensor,
    *,
    corruptions: Sequence[str],
    seeds: Seeds,
    severities: Sequence[int] = (0, *SEVERITIES),
    table: str = "auto",
) -> Tensor:
    """Each image under a corruption and a severity (0: clean) that its seed draws uniformly.

    Images with the same draw are corrupted together, so larger calls take less time per image. Shapes and errors are
    those of :func:`corrupt`. Source: "Lost in Pruning", MLSys 2021, section 6 (robust training).
    """
    _check_images(images)
    _check_mixture(corruptions, severities)
    keys = _check_seeds(seeds, images)
    draws = Draws(keys, "mixture")
    kind = draws.choice("kind", high=len(corruptions) * len(severities))
    out = images.clone(memory_format=torch.contiguous_format)
    for number in sorted(set(kind.tolist())):
        corruption, severity = corruptions[number // len(severities)], severities[number % len(severities)]
        if severity:
            chosen = (kind == number).nonzero()[:, 0]
            out[chosen] = corrupt(
                images[chosen], corruption=corruption, severity=severity, seeds=keys[chosen], table=table
            )
    return out


def _spans(images: Tensor, row: Corruption) -> Iterator[slice]:
    """Slices of images, each with as many as fit in a block."""
    on_cpu = images.device.type == "cpu"
    limit = row.block_values * torch.get_num_threads() if on_cpu else BLOCK_VALUES_ELSEWHERE
    step = max(1, limit // images[:1].numel()) if len(images) else 1
    return (slice(start, start + step) for start in range(0, len(images), step))


def _check_images(images: Tensor) -> None:
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        raise UsageError(f"images must be uint8 [N, 3, H, W], not {images.dtype} {list(images.shape)}")
    if min(images.shape[2:]) < SMALLEST_PX:
        raise UsageError(
            f"images of {images.shape[2]} x {images.shape[3]} pixels are below {SMALLEST_PX} x {SMALLEST_PX}"
        )


def _check_severity(severity: int) -> int:
    if isinstance(severity, bool) or severity not in SEVERITIES:
        raise UsageError(f"severity {severity!r} is not one of {', '.join(map(str, SEVERITIES))}")
    return severity


def _check_table(table: str, images: Tensor) -> str:
    if table == "auto":
        return table_for(*images.shape[2:])
    if table not in TABLES:
        raise unknown("table of constants", table, (*TABLES, "auto"))
    return table


def _check_seeds(seeds: Seeds | None, images: Tensor) -> Tensor:
    """Int64 ``[N]`` on the images' device."""
    if seeds is None:
        return torch.arange(len(images), device=images.device)
    try:
        keys = torch.as_tensor(seeds)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise UsageError("seeds must be whole numbers of at most 63 bits") from None
    if keys.shape != (len(images),):
        raise UsageError(f"{len(images)} images need {len(images)} seeds, not {list(keys.shape)}")
    if len(keys) and (keys.is_floating_point() or keys.dtype == torch.bool):
        raise UsageError(f"seeds must be whole numbers, not {keys.dtype}")
    return keys.to(images.device, torch.int64)


def _check_draws(
    corruption: str, row: Corruption, draws: Mapping[str, Tensor], images: Tensor
) -> dict[str, Tensor]:
    for name, value in draws.items():
        if name not in row.draws:
            raise unknown(f"draw of {corruption}", name, row.draws)
        if len(value) != len(images):
            raise UsageError(f"draw {name!r} is for {len(value)} images, not {len(images)}")
    return {name: value.to(images.device) for name, value in draws.items()}


def _check_mixture(corruptions: Sequence[str], severities: Sequence[int]) -> None:
    if not corruptions or not severities:
        raise UsageError("a mixture needs at least one corruption and one severity")
    for name in corruptions:
        if name not in CORRUPTION_ROWS:
            raise unknown("corruption", name, CORRUPTION_ROWS)
    for severity in severities:
        if severity != 0:
            _check_severity(severity)
