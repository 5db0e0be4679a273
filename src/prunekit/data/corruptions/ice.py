"""Synthetic textures of frost: noise with the spectrum, colours and percentiles of the photographs.

The statistics in ``frost.json`` were measured on crops of the photographs (two scales: every pixel, every fifth). The
photographs themselves may not be redistributed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import norm
from torch import Tensor

Array = NDArray[np.float64]
# Standard normal quantiles of the percentiles in the file.
QUANTILES = norm.ppf(np.array([1, 5, 25, 50, 75, 95, 99]) / 100)
# A texture repeats after this many crops.
REPEAT = {5: 8, 1: 3}
SEED = 20190328


@lru_cache(maxsize=8)
def ice(components: tuple[str, ...], subsampling: int, crop: int) -> tuple[Tensor, ...]:
    """One texture of bytes ``[side, side, 3]`` per component, large enough for every start of a crop of this size."""
    made = {name: _texture(name, subsampling) for name in sorted(set(components))}
    return tuple(_extend(made[name], crop) for name in components)


def _extend(texture: Tensor, crop: int) -> Tensor:
    """Continue a texture beyond its border, where it repeats."""
    place = torch.arange(len(texture) + crop) % len(texture)
    return texture[place][:, place].contiguous()


@lru_cache(maxsize=8)
def _texture(name: str, subsampling: int) -> Tensor:
    scale = _statistics()[str(subsampling)]
    component = scale["components"][name]
    spectrum = _spectrum(scale, component, scale["crop"] * REPEAT[subsampling])
    random = np.random.default_rng([SEED, subsampling, *name.encode()])
    fields = np.stack([_field(spectrum, random) for _ in range(3)], axis=-1)
    # Percentiles and deviations are relative to the mean of each crop: the variance of these means is added.
    widening = np.sqrt(1 + component["crop_mean_variance"] / sum(component["power_by_radial_bin"]))
    fields *= widening
    rg, rb, gb = component["correlation_rg_rb_gb"]
    mixing = np.linalg.cholesky(np.array([[1, rg, rb], [rg, 1, gb], [rb, gb, 1]]))
    coloured = fields @ mixing.T
    shaped = np.stack(
        [_to_percentiles(coloured[..., c], component["percentiles_rgb"][c]) for c in range(3)], axis=-1
    )
    standard = (shaped - shaped.mean(axis=(0, 1))) / shaped.std(axis=(0, 1))
    values = standard * component["std_rgb"] * widening + component["mean_rgb"]
    return torch.from_numpy(values.round().clip(0, 255).astype(np.uint8))


@lru_cache(maxsize=1)
def _statistics() -> dict[str, Any]:
    text = files("prunekit.data.corruptions").joinpath("frost.json").read_text(encoding="utf-8")
    statistics: dict[str, Any] = json.loads(text)
    return statistics


def _spectrum(scale: dict[str, Any], component: dict[str, Any], side: int) -> Array:
    """Power of every wave ``[side, side]`` of a texture whose crops have the measured power in every radial bin.

    A crop's border spreads each wave over the bins; the bins' powers solve that linear system, none below 0. The
    variance of the crops' means counts as one more bin: it comes from waves longer than a crop.
    """
    crop, edges = scale["crop"], np.array([0.0, 0.5, *scale["radial_bin_edges"][1:]])
    wanted = np.array([component["crop_mean_variance"], *component["power_by_radial_bin"]])
    wave = np.fft.fftfreq(side, 1 / side) * crop / side
    bins = np.digitize(np.hypot(wave[:, None], wave), edges) - 1
    spread = _spread(crop, wave)
    cell = np.fft.fftfreq(crop, 1 / crop)
    cell_bins = np.digitize(np.hypot(cell[:, None], cell).round(), [0, *scale["radial_bin_edges"]]) - 1
    waves = [(bins == number) / max((bins == number).sum(), 1) for number in range(len(wanted))]
    seen = [spread @ each @ spread.T for each in waves]
    system = np.array([[power[cell_bins == b].sum() for b in range(len(wanted))] for power in seen]).T
    weights = 1 / np.maximum(wanted, 1e-9)
    powers, _ = nnls(system * weights[:, None], wanted * weights)
    return np.asarray(sum(power * each for power, each in zip(powers, waves, strict=True)))


def _spread(crop: int, wave: Array) -> Array:
    """Share of a wave's power that a crop shows at each of its frequencies: the Fejér kernel ``[crop, waves]``."""
    gap = (np.arange(crop)[:, None] - wave) / crop
    whole = np.isclose(np.sin(np.pi * gap), 0)
    below = np.where(whole, 1, crop * np.sin(np.pi * gap))
    return np.where(whole, 1.0, np.sin(np.pi * gap * crop) / below) ** 2


def _field(spectrum: Array, random: np.random.Generator) -> Array:
    """A field of variance 1 with this spectrum: every wave has its exact power, and only phases are random."""
    phases = np.fft.fft2(random.standard_normal(spectrum.shape))
    waves = phases / np.maximum(np.abs(phases), 1e-12) * np.sqrt(spectrum)
    waves[0, 0] = 0
    field = np.fft.ifft2(waves).real
    return np.asarray(field / field.std())


def _to_percentiles(field: Array, percentiles: list[float]) -> Array:
    """Map a standard normal field to values with these percentiles; linear beyond the outer ones."""
    inner = np.interp(field, QUANTILES, percentiles)
    low, high = np.diff(percentiles[:2])[0], np.diff(percentiles[-2:])[0]
    below = np.minimum(field - QUANTILES[0], 0) * low / (QUANTILES[1] - QUANTILES[0])
    above = np.maximum(field - QUANTILES[-1], 0) * high / (QUANTILES[-1] - QUANTILES[-2])
    return np.asarray(inner + below + above)
