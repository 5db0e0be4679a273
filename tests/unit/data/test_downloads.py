"""The table of published files."""

import pytest

from prunekit.data.datasets import DATASETS, SHIFTED
from prunekit.data.downloads import DOWNLOADS, RemoteFile

FILES = [(name, file) for name, row in DOWNLOADS.items() for file in row.files]


def test_every_published_data_set_can_be_got():
    assert {*DATASETS, *SHIFTED} == set(DOWNLOADS)


@pytest.mark.parametrize(("name", "file"), FILES, ids=[file.name for _, file in FILES])
def test_a_file_says_where_it_is_from_and_how_it_is_checked(name, file):
    kind, _, digest = file.checksum.partition(":")
    assert len(bytes.fromhex(digest)) == {"md5": 16, "sha256": 32}[kind]
    assert file.url.startswith(("https://", "http://")) or DOWNLOADS[name].by_hand
    assert all(place and not place.startswith("/") for place in file.places)


def test_no_two_files_are_taken_for_each_other():
    names = [file.name for _, file in FILES]
    places = [place for _, file in FILES for place in file.places]
    assert len(set(names)) == len(names)
    assert len(set(places)) == len(places)


def test_places_are_the_contents_where_they_are_put():
    file = RemoteFile("a.tar", "", "", into="imagenet-c", contents=("fog", "snow"))
    assert file.places == ("imagenet-c/fog", "imagenet-c/snow")
    assert file._replace(into="").places == ("fog", "snow")
    assert file._replace(contents=()).places == ("imagenet-c",)
