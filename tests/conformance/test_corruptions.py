"""Every corruption of the table keeps its promises: uint8 in and out, a function of the image and its seed alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from prunekit.data.corruptions import CORRUPTION_ROWS, corrupt
from prunekit.distribution import CORRUPTIONS, SEVERITIES
from prunekit.errors import UsageError

RANDOM = [name for name, row in CORRUPTION_ROWS.items() if row.random]
FIXED = [name for name in CORRUPTION_ROWS if name not in RANDOM]


def photographs(count: int, height: int = 32, width: int = 32, seed: int = 0) -> torch.Tensor:
    """Smooth coloured images with grain: something for every corruption to change."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear") * 220
    return (smooth + torch.rand(count, 3, height, width, generator=draw) * 35).to(torch.uint8)


def test_the_names_are_those_of_the_grammar():
    assert tuple(CORRUPTION_ROWS) == CORRUPTIONS


def test_the_table_loads_no_torch():
    code = "import sys, prunekit.data.corruptions.table; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", CORRUPTION_ROWS)
def test_a_row_has_constants_for_every_severity_and_says_what_it_does(name):
    row = CORRUPTION_ROWS[name]
    assert row.does
    assert "arXiv" in row.source
    for values in (row.cifar, row.imagenet):
        assert [len(each) for each in values] == [len(row.constants)] * len(SEVERITIES)
        assert len(set(values)) == len(SEVERITIES)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", CORRUPTION_ROWS)
def test_the_result_is_a_changed_copy(name, severity):
    images = photographs(4)
    before = images.clone()
    made = corrupt(images, corruption=name, severity=severity, seeds=[3, 1, 4, 15])
    assert made.dtype == torch.uint8
    assert made.shape == images.shape
    assert made.is_contiguous()
    assert torch.equal(images, before)
    assert not torch.equal(made, images)


@pytest.mark.parametrize("name", CORRUPTION_ROWS)
@pytest.mark.parametrize("table", ["cifar", "imagenet"])
def test_the_batch_and_the_order_do_not_matter(name, table, monkeypatch):
    images, seeds = photographs(7, seed=1), [11, 5, 5, 2**40, -3, 0, 8]
    together = corrupt(images, corruption=name, severity=3, seeds=seeds, table=table)
    backwards = corrupt(images.flip(0), corruption=name, severity=3, seeds=seeds[::-1], table=table)
    assert torch.equal(backwards.flip(0), together)
    one_by_one = [slice(start, start + 1) for start in range(7)]
    monkeypatch.setattr("prunekit.data.corruptions.apply._spans", lambda images, row: one_by_one)
    alone = corrupt(images, corruption=name, severity=3, seeds=seeds, table=table)
    assert torch.equal(alone, together)


@pytest.mark.parametrize("name", RANDOM)
def test_another_seed_gives_another_image(name):
    images = photographs(1).expand(8, 3, 32, 32)
    made = corrupt(images, corruption=name, severity=4, seeds=list(range(8)))
    # Two angles may round to one path of whole pixels.
    assert len({image.numpy().tobytes() for image in made}) >= 6
    again = corrupt(images[:1], corruption=name, severity=4, seeds=[6])
    assert torch.equal(again[0], made[6])


@pytest.mark.parametrize("name", FIXED)
def test_a_corruption_without_chance_ignores_the_seeds(name):
    images = photographs(2)
    one = corrupt(images, corruption=name, severity=2, seeds=[1, 2])
    assert torch.equal(one, corrupt(images, corruption=name, severity=2, seeds=[3, 4]))


@pytest.mark.parametrize("shape", [(8, 8), (20, 33), (64, 48)])
@pytest.mark.parametrize("table", ["cifar", "imagenet"])
@pytest.mark.parametrize("name", CORRUPTION_ROWS)
def test_other_sizes_need_not_be_square(name, table, shape):
    images = photographs(2, *shape)
    made = corrupt(images, corruption=name, severity=5, seeds=[0, 1], table=table)
    assert made.shape == images.shape
    assert made.float().std() > 1


@pytest.mark.parametrize("name", CORRUPTION_ROWS)
def test_memory_layout_and_empty_batches_do_not_matter(name):
    images = photographs(3)
    last = images.contiguous(memory_format=torch.channels_last)
    wanted = corrupt(images, corruption=name, severity=1)
    assert torch.equal(corrupt(last, corruption=name, severity=1), wanted)
    assert corrupt(images[:0], corruption=name, severity=1).shape == (0, 3, 32, 32)


@pytest.mark.parametrize("name", CORRUPTION_ROWS)
def test_an_unknown_draw_is_named(name):
    with pytest.raises(UsageError, match=f"unknown draw of {name} 'weather'"):
        corrupt(photographs(1), corruption=name, severity=1, draws={"weather": torch.zeros(1)})


@pytest.mark.gpu
@pytest.mark.parametrize("name", CORRUPTION_ROWS)
def test_a_gpu_agrees_to_a_byte(name):
    images = photographs(5)
    here = corrupt(images, corruption=name, severity=3).int()
    there = corrupt(images.cuda(), corruption=name, severity=3).cpu().int()
    # Transcendental functions differ in the last bit, which rarely moves a byte by one.
    assert ((here - there).abs() > 1).float().mean() < 0.001
    assert (here != there).float().mean() < 0.02


@pytest.mark.parametrize("name", CORRUPTION_ROWS)
def test_the_page_shows_the_corruption_with_its_constants(name):
    docs = Path(__file__).resolve().parents[2] / "docs"
    row, part = (
        CORRUPTION_ROWS[name],
        (docs / "corruptions.md").read_text(encoding="utf-8").split(f"### {name}\n")[1],
    )
    part = part.split("### ")[0]
    assert ", ".join(row.constants) in part
    assert all(f"`{draw}`" in part for draw in row.draws)
    assert f"| cifar | {' '.join(map(str, row.cifar[0]))} ·" in part
    assert (docs / "images" / "corruptions" / f"{name}.jpg").stat().st_size < 100_000
