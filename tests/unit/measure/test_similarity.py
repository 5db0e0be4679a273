"""The plain version of the protocol is here as the oracle: one image, one draw, one level, one metric at a time."""

import math

import numpy as np
import pytest
import torch

from prunekit.analysis import similarity as analysis
from prunekit.errors import UsageError
from prunekit.measure.batches import batches, frozen_copy
from prunekit.measure.noise import unit_noise
from prunekit.measure.similarity import METRICS, compare, noise_similarity, outputs_of
from prunekit.params import NoiseParams

LEVELS = (0.0, 0.3, 1.0)


def settings(**changed):
    return NoiseParams(**{"model": "m", "to": "p", "images": 10, "draws": 3, "levels": LEVELS} | changed)


def run(network, examples, dataset, *, models=None, batch_size=None, **changed):
    models = models or {"other": network(1)}
    return noise_similarity(
        models, network(0), examples, params=settings(**changed), dataset=dataset, batch_size=batch_size
    )


def plain_metrics(logits, expected, label):
    p, q = torch.softmax(logits.double(), 0).tolist(), torch.softmax(expected.double(), 0).tolist()
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]

    def kl(left, right, log=math.log):
        return sum(a * log(a / b) for a, b in zip(left, right, strict=True))

    js = (kl(p, middle, math.log2) + kl(q, middle, math.log2)) / 2
    return {
        "agreement": p.index(max(p)) == q.index(max(q)),
        "softmax_l2": math.dist(p, q),
        "softmax_linf": max(abs(a - b) for a, b in zip(p, q, strict=True)),
        "logit_l2": math.dist(logits.tolist(), expected.tolist()),
        "kl": kl(q, p),
        "probability_loyalty": 1 - math.sqrt(js),
        "wrong": p.index(max(p)) != label,
        "reference_wrong": q.index(max(q)) != label,
    }


def plain_similarity(model, reference, examples, dataset, chosen, params):
    values = {name: np.zeros((len(params.levels), params.images, params.draws)) for name in METRICS}
    model, reference = frozen_copy(model), frozen_copy(reference)
    for place, index in enumerate(chosen):
        clean = next(batches(examples, dataset=dataset, indices=torch.tensor([index]))).images
        for level, epsilon in enumerate(params.levels):
            for draw in range(params.draws):
                unit = unit_noise(
                    params.noise, seed=params.seed, draw=draw, indices=[index], shape=clean.shape[1:]
                )
                image = clean + epsilon * unit
                found = plain_metrics(model(image)[0], reference(image)[0], int(examples.labels[index]))
                for name, value in found.items():
                    values[name][level, place, draw] = value
    return values


@pytest.mark.parametrize("noise", ["uniform", "gaussian"])
def test_one_pass_agrees_with_the_plain_protocol(network, examples, dataset, noise):
    params = settings(noise=noise, seed=3)
    found = run(network, examples, dataset, noise=noise, seed=3)["other"]
    expected = plain_similarity(network(1), network(0), examples, dataset, found["index"].tolist(), params)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values.mean(axis=2), atol=1e-5, err_msg=name)
        np.testing.assert_allclose(found[f"{name}_by_draw"], values.mean(axis=1), atol=1e-5, err_msg=name)
    assert found.keys() == {"index", *expected, *(f"{name}_by_draw" for name in expected)}


def test_batch_size_and_company_change_nothing(network, examples, dataset):
    alone = run(network, examples, dataset)["other"]
    company = {"first": network(2), "other": network(1), "last": network(0)}
    together = run(network, examples, dataset, models=company, batch_size=3)["other"]
    for name, values in alone.items():
        np.testing.assert_allclose(together[name], values, atol=1e-5, err_msg=name)


def test_the_reference_is_itself(network, examples, dataset):
    found = run(network, examples, dataset, models={"itself": network(0)})["itself"]
    for name, same in {
        "agreement": 1,
        "probability_loyalty": 1,
        "softmax_l2": 0,
        "logit_l2": 0,
        "kl": 0,
    }.items():
        np.testing.assert_array_equal(found[name], same, err_msg=name)
    np.testing.assert_array_equal(found["wrong"], found["reference_wrong"])


def test_without_noise_one_draw_stands_for_all(network, examples, dataset):
    seen = []

    def count(module, inputs, output):
        seen.append(len(inputs[0]))

    model = network(1)
    model.register_forward_hook(count)
    found = run(network, examples, dataset, models={"other": model})["other"]
    assert sum(seen) == 10 * (1 + 3 + 3)
    assert np.ptp(found["softmax_l2_by_draw"][0]) == 0
    assert np.ptp(found["softmax_l2_by_draw"][1]) > 0


def test_no_forward_pass_holds_more_than_a_batch(network, examples, dataset):
    seen = []
    model = network(1)
    model.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    run(network, examples, dataset, models={"other": model}, batch_size=4)
    assert max(seen) == 4


def test_every_metric_that_is_analysed_is_measured():
    assert set(analysis.METRICS) <= set(METRICS)


def test_images_are_the_first_of_one_permutation(network, examples, dataset):
    few, many = (run(network, examples, dataset, images=count)["other"] for count in (4, 10))
    np.testing.assert_array_equal(few["index"], many["index"][:4])
    np.testing.assert_allclose(few["kl"], many["kl"][:, :4], atol=1e-5)
    assert len(set(many["index"].tolist())) == 10
    assert run(network, examples, dataset, seed=1)["other"]["index"].tolist() != many["index"].tolist()


def test_pixel_noise_is_normalised_noise_over_the_standard_deviation(network, examples, dataset):
    third = dataset._replace(std=(0.2, 0.2, 0.2))
    pixel = run(network, examples, third, space="pixel", levels=(0.1,))["other"]
    normalised = run(network, examples, third, levels=(0.5,))["other"]
    np.testing.assert_allclose(pixel["softmax_l2"], normalised["softmax_l2"], atol=1e-5)


def test_clipping_keeps_inputs_in_the_range_of_pixels(network, examples, dataset):
    bounds = []
    model = network(1)
    model.register_forward_pre_hook(
        lambda module, inputs: bounds.append((inputs[0].amin((0, 2, 3)), inputs[0].amax((0, 2, 3))))
    )
    run(network, examples, dataset, models={"other": model}, clip=True, levels=(0.0, 5.0))
    mean, std = torch.tensor(dataset.mean), torch.tensor(dataset.std)
    for low, high in bounds:
        assert (low >= -mean / std - 1e-6).all()
        assert (high <= (1 - mean) / std + 1e-6).all()
    torch.testing.assert_close(bounds[-1][0], -mean / std)


def test_metrics_on_numbers_worked_by_hand():
    certain = torch.tensor([[0.0, -200.0], [0.0, 0.0]])
    other = torch.tensor([[-200.0, 0.0], [0.0, 0.0]])
    labels = torch.tensor([0, 1])
    found = dict(
        zip(METRICS, compare(outputs_of(certain, labels), outputs_of(other, labels)).tolist(), strict=True)
    )
    assert found["agreement"] == [0, 1]
    assert found["softmax_l2"] == pytest.approx([math.sqrt(2), 0])
    assert found["softmax_linf"] == pytest.approx([1, 0])
    assert found["logit_l2"] == pytest.approx([200 * math.sqrt(2), 0])
    assert found["kl"] == pytest.approx([200, 0])
    assert found["probability_loyalty"] == pytest.approx([0, 1])
    assert found["wrong"] == [0, 1]
    assert found["reference_wrong"] == [1, 1]


def test_a_prediction_is_right_if_any_accepted_class_is_its():
    labels = torch.tensor([[0, 1], [0, 3], [2, -1]])
    assert outputs_of(torch.tensor([[0.0, 1, 0, 0]] * 3), labels).wrong.tolist() == [False, True, True]


def test_more_images_than_there_are_names_what_there_is(network, examples, dataset):
    with pytest.raises(UsageError, match="25 requested, but the distribution has 24"):
        run(network, examples, dataset, images=25)


def test_a_model_of_other_classes_is_refused(network, examples, dataset):
    with pytest.raises(UsageError, match="9 outputs"):
        run(network, examples, dataset, models={"other": network(1, classes=9)})


def test_segmentation_is_refused(network, examples, dataset):
    with pytest.raises(UsageError, match="segmentation"):
        run(network, examples, dataset._replace(task="segmentation"))
