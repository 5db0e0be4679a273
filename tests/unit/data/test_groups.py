"""The file of groups: which image is in which, and what is refused."""

import pytest

from prunekit.data.groups import assign, beside, read_groups
from prunekit.errors import UsageError

NAMES = ("photos/test/cat/1.jpg", "photos/test/cat/2.jpg", "photos/test/dog/1.jpg")


def written(folder, text):
    path = folder / "groups.csv"
    path.write_text(text)
    return path


def test_files_are_known_by_what_their_paths_end_in(tmp_path):
    found = read_groups(
        written(tmp_path, "file,camera,light\ncat/1.jpg,a,day\n2.jpg,b,\ntrain/cat/9.jpg,c,day\n")
    )
    assert found.groupings == ("camera", "light")
    assigned = assign(found, NAMES)
    assert assigned.groups["camera"].tolist() == ["a", "b", ""]
    assert assigned.groups["light"].tolist() == ["day", "", ""]
    assert assigned.without == 1
    assert assign(found, ("night/bird/5.jpg",)) is None


def test_a_name_of_two_images_is_refused(tmp_path):
    found = read_groups(written(tmp_path, "file,camera\n1.jpg,a\n"))
    with pytest.raises(UsageError, match=r"several images .*name their folders too"):
        assign(found, NAMES)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "needs a first row"),
        ("file\n1.jpg\n", "needs a first row"),
        ("camera,light\na,day\n", "needs a first row"),
        ("file,camera,camera\n1.jpg,a,b\n", "two columns have the same name"),
        ("file,camera\n1.jpg\n", "row 2: 1 cells for the 2 columns"),
        ("file,camera\n1.jpg,a\n1.jpg,b\n", "row 3: '1.jpg' appears twice"),
    ],
)
def test_what_is_no_file_of_groups_is_refused_and_named(tmp_path, text, why):
    with pytest.raises(UsageError, match=why):
        read_groups(written(tmp_path, text))


def test_a_folder_brings_its_own(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    assert beside(folder) is None
    outside = tmp_path / "photos.groups.csv"
    outside.write_text("file,camera\n")
    assert beside(folder) == outside
    inside = written(folder, "file,camera\n")
    assert beside(folder) == inside
    with pytest.raises(UsageError, match="cannot be read"):
        read_groups(tmp_path / "none.csv")
