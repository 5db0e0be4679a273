"""What a plan will cost, worked by hand: 1,000 training images, 100 held out, 50 tested; 2 FLOPs an image."""

import pytest

from prunekit.engine.costs import Network, PastCosts
from prunekit.engine.forecast import (
    Foreseen,
    Speed,
    Timing,
    elapsed,
    forecast,
    rows,
    sentence,
)
from prunekit.params import (
    ErrorParams,
    FeaturesParams,
    NoiseParams,
    PruneParams,
    RetrainParams,
    TrainParams,
    TransferParams,
)
from prunekit.steps.work import feature_passes

TRAIN = TrainParams(arch="resnet8", dataset="digits", epochs=10, keep_epoch=4)
PRUNE = PruneParams(parent=TRAIN.key, method="wt", prune_ratio=0.5)
FEATURES = FeaturesParams(model=TRAIN.key, images=3, block=2, candidates=2)
SPEED = Speed(flops=2.0, train_seconds=0.5, forward_seconds=0.25, pixels=5)
UNKNOWN = PastCosts({}, {})
CALIBRATION = Timing(
    {Network("resnet8", "digits"): SPEED},
    {"digits": {"train": 1000, "test": 50}, "cifar10": {"train": 4, "test": 7}, "own": {"valid": 3}},
)
TRAINED, CHECKED = 900, 150


def keyed(*steps):
    return {params.key: params for params in steps}


def cost_of(params, *before, costs=UNKNOWN):
    found = forecast(keyed(TRAIN, PRUNE, *before, params), costs, CALIBRATION)
    assert found.troubles == ()
    return found.costs[params.key]


def of(trained, forwarded):
    return Foreseen(0.5 * trained + 0.25 * forwarded, 2 * (3 * trained + forwarded))


@pytest.mark.parametrize(
    ("params", "trained", "forwarded"),
    [
        (TRAIN, 10 * TRAINED, CHECKED),
        (PRUNE, 0, 50),
        (RetrainParams(parent=PRUNE.key), 10 * TRAINED, CHECKED),
        (RetrainParams(parent=PRUNE.key, epochs=2), 2 * TRAINED, CHECKED),
        (RetrainParams(parent=PRUNE.key, mode="weight-rewind"), 6 * TRAINED, CHECKED),
        (RetrainParams(parent=PRUNE.key, mode="none"), 0, TRAINED + CHECKED),
        (RetrainParams(parent=PRUNE.key, mode="least-squares"), 0, 33 * 256 + CHECKED),
        (ErrorParams(model=PRUNE.key, distribution="digits+fog@3"), 0, 50),
        (ErrorParams(model=PRUNE.key, distribution="digits:valid"), 0, 100),
        (ErrorParams(model=PRUNE.key, distribution="digits:train"), 0, 900),
        (ErrorParams(model=PRUNE.key, distribution="cifar10-c/fog@3"), 0, 7),
        (ErrorParams(model=PRUNE.key, distribution="own:valid"), 0, 3),
        (ErrorParams(model=PRUNE.key, distribution="digits"), 0, 0),  # it came with the network
        (ErrorParams(model=PRUNE.key, distribution="digits", seed=1), 0, 50),
    ],
    ids=str,
)
def test_images_of_a_step(params, trained, forwarded):
    assert cost_of(params) == pytest.approx(of(trained, forwarded))


def test_noise_is_drawn_at_every_level_but_zero_and_eight_networks_share_the_reference():
    noise = NoiseParams(model=PRUNE.key, to=TRAIN.key, images=8, draws=10, levels=(0.0, 0.1, 0.2))
    assert cost_of(noise) == pytest.approx(of(0, 8 * 21 + 21))


def test_the_passes_of_an_order():
    """Exact on 3 pixels: 1 + 3 + 2 + 1. Two of two candidates on 5: 1 + (2 + 3) + (2 + 3) + 1."""
    assert feature_passes(3, 1, None) == 7
    assert feature_passes(5, 2, 2) == 12
    assert feature_passes(1024, 1, None) == 1 + 1024 * 1025 // 2
    assert cost_of(FEATURES) == pytest.approx(of(0, 3 * 12))


def test_features_are_shown_at_every_kept_share():
    transfer = TransferParams(features=FEATURES.key, model=PRUNE.key, kept=(0.1, 0.5))
    assert cost_of(transfer, FEATURES) == pytest.approx(of(0, 3 * 2))


def test_what_the_store_measured_comes_before_the_calibration_and_the_calibration_before_the_rest():
    exact = PastCosts({("train", Network("resnet8", "digits")): 3.0}, {"train": 3.0, "prune": 9.0})
    assert cost_of(TRAIN, costs=exact).seconds == 30
    assert cost_of(PRUNE, costs=exact).seconds == of(0, 50).seconds
    alone = forecast(keyed(PRUNE), exact)
    assert alone.costs[PRUNE.key] == Foreseen(9.0, None)


def test_what_nobody_knows_is_said_once_and_leaves_the_operations_open():
    errors = [ErrorParams(model=TRAIN.key, distribution="cifar10.1", seed=seed) for seed in range(3)]
    found = forecast(keyed(TRAIN, *errors), UNKNOWN, CALIBRATION._replace(troubles=("vgg16 is not known",)))
    assert found.troubles == (
        "vgg16 is not known",
        "cifar10.1: the number of images of its test split is not known",
    )
    steps = keyed(TRAIN, *errors)
    (_, total) = rows(steps, dict.fromkeys(steps, "all"), found.costs, 1)
    assert (total["flops"], total["steps"]) == (None, 4)


def test_more_workers_are_quicker_as_far_as_the_longest_chain_allows():
    siblings = [PruneParams(parent=TRAIN.key, method="wt", prune_ratio=ratio) for ratio in (0.1, 0.2, 0.3)]
    costs = {TRAIN.key: Foreseen(4.0, 1.0)} | {params.key: Foreseen(2.0, 1.0) for params in siblings}
    steps = keyed(TRAIN, *siblings)
    assert [elapsed(steps, costs, jobs) for jobs in (1, 2, 8)] == [10, 6, 6]
    assert elapsed(keyed(*siblings), costs, 8) == 2
    assert elapsed({}, costs, 2) == 0


def test_rows_are_of_stages_and_of_all():
    costs = {TRAIN.key: Foreseen(4.0, 10.0), PRUNE.key: Foreseen(2.0, 5.0)}
    stages = {TRAIN.key: "parents", PRUNE.key: "pruned"}
    assert rows(keyed(TRAIN, PRUNE), stages, costs, 2) == [
        {"forecast": "stage", "stage": "parents", "steps": 1, "flops": 10, "seconds": 4.0, "jobs": 2},
        {"forecast": "stage", "stage": "pruned", "steps": 1, "flops": 5, "seconds": 2.0, "jobs": 2},
        {"forecast": "total", "stage": None, "steps": 2, "flops": 15, "seconds": 6.0, "jobs": 2},
    ]


@pytest.mark.parametrize(
    ("steps", "flops", "timed", "words"),
    [
        (3, 1.25e12, True, "3 steps to make, 1.2e+12 FLOPs, about 40 seconds with --jobs 2"),
        (3, None, True, "3 steps to make, about 40 seconds with --jobs 2"),
        (
            3,
            None,
            False,
            "3 steps to make, no time forecast: no such step was timed on this machine (--calibrate times it)",
        ),
        (0, 0, True, "0 steps to make"),
    ],
)
def test_a_forecast_in_words(steps, flops, timed, words):
    total = {"steps": steps, "flops": flops, "seconds": 40.0, "jobs": 2}
    assert sentence(total, timed=timed) == words
