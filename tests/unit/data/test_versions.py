"""Which version of a data set is here, by its name: of places, of published sets, of published corruptions."""

import shutil

import numpy as np
import pytest

from prunekit.data import versions
from prunekit.data.contents import tree
from prunekit.data.downloads import DOWNLOADS
from prunekit.data.versions import earlier_version_of, source_of, too_large, version_of
from prunekit.errors import UsageError


@pytest.mark.parametrize(
    ("distribution", "source"),
    [
        ("digits+fog@3", "digits"),
        ("folder:photos:valid+uniform@0.1", "folder:photos"),
        ("folder:./photos/", "folder:photos"),
        ("cifar10-c/fog@3", "cifar10-c/fog"),
    ],
)
def test_a_distribution_names_what_its_images_come_from(distribution, source):
    assert source_of(distribution) == source


def test_a_folder_is_known_by_what_it_holds(folder, tmp_path):
    before = version_of(f"folder:{folder}", tmp_path)
    copied = shutil.copytree(folder, tmp_path / "copied")
    assert version_of(f"folder:{copied}", tmp_path) == before
    pixel = copied / "test" / "dog" / "1.png"
    pixel.write_bytes(pixel.read_bytes()[::-1])
    assert version_of(f"folder:{copied}", tmp_path) != before
    assert earlier_version_of(f"folder:{copied}", tmp_path) == earlier_version_of(
        f"folder:{folder}", tmp_path
    )
    with pytest.raises(UsageError, match="there is no such folder"):
        version_of("folder:nowhere", tmp_path)


def test_a_look_at_many_files_is_good_for_a_while_and_at_few_for_itself_alone(folder, tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(versions.time, "monotonic", lambda: clock.__setitem__(0, clock[0] + 1) or clock[0])
    copied = shutil.copytree(folder, tmp_path / "copied")
    pixel, name = copied / "test" / "dog" / "1.png", f"folder:{copied}"

    def change():
        pixel.write_bytes(pixel.read_bytes()[::-1])
        return version_of(name, tmp_path)

    first = version_of(name, tmp_path)
    second = change()
    assert second != first
    monkeypatch.setattr(versions, "EXACT_FILES", 1)
    assert change() == first  # looked, which took a second by this clock
    assert change() == first  # within twenty of them
    clock[0] += 20
    assert version_of(name, tmp_path) == second


def test_digits_have_a_version_and_a_set_that_is_not_here_has_none(tmp_path):
    assert len(version_of("digits", tmp_path)) == 32
    assert version_of("cifar10", tmp_path) == ""
    assert version_of("cifar10-c/fog", tmp_path) == ""
    assert earlier_version_of("digits", tmp_path) == ""


def test_a_published_set_of_too_many_files_has_no_version_and_is_known_by_that(tmp_path, monkeypatch):
    folder = tmp_path / DOWNLOADS["voc2012"].places[0]
    folder.mkdir(parents=True)
    assert not too_large("voc2012", tmp_path)
    for name in "abc":
        (folder / name).write_text(name)
    assert not too_large("voc2012", tmp_path)
    assert len(version_of("voc2012", tmp_path)) == 32
    monkeypatch.setattr(tree, "__kwdefaults__", {"most": 2})
    assert too_large("voc2012", tmp_path)
    assert version_of("voc2012", tmp_path) == ""
    assert not too_large("digits", tmp_path)


def test_a_published_corruption_is_its_file_and_the_labels(tmp_path):
    folder = tmp_path / "CIFAR-10-C"
    folder.mkdir()
    for name in ("fog", "snow", "labels"):
        np.save(folder / f"{name}.npy", np.zeros(3))
    fog, snow = version_of("cifar10-c/fog", tmp_path), version_of("cifar10-c/snow", tmp_path)
    np.save(folder / "fog.npy", np.ones(3))
    assert version_of("cifar10-c/fog", tmp_path) != fog
    assert version_of("cifar10-c/snow", tmp_path) == snow
    assert len(version_of("cifar10-c", tmp_path)) == 32
