import warnings

import pytest
import torch
from torch import nn

from prunekit.errors import PrunekitWarning, UsageError
from prunekit.models.archs import build
from prunekit.pruning.api import prune, sample_size, sensitivities
from prunekit.pruning.layers import prunable_layers
from prunekit.pruning.masks import apply_, prune_ratio, total_parameters
from prunekit.pruning.methods import METHODS, Method

X = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(4)


def small():
    return build("resnet8", classes=10, seed=0)


def test_sample_size_is_the_authors():
    assert sample_size(build("resnet20", classes=10), (3, 32, 32)) == 183
    assert sample_size(build("densenet22", classes=10), (3, 32, 32)) == 188


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 0.97])
def test_weight_methods_hit_the_ratio_to_the_weight(ratio):
    model = small()
    masks = prune(model, method="wt", prune_ratio=ratio)
    assert abs(prune_ratio(masks, total_parameters(model)) - ratio) * total_parameters(model) <= 1


def test_the_ratio_counts_from_the_unpruned_parent():
    model = small()
    total = 2 * total_parameters(model)
    masks = prune(model, method="wt", prune_ratio=0.75, total=total)
    assert sum(int(mask.sum()) for mask in masks.values()) == round(0.25 * total)


def test_masks_in_force_are_never_revived():
    model = small()
    first = prune(model, method="ft", prune_ratio=0.4)
    apply_(model, first)
    second = prune(model, method="wt", prune_ratio=0.7, masks=first)
    assert not any((second[name] & ~mask).any() for name, mask in first.items())
    assert prune_ratio(second, total_parameters(model)) == pytest.approx(0.7, abs=1e-4)


def test_a_skipped_layer_loses_nothing_alive():
    model = small()
    masks = prune(model, method="wt", prune_ratio=0.5, skip_layers=["conv1"])
    assert masks["conv1.weight"].all()
    assert not prune(model, method="wt", prune_ratio=0.5)["conv1.weight"].all()


def test_shared_weights_count_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.head(torch.relu(self.b(torch.relu(self.a(x)))))

    model = Twice()
    assert list(prunable_layers(model)) == ["a", "head"]
    masks = prune(model, method="wt", prune_ratio=0.3)
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(
        0.3, abs=0.5 / total_parameters(model)
    )


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU(), nn.Conv1d(8, 8, 3, groups=2), nn.ReLU(), nn.Conv1d(8, 2, 1)),
        nn.Sequential(nn.Conv3d(3, 40, 2), nn.BatchNorm3d(40), nn.ReLU(), nn.Conv3d(40, 4, 1)),
        nn.Sequential(nn.ConvTranspose2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 6, 2, groups=2), nn.Conv2d(6, 2, 1)),
        nn.Sequential(nn.Conv2d(3, 40, 1), nn.ReLU(), nn.Conv2d(40, 40, 3, groups=40), nn.ReLU(), nn.Conv2d(40, 2, 1)),
    ],
    ids=["conv1d-grouped", "conv3d", "transposed", "depthwise"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["wt", "ft", "sipp", "pfp"])
def test_all_kinds_of_layers(model, method):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for layer in model:
            getattr(layer, "reset_parameters", int)()
    rank = {nn.Conv1d: 1, nn.Conv3d: 3}.get(type(model[0]), 2)
    inputs = torch.randn(3, 3, *[7] * rank, generator=torch.Generator().manual_seed(0))
    masks = prune(model, method=method, prune_ratio=0.4, batches=[inputs])
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(0.4, abs=0.02)


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x):
        return self.c(torch.relu(self.b(x if x.sum() > 1e9 else torch.relu(self.a(x)))))


@pytest.mark.parametrize("method", ["wt", "ft"])
def test_an_untraceable_model_is_pruned_layer_by_layer_and_says_so(method):
    with pytest.warns(PrunekitWarning, match="cannot trace Untraceable"):
        masks = prune(Untraceable(), method=method, prune_ratio=0.3)
    assert prune_ratio(masks, total_parameters(Untraceable())) == pytest.approx(0.3, abs=0.02)
    assert masks["c.weight"].any(1).all()


def test_layers_inside_attention_are_left_alone_and_named():
    timm = pytest.importorskip("timm")
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=10)
    with pytest.warns(PrunekitWarning, match=r"not pruned.*blocks\.0\.attn\.qkv"):
        masks = prune(model, method="ft", prune_ratio=0.2)
    assert masks["blocks.0.attn.qkv.weight"].all()
    assert not masks["blocks.0.mlp.fc1.weight"].all()


def tiny():
    return nn.Sequential(nn.Linear(4, 2, bias=False), nn.ReLU(), nn.Linear(2, 4))


def broken():
    model = small()
    model.conv1.weight.data[0, 0, 0, 0] = float("nan")
    return model


MISTAKES = {
    "no prunable layer": (lambda: nn.Sequential(nn.ReLU()), {}, "no prunable layer"),
    "a method that is not there": (small, {"method": "sippp"}, "did you mean 'sipp'"),
    "an unknown skipped layer": (small, {"skip_layers": ["conv2"]}, "unknown layer 'conv2'; did you mean 'conv1'"),
    "no batches": (small, {"method": "sipp"}, "sipp needs data: pass batches"),
    "no labels": (small, {"method": "snip", "batches": [X]}, "snip needs the loss"),
    "batches of the wrong shape": (small, {"method": "pfp", "batches": [X[:, :1]]}, r"shape \(4, 1, 16, 16\) does not fit"),
    "images of the wrong shape for their labels": (small, {"method": "taylor", "batches": [(X, LABELS[:2])]}, r"labels of shape \(2,\) does not fit"),
    "labels out of range": (small, {"method": "snip", "batches": [(X, LABELS + 99)]}, r"labels of shape \(4,\) does not fit this model: .*out of bounds"),
    "one tensor as batches": (small, {"method": "pfp", "batches": X}, "a list of batches, not one tensor"),
    "images without a batch": (small, {"method": "pfp", "batches": [X[0]]}, r"a batch of shape \(3, 16, 16\) does not fit"),
    "empty batches": (small, {"method": "pfp", "batches": [X[:0]]}, "pass batches"),
    "every layer skipped": (tiny, {"skip_layers": ["0", "2"]}, "every prunable layer is skipped"),
    "batches that are no tensors": (small, {"method": "pfp", "batches": ["image"]}, "must be a tensor"),
    "weights that are not finite": (broken, {}, "layer 'conv1' has weights that are not finite"),
    "weights that are not finite, with data": (broken, {"method": "sipp", "batches": [X]}, "layer 'conv1' has weights that are not finite"),
    "weights that are not finite, for a control": (broken, {"method": "random"}, "layer 'conv1' has weights that are not finite"),
    "gradients that are not finite": (small, {"method": "snip", "batches": [(X / 0, LABELS)]}, "'conv1' has activations, gradients or norms that are not finite"),
    "inputs that are not finite": (small, {"method": "sipp", "batches": [X / 0]}, "'conv1' gets inputs that are not finite"),
    "a ratio that is none": (small, {"prune_ratio": 1.0}, "between 0 and 1"),
    "a ratio out of reach": (tiny, {"method": "ft", "prune_ratio": 0.9}, r"ft cannot reach prune ratio 0\.9 .*reachable: 0\.000 to 0\.4"),
    "a ratio between two filters": (tiny, {"method": "ft", "prune_ratio": 0.2}, r"prune ratio 0\.2 .* nearest possible ratios are 0\.000 and 0\.400"),
    "masks of another model": (small, {"masks": {"x": torch.ones(1, dtype=torch.bool)}}, "matches no parameter"),
    "masks of another shape": (small, {"masks": {"fc.bias": torch.ones(1, dtype=torch.bool)}}, "has shape"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_line(mistake):
    model, given, message = MISTAKES[mistake]
    with pytest.raises(UsageError, match=message) as raised:
        prune(model(), **({"method": "wt", "prune_ratio": 0.5} | given))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("method", ["sipp", "pfp", "thinet", "taylor"])
def test_a_batch_without_images_changes_nothing(method):
    expected = sensitivities(small(), method=method, batches=[(X, LABELS)])
    found = sensitivities(small(), method=method, batches=[(X[:0], LABELS[:0]), (X, LABELS)])
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_one_image_without_an_axis_for_images_is_a_batch_of_one():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1))
    found = sensitivities(model, method="sipp", batches=[X[0]])
    expected = sensitivities(model, method="sipp", batches=[X[:1]])
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_an_error_leaves_no_hook_and_the_mode():
    model = small().train()
    with pytest.raises(UsageError):
        sensitivities(model, method="pfp", batches=[X[:, :1]])
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
    assert all(module.training for module in model.modules())


def forget():
    for name in ("_rows", "_points"):
        METHODS.__dict__.pop(name, None)


def test_a_plugin_adds_a_method(monkeypatch):
    class Point:
        name = "smallest-bias"

        @staticmethod
        def load():
            return Method(
                "weight", "global", False, lambda subject: ones(subject), lambda scores: scores, "here"
            )

    def ones(subject):
        return {name: layer.tensor().abs() for name, layer in subject.layers.items()}

    monkeypatch.setattr(
        "prunekit.registry.ENTRY_POINTS", lambda group: [Point] if group == "prunekit.methods" else []
    )
    forget()
    try:
        theirs = prune(small(), method="smallest-bias", prune_ratio=0.5)
        ours = prune(small(), method="wt", prune_ratio=0.5)
        assert all(torch.equal(theirs[name], ours[name]) for name in ours)
    finally:
        forget()


def test_nothing_is_said_where_everything_is_followed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prune(small(), method="ft", prune_ratio=0.5)


class OnlyEleven(nn.Module):
    """Takes vectors of 11 numbers cut into steps: no input guessed from its layers fits."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(2, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.first(x.unflatten(1, (11, 2))).relu().sum(1))


@pytest.mark.parametrize("wrap", [list, tuple])
def test_a_method_that_looks_at_no_data_is_traced_with_the_first_of_a_list_of_batches(wrap):
    batches = wrap([(torch.randn(3, 22), torch.zeros(3)), None])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks = prune(OnlyEleven(), method="ft", prune_ratio=0.46, batches=batches)
    assert masks["first.bias"].sum() == masks["last.weight"].any(0).sum() == 3  # 15 of 32 entries


@pytest.mark.parametrize("batches", [[], [{"ids": 1}], [[]], torch.randn(4, 3, 8), iter([1])])
def test_a_method_that_looks_at_no_data_ignores_batches_it_cannot_use(batches):
    masks = prune(small(), method="wt", prune_ratio=0.5, batches=batches)
    assert abs(prune_ratio(masks, total_parameters(small())) - 0.5) < 0.001
