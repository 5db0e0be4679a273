"""ImageNet's layouts, and what can be wrong with them."""

import shutil

import numpy as np
import pytest
from scipy.io import savemat

from prunekit.data.imagenet import devkit_labels, load_imagenet, load_imagenet_c
from prunekit.data.preprocessing import View
from prunekit.errors import UsageError


@pytest.fixture
def root(tmp_path, published):
    published["write_imagenet"](tmp_path)
    return tmp_path


def _test(root):
    return load_imagenet(root, "test", view=View((224, 224), 256))


def test_devkit_ids_are_mapped_through_the_wordnet_ids(root):
    assert devkit_labels(root / "imagenet" / "ILSVRC2012_devkit_t12" / "data") == [0, 999, 281, 1]


def test_validation_images_in_class_folders_need_no_devkit(root):
    shutil.rmtree(root / "imagenet" / "val")
    shutil.rmtree(root / "imagenet" / "ILSVRC2012_devkit_t12")
    shutil.copytree(root / "imagenet" / "train", root / "imagenet" / "val")
    assert _test(root).strata.tolist() == [0, 0, 1, 1, 281, 281, 999, 999]


def test_an_id_that_is_no_class_is_refused(root):
    truth = root / "imagenet" / "ILSVRC2012_devkit_t12" / "data" / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("1001\n1\n4\n2\n")
    with pytest.raises(UsageError, match="line that is not a class"):
        _test(root)


def test_a_damaged_devkit_is_named(root):
    (root / "imagenet" / "ILSVRC2012_devkit_t12" / "data" / "meta.mat").write_text("<html>")
    with pytest.raises(UsageError, match=r"meta\.mat is damaged"):
        _test(root)


def test_a_file_of_another_kind_is_not_taken_for_the_devkit(root):
    savemat(root / "imagenet" / "ILSVRC2012_devkit_t12" / "data" / "meta.mat", {"synsets": np.arange(3)})
    with pytest.raises(UsageError, match=r"meta\.mat is not the devkit's"):
        _test(root)


def test_images_without_labels_are_counted(root):
    next((root / "imagenet" / "val").iterdir()).unlink()
    with pytest.raises(UsageError, match=r"has 3 images, but .* has labels for 4"):
        _test(root)


def test_a_missing_devkit_is_named(root):
    shutil.rmtree(root / "imagenet" / "ILSVRC2012_devkit_t12")
    with pytest.raises(UsageError, match=r"imagenet is missing: there is no .*devkit"):
        _test(root)


def test_a_folder_that_is_no_class_is_named(root):
    (root / "imagenet" / "train" / "tench").mkdir()
    with pytest.raises(UsageError, match="train/tench is not one of ImageNet's 1,000 classes"):
        load_imagenet(root, "train", view=View((224, 224), 256))


def test_imagenet_c_is_cropped_and_never_resized(tmp_path, published):
    expected, _ = published["write_class_folders"](tmp_path / "imagenet-c" / "fog" / "3", size=(230, 240))
    examples = load_imagenet_c(tmp_path, "fog", 3, crop=224)
    found, _ = examples.take(examples.strata.argsort()[:1])
    assert np.array_equal(found[0].numpy(), expected[0][:, 3:227, 8:232])


def test_an_empty_severity_is_named(tmp_path):
    (tmp_path / "imagenet-c" / "fog" / "3").mkdir(parents=True)
    with pytest.raises(UsageError, match="fog/3 has no images"):
        load_imagenet_c(tmp_path, "fog", 3, crop=224)
