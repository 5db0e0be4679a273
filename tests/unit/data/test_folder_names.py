"""A wrong folder is told by its names, before torch is loaded."""

import shutil
import subprocess
import sys

import pytest

from prunekit.data.datasets import check_dataset
from prunekit.data.folder_names import class_names, list_split
from prunekit.errors import UsageError


def test_a_good_folder_passes(folder):
    check_dataset(f"folder:{folder}")


def test_checking_a_folder_loads_no_torch(folder):
    program = f"import sys; from prunekit.data.datasets import check_dataset as c; c('folder:{folder}'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


BROKEN = {
    "there is no such folder": shutil.rmtree,
    r"has no train/ folder \(expected train/<class>": lambda folder: shutil.rmtree(folder / "train"),
    "has no test/ folder": lambda folder: shutil.rmtree(folder / "test"),
    "has no class folders in train/": lambda folder: [
        shutil.rmtree(folder / "train" / name) for name in ("cat", "dog")
    ],
    "class 'cat' is in only one of train/ and test/": lambda folder: shutil.rmtree(folder / "test" / "cat"),
    "class 'wolf' is in only one of train/ and test/": lambda folder: shutil.copytree(
        folder / "test" / "cat", folder / "test" / "wolf"
    ),
    "class folder .*train/dog has no images": lambda folder: [
        file.unlink() for file in (folder / "train" / "dog").iterdir()
    ],
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_folder_gets_one_line(folder, message):
    BROKEN[message](folder)
    with pytest.raises(UsageError, match=message) as found:
        check_dataset(f"folder:{folder}", split="train")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("place", ["folder", "hf"])
@pytest.mark.parametrize("start", ["", "/nowhere/"])
def test_a_shift_behind_another_sign_is_no_folder(tmp_path, monkeypatch, place, start):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as found:
        check_dataset(f"{place}:{start}photos@fog:3")
    hint = f"did you mean '{place}:{start}photos+fog@3'?"
    assert str(found.value) == f"{place}:{start}photos@fog:3: there is no such folder; {hint}"


def test_a_folder_that_is_called_what_a_shift_is_called_is_a_folder(folder):
    check_dataset(f"folder:{folder.rename(folder.parent / 'photos@fog:3')}")


def test_a_folder_without_its_kind_of_place_is_shown_how_to_be_written(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    with pytest.raises(
        UsageError, match=f"unknown data set '{folder.name}'; did you mean 'folder:{folder.name}'"
    ):
        check_dataset(folder.name)


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [("Cat", "cat", "'Cat' and 'cat'"), ("caf\u00e9", "cafe\u0301", r"'cafe\u0301' and 'caf\xe9'")],
)
def test_a_class_of_two_spellings_says_both(folder, train, test, said):
    (folder / "train" / "cat").rename(folder / "train" / train)
    (folder / "test" / "cat").rename(folder / "test" / test)
    with pytest.raises(UsageError) as found:
        check_dataset(f"folder:{folder}", split="train")
    assert str(found.value).endswith(f"is in only one of train/ and test/ ({said} are two names: rename one)")


def test_files_that_are_no_images_are_passed_over(folder):
    (folder / "train" / "cat" / "notes.txt").write_text("seen")
    (folder / "train" / ".git").mkdir()
    (folder / "train" / "cat" / "._0.png").write_text("resource fork")
    check_dataset(f"folder:{folder}")
    listing = list_split(folder / "train", class_names(folder))
    assert [path.name for path in listing.paths] == ["0.png", "1.png", "2.png"] * 2
    assert listing.labels == [0, 0, 0, 1, 1, 1]
