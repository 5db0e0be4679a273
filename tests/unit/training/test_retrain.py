"""Each retraining mode does what its name says, with the masks held."""

import pytest
import torch
from torch import nn

from prunekit.data.normalise import Normaliser
from prunekit.errors import UsageError
from prunekit.models.archs import build
from prunekit.models.state import load_arrays, to_arrays
from prunekit.params import UNTRAINED_MODES, RetrainParams
from prunekit.pruning.api import prune
from prunekit.training.feed import derived_seed
from prunekit.training.retrain import MODES, UNTRAINED, Pruned, plan_of, recompute_batchnorm, retrain
from prunekit.training.sgd import hold


@pytest.fixture
def parent(tiny):
    """A trained network with its kept early weights, and masks."""
    trained = tiny.train(settings=tiny.settings(keep_epoch=1))
    trained.masks = {
        name: torch.rand(p.shape, generator=torch.Generator().manual_seed(0)) > 0.5
        for name, p in trained.model.named_parameters()
        if name != "fc.bias"
    }
    trained.settings = tiny.settings(keep_epoch=1)
    return trained


def _retrain(tiny, parent, mode: str, **changes: object):
    model = tiny.network()
    load_arrays(model, parent.arrays)
    work = {
        "settings": parent.settings,
        "kept": parent.result.kept,
        "before": parent.arrays,
        "masks": parent.masks,
        **changes,
    }
    result = retrain(model, tiny.examples(), mode=mode, dataset=tiny.dataset(), seed=0, **work)
    return model, result


def test_the_modes_are_those_of_the_params() -> None:
    assert set(MODES) == set(RetrainParams.model_json_schema()["properties"]["mode"]["enum"])
    assert tuple(UNTRAINED) == UNTRAINED_MODES


@pytest.mark.parametrize("mode", MODES)
def test_masks_hold_in_every_mode(tiny, parent, mode: str) -> None:
    model, result = _retrain(tiny, parent, mode)
    for name, parameter in model.named_parameters():
        if name in parent.masks:
            assert not parameter[~parent.masks[name]].any(), name
    assert result.kept is None


@pytest.mark.parametrize(
    ("mode", "epochs"), [("lr-rewind", 3), ("weight-rewind", 2), ("fine-tune", 3), ("scratch", 3)]
)
def test_epochs_of_each_mode(tiny, parent, mode: str, epochs: int) -> None:
    assert len(_retrain(tiny, parent, mode)[1].losses) == epochs


def test_lr_rewind_is_training_again_from_the_pruned_weights(tiny, parent, same) -> None:
    model = tiny.network()
    load_arrays(model, parent.arrays)
    again = tiny.train(model, tiny.settings(), masks=parent.masks)
    assert same(to_arrays(_retrain(tiny, parent, "lr-rewind")[0]), again.arrays)


def test_weight_rewind_without_masks_and_momentum_repeats_the_training(tiny, same) -> None:
    settings = tiny.settings(keep_epoch=1, momentum=0.0)
    parent = tiny.train(settings=settings)
    parent.settings, parent.masks = settings, None
    assert same(to_arrays(_retrain(tiny, parent, "weight-rewind")[0]), parent.arrays)


def test_weight_rewind_needs_kept_weights(tiny, parent) -> None:
    with pytest.raises(UsageError, match="train it with keep_epoch"):
        _retrain(tiny, parent, "weight-rewind", kept=None)


def test_fine_tuning_goes_on_at_the_last_learning_rate(tiny) -> None:
    settings = tiny.settings(epochs=8)
    plan = plan_of("fine-tune", Pruned(settings, None, classes=3, images=40, seed=0))
    assert plan.changes["schedule"] == "constant"
    assert plan.changes["lr"] == pytest.approx(0.05 * 0.01)
    assert plan.changes["warmup_epochs"] == 0


def test_scratch_forgets_the_weights_and_is_not_the_parents_start(tiny, parent) -> None:
    settings = tiny.settings()
    plan = plan_of("scratch", Pruned(settings, None, classes=3, images=40, seed=0))
    fresh = to_arrays(build("resnet8", classes=3, seed=derived_seed(0, "scratch")))
    assert (plan.weights["conv1.weight"] == fresh["conv1.weight"]).all()
    assert (plan.weights["conv1.weight"] != to_arrays(tiny.network())["conv1.weight"]).any()


def test_fewer_epochs_move_unset_milestones(tiny, parent, monkeypatch) -> None:
    seen = {}

    def spy(model, examples, *, settings, **work):
        seen["settings"] = settings

    monkeypatch.setattr("prunekit.training.retrain.fit", spy)
    _retrain(tiny, parent, "lr-rewind", epochs=2)
    assert (seen["settings"].epochs, seen["settings"].keep_epoch) == (2, None)


def test_an_unknown_mode_is_refused(tiny, parent) -> None:
    with pytest.raises(UsageError, match="did you mean 'lr-rewind'"):
        _retrain(tiny, parent, "lr-rewnd")


def test_mode_none_changes_batch_norm_statistics_alone(tiny, parent, same) -> None:
    model, result = _retrain(tiny, parent, "none", masks=None)
    after = to_arrays(model)
    changed = {name for name in after if (after[name] != parent.arrays[name]).any()}
    assert result.losses == ()
    assert changed
    assert all(
        name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked") for name in changed
    )


def test_least_squares_brings_a_pruned_network_back_without_labels(tiny, parent) -> None:
    images = Normaliser(tiny.dataset(), torch.device("cpu"))(tiny.examples().images)

    def gap(model) -> float:
        with torch.no_grad():
            return float((model.eval()(images) - parent.model.eval()(images)).norm())

    pruned = tiny.network()
    load_arrays(pruned, parent.arrays)
    hold(pruned, parent.masks)
    model, result = _retrain(tiny, parent, "least-squares")
    assert (result.losses, result.steps) == ((), 0)
    assert gap(model) < 0.3 * gap(pruned)
    again, _ = _retrain(tiny, parent, "least-squares")
    assert all((to_arrays(model)[name] == value).all() for name, value in to_arrays(again).items())


def test_least_squares_needs_the_weights_before_pruning(tiny, parent) -> None:
    with pytest.raises(UsageError, match="weights before pruning"):
        _retrain(tiny, parent, "least-squares", before=None)


def test_recomputed_statistics_are_the_mean_over_the_batches(tiny) -> None:
    model = tiny.network().eval()
    images = Normaliser(tiny.dataset(), torch.device("cpu"))(tiny.examples().images)
    parts = images.split(20)
    recompute_batchnorm(model, parts)
    with torch.no_grad():
        first = [model.conv1(part) for part in parts]
    torch.testing.assert_close(
        model.bn1.running_mean, torch.stack([x.mean((0, 2, 3)) for x in first]).mean(0)
    )
    torch.testing.assert_close(model.bn1.running_var, torch.stack([x.var((0, 2, 3)) for x in first]).mean(0))
    assert not any(module.training for module in model.modules())
    assert model.bn1.momentum == 0.1


def test_statistics_of_an_empty_set_of_batches_are_left_alone(tiny) -> None:
    model = tiny.network()
    before = to_arrays(model)
    recompute_batchnorm(model, [])
    assert (to_arrays(model)["bn1.running_var"] == before["bn1.running_var"]).all()


@pytest.mark.parametrize("mode", ["lr-rewind", "fine-tune", "scratch"])
def test_filters_that_are_gone_are_not_trained_and_the_rest_is_as_if_they_were(
    tiny, mode, monkeypatch
) -> None:
    """Compact and masked retraining differ by rounding; statistics of dead channels stay as they were."""

    def retrained(compact: bool) -> tuple[nn.Module, object, dict]:
        model = tiny.network()
        masks = prune(model, method="ft", prune_ratio=0.7)
        with monkeypatch.context() as patch:
            if not compact:
                patch.setattr("prunekit.training.retrain.compacted", lambda *args, **how: None)
            result = retrain(
                model,
                tiny.examples(),
                mode=mode,
                settings=tiny.settings(clip_norm=1.0),
                dataset=tiny.dataset(),
                seed=1,
                masks=masks,
            )
        return model, result, masks

    (whole, plain, masks), (small, result, _) = retrained(False), retrained(True)
    assert plain.compact is None
    assert result.compact < 0.6 * sum(parameter.numel() for parameter in whole.parameters())
    assert result.losses == pytest.approx(plain.losses, rel=1e-4)
    for name, value in small.named_parameters():
        torch.testing.assert_close(
            value, dict(whole.named_parameters())[name], rtol=1e-2, atol=1e-4, msg=name
        )
        assert not value[~masks[name]].any() if name in masks else True
    whole.eval(), small.eval()
    images = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(small(images), whole(images), rtol=1e-3, atol=1e-3)


def test_statistics_of_dead_channels_stay_as_the_parent_had_them(tiny) -> None:
    model = tiny.network()
    masks = prune(model, method="ft", prune_ratio=0.7)
    before = {name: value.clone() for name, value in model.named_buffers()}
    settings = tiny.settings()
    retrain(
        model,
        tiny.examples(),
        mode="lr-rewind",
        settings=settings,
        dataset=tiny.dataset(),
        seed=1,
        masks=masks,
    )
    dead = ~masks["layer1.0.bn1.weight"]
    assert dead.any()
    for name in ("layer1.0.bn1.running_mean", "layer1.0.bn1.running_var"):
        now = dict(model.named_buffers())[name]
        assert torch.equal(now[dead], before[name][dead])
        assert not torch.equal(now[~dead], before[name][~dead])
