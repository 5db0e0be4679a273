"""From a distribution's name to its images."""

import shutil

import pytest
import torch

from prunekit.data.datasets import open_dataset
from prunekit.data.load import load_distribution, training_split
from prunekit.distribution import parse
from prunekit.errors import UsageError


def _load(text, root, **settings):
    return load_distribution(parse(text), root, **settings)


def test_the_nominal_distribution_is_the_test_split(tmp_path):
    loaded = _load("digits", tmp_path)
    assert torch.equal(loaded.images, open_dataset("digits", tmp_path).load("test").images)


def test_train_and_valid_are_the_two_halves_of_the_training_images(tmp_path):
    train, valid = (_load(f"digits:{split}", tmp_path, seed=3) for split in ("train", "valid"))
    expected = training_split(open_dataset("digits", tmp_path), seed=3)
    assert torch.equal(train.images, expected[0].images)
    assert torch.equal(valid.images, expected[1].images)
    assert len(train) + len(valid) == 1438


def test_the_held_out_images_may_have_their_own_seed(tmp_path):
    drawn = _load("digits:valid", tmp_path, seed=7, split_seed=3)
    assert torch.equal(drawn.images, _load("digits:valid", tmp_path, seed=3).images)
    assert not torch.equal(drawn.images, _load("digits:valid", tmp_path, seed=7).images)


def test_noise_is_left_to_the_measurement(tmp_path):
    assert torch.equal(_load("digits+uniform@0.1", tmp_path).images, _load("digits", tmp_path).images)


def test_a_split_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"unknown split of cifar10\.1"):
        _load("cifar10.1:train", tmp_path)


def test_a_data_set_that_is_open_is_not_opened_again(tmp_path, monkeypatch):
    dataset = open_dataset("digits", tmp_path)
    monkeypatch.setattr("prunekit.data.load.open_dataset", None)
    assert len(_load("digits", tmp_path, dataset=dataset)) == 359


def test_a_published_validation_set_is_used_instead_of_a_share(folder, tmp_path):
    (folder / "test").rename(folder / "valid")
    shutil.copytree(folder / "train", folder / "test")
    train, valid = training_split(open_dataset(f"folder:{folder}", tmp_path / "data"), seed=0)
    assert (len(train), len(valid)) == (6, 4)
    assert len(_load(f"folder:{folder}:valid", tmp_path / "data")) == 4
