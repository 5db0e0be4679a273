"""Corruptions made here: per image, kept under a name of their own."""

import pytest
import torch

from prunekit.data import made as module
from prunekit.data import made_names
from prunekit.data.corruptions import corrupt
from prunekit.data.examples import ArrayExamples, FileExamples
from prunekit.data.load import load_distribution
from prunekit.data.made import corrupted, mixed
from prunekit.data.made_names import made_name
from prunekit.data.seeds import image_seeds
from prunekit.distribution import parse

IMAGES = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(7)
HELD = ArrayExamples(IMAGES, LABELS)
READ = FileExamples(range(7), LABELS, lambda item: (IMAGES[item], LABELS[item]))
NOISY = parse("digits+gaussian_noise@3")


def test_each_image_is_corrupted_with_its_own_seed(tmp_path):
    found = corrupted(HELD, NOISY, tmp_path, seed=4)
    for place in range(7):
        seeds = image_seeds(7, seed=4)[[place]]
        alone = corrupt(IMAGES[[place]], corruption="gaussian_noise", severity=3, seeds=seeds, table="cifar")
        assert torch.equal(found.images[[place]], alone)
    assert torch.equal(found.labels, LABELS)


def test_images_in_files_come_out_as_held_ones_in_any_order(tmp_path):
    held, read = (corrupted(examples, NOISY, tmp_path, seed=1) for examples in (HELD, READ))
    order = torch.tensor([5, 0, 3])
    assert torch.equal(read.take(order)[0], held.take(order)[0])
    assert torch.equal(read.subset(order).take(torch.tensor([2]))[0], held.images[[3]])


def test_the_chunk_does_not_matter(tmp_path, monkeypatch):
    whole = corrupted(HELD, NOISY, tmp_path / "a", seed=0).images
    monkeypatch.setattr(module, "CHUNK", 2)
    assert torch.equal(corrupted(HELD, NOISY, tmp_path / "b", seed=0).images, whole)


def test_a_made_set_is_made_once(tmp_path, monkeypatch):
    first = corrupted(HELD, NOISY, tmp_path, seed=0).images
    monkeypatch.setattr(module, "corrupt", None)
    assert torch.equal(corrupted(HELD, NOISY, tmp_path, seed=0).images, first)


@pytest.mark.parametrize("change", ["seed", "version", "images", "severity"])
def test_anything_that_makes_it_another_set_makes_it_again(tmp_path, monkeypatch, change):
    first = corrupted(HELD, NOISY, tmp_path, seed=0).images
    if change == "version":
        monkeypatch.setattr(made_names, "GENERATOR_VERSION", 10**6)
        # Another generator: stands for itself by leaving the images alone.
        monkeypatch.setattr(module, "corrupt", lambda images, **_: images)
    examples = ArrayExamples(IMAGES.flip(0), LABELS) if change == "images" else HELD
    distribution = parse("digits+gaussian_noise@4") if change == "severity" else NOISY
    again = corrupted(examples, distribution, tmp_path, seed=int(change == "seed"))
    assert not torch.equal(again.images, first)


def test_the_name_says_generator_and_seed_and_is_no_published_one():
    assert made_name(parse("cifar10+fog@3"), 7) == f"made-cifar10_fog_3-v{made_names.GENERATOR_VERSION}-seed7"


def test_a_folder_s_name_stays_one_file_name():
    assert "/" not in made_name(parse("folder:/a b/c+fog@3"), 0)


def test_made_distributions_load_by_name(tmp_path):
    nominal, shifted = (load_distribution(parse(text), tmp_path) for text in ("digits", "digits+contrast@5"))
    assert shifted.images.shape == nominal.images.shape
    assert torch.equal(shifted.labels, nominal.labels)
    assert shifted.images.float().std() < 0.5 * nominal.images.float().std()


def test_mixed_examples_in_files_come_out_as_held_ones():
    held, read = (mixed(examples, mixture="mix1", seed=2) for examples in (HELD, READ))
    assert torch.equal(read.take(torch.tensor([6, 1]))[0], held.images[[6, 1]])
