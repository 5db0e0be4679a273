"""ObjectNet's mapping, and what can be wrong with it."""

import pytest

from prunekit.data.objectnet import load, mapped_classes
from prunekit.data.preprocessing import View
from prunekit.errors import UsageError


@pytest.fixture
def root(tmp_path, published):
    published["write_objectnet"](tmp_path)
    return tmp_path


def _load(root):
    return load(root, "test", border=2, view=View((224, 224), 256))


def test_a_folder_maps_to_all_its_classes(root):
    assert mapped_classes(root / "objectnet-1.0" / "mappings") == {"fork": [7], "helmet": [518, 560]}


def test_classes_that_imagenet_lacks_are_left_out(root):
    assert [path.parent.name for path, _ in _load(root).items] == ["fork", "helmet"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("objectnet_to_imagenet_1k.json", '{"Fork": "spoon"}', "do not fit each other"),
        ("objectnet_to_imagenet_1k.json", '{"Fork": ', "is damaged"),
        ("folder_to_objectnet_label.json", "[]", "is damaged"),
        ("imagenet_to_label_2012_v2", "fork\n", "do not fit each other"),
    ],
)
def test_a_damaged_mapping_is_named(root, name, text, message):
    (root / "objectnet-1.0" / "mappings" / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        _load(root)


def test_no_images_are_told(root):
    for folder in (root / "objectnet-1.0" / "images").iterdir():
        folder.rename(folder.with_name(f"other_{folder.name}"))
    with pytest.raises(UsageError, match="has no images of the classes"):
        _load(root)
