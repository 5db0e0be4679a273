"""A ratio of multiplications is that of the counts of the dense and the shrunk network; ``-m slow`` for the zoo."""

import copy
import warnings

import pytest
import torch
from torch import nn

import zoo
from prunekit.base.multiplications import multiplied
from prunekit.errors import UsageError
from prunekit.models.cost import cost
from prunekit.pruning.api import prune
from prunekit.pruning.graph.tracing import trace
from prunekit.pruning.masks import apply_
from prunekit.pruning.shrink import shrink


class Rows(nn.Module):
    """A classifier of images that reads their rows as a sequence."""

    def __init__(self, kind, **how):
        super().__init__()
        self.layers, turns = kind(24, 48, batch_first=True, **how), 2 if how.get("bidirectional") else 1
        self.mix, self.head = nn.Linear(turns * (how.get("proj_size") or 48), 32), nn.Linear(32, 5)

    def forward(self, x):
        states = self.layers(x.transpose(1, 2).flatten(2))[0]
        return self.head(torch.relu(self.mix(states.mean(1))))


class Shared(nn.Module):
    """One block that runs three times, and one layer that runs at two sizes of image."""

    def __init__(self):
        super().__init__()
        self.stem, self.block, self.head = (
            nn.Conv2d(3, 32, 3),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.Linear(32, 5),
        )

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for _ in range(2):
            x = torch.relu(self.block(x))
        return self.head(torch.relu(self.block(x[:, :, ::2, ::2])).mean((2, 3)))


def _vision_transformer():
    from torchvision.models import VisionTransformer

    return VisionTransformer(32, 8, 2, 4, 64, 128, num_classes=5)


class Grouped(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 32, 3), nn.Conv2d(32, 32, 3, groups=32), nn.ReLU(), nn.Conv2d(32, 64, 1), nn.ReLU(),
            nn.Conv2d(64, 64, 3, groups=8), nn.ReLU(), nn.ConvTranspose2d(64, 32, 2, 2), nn.ReLU(),
            nn.Conv2d(32, 32, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5),
        )  # fmt: skip


IMAGES = {
    "vit": (_vision_transformer, 32),
    "encoder": (zoo.OWN["transformer_encoder"], 64),
    "attention": (zoo.OWN["attention_module"], 64),
    "lstm": (lambda: Rows(nn.LSTM, num_layers=2), 8),
    "gru": (lambda: Rows(nn.GRU, bidirectional=True), 8),
    "projected": (lambda: Rows(nn.LSTM, proj_size=24), 8),
    "shared": (Shared, 16),
    "grouped": (Grouped, 16),
    "unet": (zoo.OWN["unet"], 16),
    "functional": (zoo.OWN["functional_conv"], 16),
    "weight norm": (zoo.OWN["weight_norm"], 16),
}


def quietly(function, *args, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **how)


@pytest.mark.parametrize("ratio", [0.3, 0.6])
@pytest.mark.parametrize("name", IMAGES)
def test_the_ratio_is_that_of_the_costs(name, ratio):
    torch.manual_seed(0)
    make, side = IMAGES[name]
    model = make().eval()
    example = torch.randn(2, 3, side, side)
    masks = quietly(
        prune, model, method="ft", prune_ratio=ratio, coupled=True, target="multiplications", example=example
    )
    small, masked = quietly(shrink, model, masks, example=example), copy.deepcopy(model)
    apply_(masked, masks)
    before, after = (quietly(cost, each, (side, side)) for each in (model, small))
    assert 1 - after.multiplications / before.multiplications == pytest.approx(ratio, abs=0.02)
    assert cost(masked, (side, side)).nonzero_multiplications == after.nonzero_multiplications
    assert after.nonzero_multiplications == pytest.approx(after.multiplications, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_ratio_is_that_of_the_counts_in_the_zoo(name):
    model = zoo.build(name)
    try:
        masks = quietly(prune, model, method="ft", prune_ratio=0.5, coupled=True, target="multiplications")
    except UsageError as error:
        pytest.skip(str(error))
    example = quietly(trace, model).example
    counts = []
    for each in (model, quietly(shrink, model, masks)):
        with multiplied(each) as found:
            each(*example)
        counts.append(found.total)
    assert 1 - counts[1] / counts[0] == pytest.approx(0.5, abs=0.02)
