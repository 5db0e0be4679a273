"""A network's own preprocessing: fields, data sets as it sees them, and what stays the data set's own."""

import pytest
import torch

from prunekit.data.datasets import open_dataset
from prunekit.data.load import load_distribution
from prunekit.data.preprocessing import Preprocessing, View, seen, to_json
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.params import TrainParams


@pytest.fixture
def digits(tmp_path):
    return open_dataset("digits", tmp_path)


def _fields(**given):
    return TrainParams.read({"arch": "resnet8", "dataset": "digits"} | given)


def test_a_network_that_says_nothing_sees_the_data_set_as_it_is(digits):
    own = Preprocessing.of(digits)
    assert own == Preprocessing(digits.mean, digits.std, (32, 32))
    assert own.with_fields(_fields()) == own
    assert seen(digits, own) is digits


def test_fields_are_laid_over_the_data_set_s_own(digits):
    found = Preprocessing.of(digits).with_fields(
        _fields(mean=[0.5, 0.4, 0.3], image_size=[48], resize=50, crop="squash", channels="bgr")
    )
    assert found == Preprocessing((0.5, 0.4, 0.3), digits.std, (48, 48), 50, "squash", "bilinear", "bgr")


def test_another_image_size_makes_the_data_set_s_resize_meaningless(tmp_path):
    imagenet = Preprocessing.of(open_dataset("imagenet", tmp_path))
    assert imagenet.view == View((224, 224), 256)
    assert imagenet.with_fields(_fields(image_size=[288, 320])).view == View((288, 320))


def test_json_and_back(digits):
    found = Preprocessing.of(digits)._replace(resize=40)
    assert Preprocessing.read(to_json(found)) == found


def test_the_data_set_s_own_std_stays_the_unit_of_noise(digits):
    network = seen(digits, Preprocessing.of(digits)._replace(std=(0.5, 0.5, 0.5)))
    again = seen(network, Preprocessing.of(network)._replace(std=(0.1, 0.1, 0.1)))
    assert network.unit == again.unit == digits.std


def test_images_are_seen_through_the_view_in_every_split(digits, tmp_path):
    for name in ("digits", "digits:valid", "digits+fog@3", "digits+uniform@0.1"):
        images, _ = load_distribution(parse(name), tmp_path, view=View((16, 16))).take(torch.arange(2))
        assert images.shape == (2, 3, 16, 16)


def test_a_corruption_is_made_at_the_images_own_size_and_then_seen(digits, tmp_path):
    transforms = pytest.importorskip("torchvision.transforms")
    pil = pytest.importorskip("torchvision.transforms.functional")
    foggy, _ = load_distribution(parse("digits+fog@3"), tmp_path).take(torch.arange(1))
    found, _ = load_distribution(parse("digits+fog@3"), tmp_path, view=View((48, 48))).take(torch.arange(1))
    expected = transforms.Resize(48)(pil.to_pil_image(foggy[0]))
    assert torch.equal(found[0], pil.pil_to_tensor(expected))


def test_label_maps_are_not_resampled(tmp_path):
    voc = open_dataset("voc2012", tmp_path)
    assert seen(voc, Preprocessing.of(voc)._replace(mean=(0.0, 0.0, 0.0))).mean == (0.0, 0.0, 0.0)
    with pytest.raises(UsageError, match="only to classification data"):
        seen(voc, Preprocessing.of(voc)._replace(size=(64, 64)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mean": [0.5]}, "mean needs 3 values, one per channel"),
        ({"mean": [0.5], "channels": "grey"}, "std needs 1 value, one per channel"),
        ({"std": [0.1, 0.0, 0.1]}, "std must be above 0"),
        ({"crop": "224"}, "unknown crop '224'"),
        ({"image_size": [0]}, "image_size"),
    ],
)
def test_senseless_fields_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        _fields(**given)
