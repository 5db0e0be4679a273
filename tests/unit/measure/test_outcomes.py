import numpy as np
import pytest
import torch

from prunekit.measure import outcomes as module
from prunekit.measure.outcomes import outcomes
from prunekit.tasks import TASKS


def same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_allclose(left[name], right[name], atol=1e-5, err_msg=name)


def test_outcomes_are_those_of_the_plain_forward_pass(network, examples, dataset):
    model = network().eval()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (dataset.mean, dataset.std))
    logits = model((examples.images / 255 - mean) / std).detach()
    expected = TASKS["classification"].outcomes(logits, examples.labels)
    same(
        outcomes(model, examples, dataset=dataset),
        {name: values.numpy() for name, values in expected.items()},
    )


@pytest.mark.parametrize("noise", [None, ("uniform", 0.5), ("gaussian", 0.5)])
def test_batch_size_changes_nothing(network, examples, dataset, noise):
    whole, parts = (
        outcomes(network(), examples, dataset=dataset, noise=noise, batch_size=size) for size in (24, 7)
    )
    same(whole, parts)


def test_outcomes_of_small_batches_are_computed_together_to_the_same_bytes(
    network, examples, dataset, monkeypatch
):
    sizes = []
    task = TASKS["classification"]

    def counted(logits, labels):
        sizes.append(len(logits))
        return task.outcomes(logits, labels)

    monkeypatch.setattr(module, "TASKS", {"classification": task._replace(outcomes=counted)})
    together = outcomes(network(), examples, dataset=dataset, batch_size=5)
    monkeypatch.setattr(module, "MANY_LOGITS", 10 * len(dataset.classes))
    apart = outcomes(network(), examples, dataset=dataset, batch_size=5)
    assert sizes == [24, 10, 10, 4]
    assert all(np.array_equal(value, apart[name]) for name, value in together.items())


def test_noise_of_size_zero_is_no_noise_and_noise_has_a_seed(network, examples, dataset):
    def loss(noise, seed=0):
        return outcomes(network(), examples, dataset=dataset, noise=noise, seed=seed)["loss"]

    np.testing.assert_array_equal(loss(("uniform", 0.0)), loss(None))
    assert not np.allclose(loss(("uniform", 0.5)), loss(None))
    assert not np.allclose(loss(("uniform", 0.5)), loss(("uniform", 0.5), seed=1))


def test_a_model_in_training_mode_is_measured_in_evaluation_mode(network, examples, dataset):
    model = network().train()
    running = model[1].running_mean.clone()
    same(outcomes(model, examples, dataset=dataset), outcomes(network().eval(), examples, dataset=dataset))
    assert model.training
    assert model[1].running_mean.equal(running)


def test_progress_counts_every_image(network, examples, dataset):
    class Spy:
        total = counted = 0

        def bar(self, label, total, unit="images"):
            self.total = total
            return self

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            return None

        def advance(self, amount=1, *, note=""):
            self.counted += amount

    spy = Spy()
    outcomes(network(), examples, dataset=dataset, batch_size=10, progress=spy)
    assert spy.total == spy.counted == 24
