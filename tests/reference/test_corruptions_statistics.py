"""Our own random draws against statistics of the reference's: 13 measures over 100 draws of 64 photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from prunekit.data.corruptions import CORRUPTION_ROWS, corrupt
from prunekit.distribution import SEVERITIES

DATA = Path(__file__).resolve().parents[1] / "data" / "corruptions"
RANDOM = [name for name, row in CORRUPTION_ROWS.items() if row.random]
# Share of the values whose change must be elsewhere for two histograms to be equal: sampling makes up to 0.01.
HISTOGRAM_GAP = {"frost": 0.1}


def bands():
    """Radial frequency bands [0, 4), [4, 8), [8, 12), [12, inf) of a 32 x 32 spectrum, as masks [4, 32, 32]."""
    wave = np.fft.fftfreq(32, 1 / 32)
    band = np.digitize(np.hypot(wave[:, None], wave), [4, 8, 12])
    return torch.from_numpy(np.stack([band == number for number in range(4)]))


def measures(made, clean):
    """The 13 columns of the golden statistics, averaged over the images [N, 3, 32, 32]."""
    out, change = made.double(), made.double() - clean.double()
    square = (change**2).mean((1, 2, 3))
    psnr = torch.where(square == 0, 100.0, 10 * torch.log10(255**2 / square.clamp(min=1e-12)))
    power = (torch.fft.fft2(change).abs() ** 2).mean(1) / 1024**2
    flat = change.flatten(2) - change.flatten(2).mean(2, keepdim=True)
    flat = flat / flat.norm(dim=2, keepdim=True)
    pairs = [(flat[:, a] * flat[:, b]).sum(1) for a, b in ((0, 1), (0, 2), (1, 2))]
    columns = [
        change.abs().mean((1, 2, 3)),
        psnr,
        out.mean((1, 2, 3)),
        out.flatten(1).std(1, correction=0),
        *out.mean((2, 3)).unbind(1),
        *((power * band).sum((1, 2)) for band in bands()),
        (change != 0).double().mean((1, 2, 3)),
        torch.stack(pairs).mean(0),
    ]
    return torch.stack([column.nanmean() for column in columns])


def draw(name, severity, count):
    clean = load_file(DATA / "clean.safetensors")["clean"].permute(0, 3, 1, 2).repeat(count, 1, 1, 1)
    return corrupt(clean, corruption=name, severity=severity, seeds=range(1000, 1000 + len(clean))), clean


def z_scores(name, severity, made, clean, count):
    golden = load_file(DATA / "stats.safetensors")
    mean, std = (golden[f"{name}/{severity}/{part}"].double() for part in ("set_mean", "set_std"))
    varies = std > 1e-6
    return ((measures(made, clean) - mean) / (std / count**0.5))[varies]


@pytest.mark.parametrize("name", RANDOM)
def test_a_few_draws_have_the_statistics_of_the_reference(name):
    made, clean = draw(name, 3, 4)
    assert z_scores(name, 3, made, clean, 4).abs().max() < 5


@pytest.mark.slow
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", RANDOM)
def test_many_draws_have_the_statistics_of_the_reference(name, severity):
    made, clean = draw(name, severity, 20)
    assert z_scores(name, severity, made, clean, 20).abs().max() < 5


@pytest.mark.slow
@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("name", RANDOM)
def test_the_changes_are_distributed_as_in_the_reference(name, severity):
    made, clean = draw(name, severity, 20)
    ours = np.bincount((made.int() - clean.int()).flatten().numpy() + 255, minlength=511)
    theirs = load_file(DATA / "stats.safetensors")[f"{name}/{severity}/residual_hist"].double().numpy()
    gap = np.abs(ours / ours.sum() - theirs / theirs.sum()).sum() / 2
    assert gap < HISTOGRAM_GAP.get(name, 0.02)
