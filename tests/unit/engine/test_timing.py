"""What a calibration is asked, by hand; and one of a small network, in a process of its own."""

import pytest

from prunekit.data.glance import Glance
from prunekit.engine.calibrate import Timed, calibrated
from prunekit.engine.costs import Network, PastCosts
from prunekit.engine.forecast import forecast
from prunekit.engine.timing import calibrate, request
from prunekit.params import ErrorParams, NoiseParams, PruneParams, TrainParams
from prunekit.steps.settings import Settings

FIRST = TrainParams(arch="resnet8", dataset="digits", batch_size=32)
AGAIN = TrainParams(arch="resnet8", dataset="digits", batch_size=64, seed=1)
OTHER = TrainParams(arch="resnet20", dataset="cifar10", precision="bfloat16")
PRUNE = PruneParams(parent=FIRST.key, method="wt", prune_ratio=0.5)
ERRORS = [
    ErrorParams(model=PRUNE.key, distribution=name)
    for name in ("digits+fog@3", "cifar10-c/fog@3", "cifar10.1")
]
NOISE = NoiseParams(model=PRUNE.key, to=FIRST.key)
FLOPS = 2 * 12_501_632  # of resnet8, as `prunekit list archs` counts them
STEPS = {params.key: params for params in (FIRST, AGAIN, OTHER, PRUNE, *ERRORS, NOISE)}
SETTINGS = Settings("store", "data", threads=1)


def test_every_network_is_asked_for_once_and_every_set_of_images_counted():
    asked = request(STEPS, list(STEPS), SETTINGS)
    assert asked["networks"] == [
        {"arch": "resnet8", "dataset": "digits", "size": None, "imported": False}
        | {"batch_size": 32, "precision": "auto"},
        {"arch": "resnet20", "dataset": "cifar10", "size": None, "imported": False}
        | {"batch_size": 128, "precision": "bfloat16"},
    ]
    assert asked["datasets"] == ["cifar10", "cifar10.1", "digits"]
    assert asked["settings"]["threads"] == 1


def test_what_is_there_is_not_asked_for():
    asked = request(STEPS, [ERRORS[0].key], SETTINGS)
    assert [network["arch"] for network in asked["networks"]] == ["resnet8"]
    assert asked["datasets"] == ["digits"]


def test_a_calibration_counts_times_and_tells_what_it_cannot(tmp_path):
    strange = TrainParams(arch="module:no_such_package:build", dataset="digits")
    error = ErrorParams(model=FIRST.key, distribution="folder:nowhere")
    small = FIRST.model_copy(update={"image_size": (16,)})
    steps = {params.key: params for params in (FIRST, small, strange, error)}
    settings = SETTINGS._replace(store=str(tmp_path / "store"), data=str(tmp_path / "data"))
    found = calibrate(steps, list(steps), settings)
    speed, quarter = found.speeds[Network("resnet8", "digits")], found.speeds[Network.of(small)]
    assert speed.flops == FLOPS
    assert speed.pixels == 32 * 32
    assert (quarter.flops, quarter.pixels) == (2 * 3_125_888, 16 * 16)  # of the convolutions a quarter
    costs = forecast(steps, PastCosts({}, {}), found).costs
    assert costs[FIRST.key].flops == pytest.approx(4 * costs[small.key].flops, rel=1e-3)
    assert speed.train_seconds > speed.forward_seconds > 0
    assert found.images["digits"] == {"train": 1438, "test": 359}
    first, second = found.troubles
    assert first.startswith("module:no_such_package:build on digits cannot be calibrated: ")
    assert second.startswith("folder:")
    assert "nowhere: there is no such folder" in second
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_one_line():
    found = calibrate({FIRST.key: FIRST}, [FIRST.key], SETTINGS._replace(device="cuda:99"))
    (trouble,) = found.troubles
    assert trouble.startswith("nothing can be calibrated: ")
    assert "\n" not in trouble


@pytest.mark.parametrize(
    ("flops", "wanted", "passes", "images", "batches"),
    [(1.0, 128, 3, 128, 5), (10.0, 128, 3, 33, 4), (0.01, 16, 1, 16, 30), (1e6, 128, 3, 2, 4)],
)
def test_batches_are_as_large_as_can_be_timed(flops, wanted, passes, images, batches):
    timed = Timed(
        "resnet8", Glance("classification", 10, (32, 32), "none", {}), (32, 32), flops, 1000.0, "cpu"
    )
    assert timed.batch(wanted, passes) == (images, batches)


def test_large_images_are_timed_smaller_and_counted_whole(monkeypatch):
    monkeypatch.setattr("prunekit.engine.calibrate.BATCH_FLOPS", {"cpu": 2e8})
    network = Network("resnet18", "imagenet")._asdict()
    asked = network | {"batch_size": 256, "precision": "auto"}
    found = calibrated(asked, "cpu")
    assert found["flops"] == 3_628_146_688
    assert found["pixels"] == 224 * 224
