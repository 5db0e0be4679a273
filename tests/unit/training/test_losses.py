"""Mean losses per epoch, and losses that are not finite."""

import pytest
import torch

from prunekit.errors import PrunekitError
from prunekit.training.losses import LossLog

CPU = torch.device("cpu")


def test_the_epochs_loss_is_the_mean_over_images() -> None:
    log = LossLog(images=10, steps_per_epoch=2, device=CPU)
    log.add(0, torch.tensor(1.0), 8)
    log.add(1, torch.tensor(6.0), 2)
    log.end_epoch()
    assert log.epochs == pytest.approx([2.0])
    log.add(2, torch.tensor(3.0), 8)
    log.add(3, torch.tensor(3.0), 2)
    log.end_epoch()
    assert log.epochs == pytest.approx([2.0, 3.0])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_epoch_and_step(value: float) -> None:
    log = LossLog(images=10, steps_per_epoch=4, device=CPU)
    with pytest.raises(PrunekitError, match=r"epoch 3, step 2 \(iteration 9\)") as caught:
        log.add(9, torch.tensor(value), 2)
    assert "\n" not in str(caught.value)


def test_elsewhere_than_on_a_cpu_the_device_is_not_waited_for_at_each_step() -> None:
    log = LossLog(images=100, steps_per_epoch=50, device=torch.device("meta"))
    log.add(0, torch.tensor(float("nan")), 2)
    with pytest.raises(PrunekitError, match="step 1 "):
        log.look()
