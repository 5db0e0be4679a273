"""Learning rates worked by hand."""

from itertools import pairwise

import pytest

from prunekit.params import TrainParams
from prunekit.training.schedules import DECAYS, last_learning_rate, learning_rate, milestones, warmup_epochs


def _settings(**fields: object) -> TrainParams:
    return TrainParams(**{"arch": "resnet20", "dataset": "cifar10", "warmup_epochs": 0.0, **fields})


PAPER = TrainParams(arch="resnet20", dataset="cifar10")


def test_the_defaults_are_the_papers_schedule() -> None:
    assert milestones(PAPER) == (91, 136)
    assert warmup_epochs(PAPER) == 5
    at = {epoch: learning_rate(PAPER, 352 * epoch, 352) for epoch in (0, 1, 5, 90, 91, 135, 136, 181)}
    assert at == pytest.approx({0: 0, 1: 0.02, 5: 0.1, 90: 0.1, 91: 0.01, 135: 0.01, 136: 0.001, 181: 0.001})


def test_a_milestone_falls_at_its_first_step() -> None:
    assert learning_rate(PAPER, 91 * 352 - 1, 352) == pytest.approx(0.1)
    assert learning_rate(PAPER, 91 * 352, 352) == pytest.approx(0.01)


def test_the_warmup_is_at_most_a_tenth_of_the_epochs() -> None:
    assert warmup_epochs(PAPER.model_copy(update={"epochs": 20})) == 2
    assert warmup_epochs(PAPER.model_copy(update={"epochs": 4})) == pytest.approx(0.4)


def test_the_warmup_rises_with_every_step_from_zero() -> None:
    settings = _settings(warmup_epochs=2.0, epochs=10, schedule="constant")
    assert [learning_rate(settings, step, 2) for step in range(6)] == pytest.approx(
        [0, 0.025, 0.05, 0.075, 0.1, 0.1]
    )


def test_step_falls_every_so_many_epochs() -> None:
    vgg = _settings(schedule="step", lr=0.05, gamma=0.5, step_epochs=30, epochs=300)
    assert [learning_rate(vgg, 10 * epoch, 10) for epoch in (0, 29, 30, 60, 299)] == pytest.approx(
        [0.05, 0.05, 0.025, 0.0125, 0.05 / 2**9]
    )


def test_poly_and_cosine_fall_to_zero_with_every_step() -> None:
    poly = _settings(schedule="poly", lr=0.02, power=0.9, epochs=4)
    cosine = _settings(schedule="cosine", lr=0.02, epochs=4)
    assert learning_rate(poly, 4, 4) == pytest.approx(0.02 * 0.75**0.9)
    assert learning_rate(cosine, 8, 4) == pytest.approx(0.01)
    for settings in (poly, cosine):
        rates = [learning_rate(settings, step, 4) for step in range(17)]
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_the_last_learning_rate_is_that_of_the_last_step() -> None:
    assert last_learning_rate(PAPER, 352) == pytest.approx(0.001)
    assert last_learning_rate(_settings(schedule="poly", epochs=2, power=1.0), 5) == pytest.approx(0.01)


@pytest.mark.parametrize("name", DECAYS)
def test_every_schedule_begins_at_the_peak_and_never_rises(name: str) -> None:
    settings = _settings(schedule=name, epochs=8, step_epochs=2)
    rates = [learning_rate(settings, step, 5) for step in range(40)]
    assert rates[0] == pytest.approx(settings.lr)
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(rates))


def test_the_table_has_the_schedules_that_params_allow() -> None:
    allowed = TrainParams.model_json_schema()["properties"]["schedule"]["enum"]
    assert set(DECAYS) == set(allowed)
