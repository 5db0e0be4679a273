"""Everything that takes a device gives the same bytes on the CPU and on the pretend GPU, where only devices can differ."""

import numpy as np
import pytest
import torch

from prunekit.base import kernels
from prunekit.data.corruptions import CORRUPTION_ROWS, corrupt
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples, FileExamples
from prunekit.data.mixed import mixed_epoch
from prunekit.errors import UsageError
from prunekit.measure.features import informative_order, transfer
from prunekit.measure.outcomes import outcomes
from prunekit.measure.similarity import noise_similarity
from prunekit.models.archs import build
from prunekit.models.cost import cost
from prunekit.models.state import to_arrays
from prunekit.params import NoiseParams, TrainParams
from prunekit.pruning import compact
from prunekit.pruning.api import prune, sample_size, sensitivities
from prunekit.pruning.masks import apply_
from prunekit.pruning.methods import METHODS
from prunekit.pruning.scores import informed
from prunekit.pruning.shrink import shrink
from prunekit.tasks.segmentation import IGNORED
from prunekit.training import losses, norms
from prunekit.training.checkpoint import Checkpoint
from prunekit.training.loop import fit
from prunekit.training.retrain import MODES, retrain

COUNT, SIZE = 40, (15, 17)  # odd sizes, and a smaller last batch


def examples(size=SIZE, count=COUNT):
    draws = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=draws)
    return ArrayExamples(pixels, torch.randint(0, 3, (count,), generator=draws))


def dataset(augment="crop-flip", size=SIZE, task="classification"):
    half = (0.5,) * 3
    return Dataset(
        "random", task, tuple("abc"), half, half, size, augment, ("train",), lambda split: examples()
    )


def settings(**fields):
    plain = {
        "arch": "resnet8",
        "dataset": "random",
        "epochs": 2,
        "batch_size": 16,
        "precision": "float32",
        "lr": 0.02,
    }
    return TrainParams(**(plain | fields))


def net(seed=0):
    return build("resnet8", classes=3, seed=seed)


def batches(count=1, size=SIZE):
    draws = torch.Generator().manual_seed(1)
    return [(torch.randn(3, 3, *size, generator=draws), torch.tensor([0, 1, 2])) for _ in range(count)]


def arrays(tensors, prefix=""):
    return {f"{prefix}{name}": tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def train(device, images=None, of=None, **how):
    model = net()
    masks = prune(model, method="wt", prune_ratio=0.6)
    more = {name: how.pop(name) for name in ("epoch_images",) if name in how}
    result = fit(
        model,
        images or examples(),
        settings=settings(**how),
        dataset=of or dataset(),
        seed=3,
        device=device,
        masks=masks,
        **more,
    )
    return to_arrays(model) | {"losses": np.array(result.losses)}


def training_with_all_options(device):
    return train(device, clip_norm=1.0, label_smoothing=0.1, nesterov=True, schedule="cosine")


def training_in_bfloat16(device):
    return train(device, precision="bfloat16", epochs=1)


def training_on_resized_crops(device):
    return train(device, of=dataset("resized-crop-flip"), epochs=1)


def robust_training(device):
    images = examples().images.to(device)
    return train(
        device, epoch_images=lambda epoch: mixed_epoch(images, mixture="mix1", seed=1, epoch=epoch), epochs=1
    )


def images_in_files(device):
    held = examples()
    files = FileExamples(
        list(range(COUNT)), held.labels, lambda place: (held.images[place], held.labels[place])
    )
    return train(device, files, epochs=1) | outcomes(net(), files, dataset=dataset(), device=device)


class StoppedError(Exception):
    pass


class StopAfter:
    def __init__(self, steps):
        self.left = steps

    def bar(self, label, total, unit="images"):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def advance(self, amount=1, *, note=""):
        self.left -= 1
        if not self.left:
            raise StoppedError


def training_from_a_checkpoint(device, tmp_path, monkeypatch):
    monkeypatch.setattr(losses, "LOOK_EVERY_ELSEWHERE", 1)
    checkpoint = Checkpoint(tmp_path / f"{device}.safetensors", every_seconds=0, share=1e9)
    how = {"settings": settings(keep_epoch=1), "dataset": dataset(), "seed": 3, "device": device}
    with pytest.raises(StoppedError):
        fit(net(), examples(), checkpoint=checkpoint, progress=StopAfter(5), **how)
    assert checkpoint.path.exists()
    model = net()
    result = fit(model, examples(), checkpoint=checkpoint, **how)
    return (
        to_arrays(model)
        | {"losses": np.array(result.losses)}
        | {f"kept {k}": v for k, v in result.kept.items()}
    )


def segmentation(device):
    draws = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (2, 33, 33), generator=draws)
    labels[:, :4] = IGNORED
    held = ArrayExamples(torch.randint(0, 256, (2, 3, 33, 33), dtype=torch.uint8, generator=draws), labels)
    of = dataset("segment", (33, 33), "segmentation")
    model = Segmenting()
    fit(model, held, settings=settings(epochs=1, batch_size=1), dataset=of, seed=0, device=device)
    return to_arrays(model) | outcomes(model, held, dataset=of, device=device)


class Segmenting(torch.nn.Module):
    """Logits of every pixel, enlarged bilinearly, and those of an auxiliary classifier."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = torch.nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.out, self.aux = torch.nn.Conv2d(6, 3, 1), torch.nn.Conv2d(6, 3, 1)

    def forward(self, x):
        seen = torch.relu(self.body(x))
        named = {"out": self.out(seen), "aux": self.aux(seen)} if self.training else {"out": self.out(seen)}
        large = {
            k: torch.nn.functional.interpolate(v, x.shape[2:], mode="bilinear") for k, v in named.items()
        }
        return large if self.training else large["out"]


class ChunkAndFlatten(torch.nn.Module):
    """Channels that are cut, joined and flattened, and a transposed convolution."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.up, self.first = torch.nn.ConvTranspose2d(3, 3, 2), torch.nn.Conv2d(3, 8, 3, padding=1)
        self.norm, self.second = torch.nn.BatchNorm2d(8), torch.nn.Conv2d(8, 8, 3, stride=4, padding=1)
        self.wide, self.last = torch.nn.Linear(8 * 16, 12), torch.nn.Linear(12, 3)

    def forward(self, x):
        left, right = torch.relu(self.norm(self.first(self.up(x)[:, :, :16, :16]))).chunk(2, 1)
        return self.last(
            torch.relu(self.wide(torch.flatten(torch.relu(self.second(torch.cat([left, right], 1))), 1)))
        )


def network_of(name):
    if name == "chunk and flatten":
        return ChunkAndFlatten(), (16, 16)
    size = (33, 33) if name.startswith("torchvision:") else SIZE
    return build(name, classes=3, seed=0), size


def pruning(method):
    def of(device):
        model = net().to(device)
        whole = {name: torch.ones_like(value, dtype=torch.bool) for name, value in model.named_parameters()}
        # N of every M weights are half of them, and do not fit the first layer's three channels.
        ratio, skipped = (0.4, ("conv1",)) if method == "nm" else (0.7, ())
        how = {"method": method, "prune_ratio": ratio, "skip_layers": skipped}
        masks = prune(model, **how, batches=batches(2), masks=whole)
        assert {mask.device.type for mask in masks.values()} == {torch.device(device).type}
        scores = sensitivities(model, method=method, batches=batches())
        return arrays(scores, "score ") | arrays(masks, "mask ")

    return of


def pruning_and_shrinking(name):
    def of(device):
        model, size = network_of(name)
        model.to(device)
        found = {}
        for method in ("wt", "ft", "taylor"):
            try:
                masks = prune(model, method=method, prune_ratio=0.6, batches=batches(1, size))
            except UsageError as error:  # out of reach here as there
                found[method] = np.frombuffer(str(error).encode(), np.uint8)
                continue
            smaller = shrink(model, masks)
            found |= arrays(masks, f"{method} ") | arrays(smaller.state_dict(), f"{method} shrunk ")
        return found

    return of


def retraining(mode):
    def of(device):
        model, kept, before = net(), to_arrays(net(seed=5)), to_arrays(net())
        masks = prune(model, method="ft", prune_ratio=0.6)
        apply_(model, masks)
        retrain(
            model,
            examples(),
            mode=mode,
            settings=settings(keep_epoch=1),
            dataset=dataset(),
            seed=1,
            kept=kept,
            before=before,
            device=device,
            masks=masks,
        )
        return to_arrays(model)

    return of


def corrupted(name):
    def of(device):
        coarse = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
        smooth = torch.nn.functional.interpolate(coarse, (32, 33), mode="bilinear") * 255
        images = smooth.to(torch.uint8).to(device)
        return {
            table: corrupt(images, corruption=name, severity=severity, table=table, seeds=[3, 1])
            .cpu()
            .numpy()
            for table, severity in (("cifar", 2), ("imagenet", 4))
        }

    return of


def noise(device):
    params = NoiseParams(
        model="a", to="b", images=12, draws=2, levels=(0.0, 0.1, 0.5), clip=True, space="pixel"
    )
    found = noise_similarity(
        {"a": net(1)}, net().to(device), examples(), params=params, dataset=dataset(), device=device
    )
    shifted = outcomes(net(), examples(), dataset=dataset(), noise=("gaussian", 0.1), device=device)
    return found["a"] | shifted


def several_labels(device):
    held = examples()
    labels = torch.stack([held.labels, torch.where(held.labels == 1, -1, (held.labels + 1) % 3)], 1)
    return outcomes(
        net(), ArrayExamples(held.images, labels), dataset=dataset(), device=device, batch_size=16
    )


def features(device):
    held = examples((8, 9), 2)
    how = {"dataset": dataset(size=(8, 9)), "device": device}
    exact = informative_order(net(), held, block=16, **how)
    fast = informative_order(net(), held, block=8, candidates=24, **how)
    return {"exact": exact, "fast": fast, "seen": transfer(fast, net(1), held, kept=(0.1, 0.3), **how)}


def export_and_costs(device):
    model = net().to(device)
    found = shrink(model, prune(model, method="ft", prune_ratio=0.7)).cpu().eval()
    logits = found(torch.ones(2, 3, *SIZE))
    counted = cost(model, SIZE)
    return arrays({"logits": logits}) | {
        "cost": np.array(counted),
        "sample": np.array(sample_size(model, (3, *SIZE))),
    }


NETWORKS = ("chunk and flatten", "densenet22", "torchvision:mobilenet_v2", "torchvision:shufflenet_v2_x0_5")
SLOW = {f"pruning {name}" for name in NETWORKS[1:]} | {"pruning by pfp-rand"}
PATHS = {
    path.__name__: path
    for path in (
        training_with_all_options,
        training_in_bfloat16,
        training_on_resized_crops,
        robust_training,
        images_in_files,
        training_from_a_checkpoint,
        segmentation,
        noise,
        several_labels,
        features,
        export_and_costs,
    )
}
PATHS |= {f"pruning by {method}": pruning(method) for method in METHODS}
PATHS |= {f"pruning {name}": pruning_and_shrinking(name) for name in NETWORKS}
PATHS |= {f"retraining by {mode}": retraining(mode) for mode in MODES}
PATHS |= {f"{name} made": corrupted(name) for name in CORRUPTION_ROWS}
# CUDA has no kernel in a fixed order for bilinear enlarging and losses of pixels, backwards (docs/decisions/044); that
# of a gather adds to each place once.
UNORDERED = {
    "segmentation": {"training/sgd.py", "training/loop.py", "training/checks.py", "data/scoring.py"},
    "features": {"measure/features.py"},
}
# Autocast rounds other operations on a GPU than on a CPU.
ROUNDED = {"training_in_bfloat16": 5e-3}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in PATHS]
)
def test_the_cpu_and_the_pretend_gpu_agree_to_the_bit(name, pretend_gpu, tmp_path, monkeypatch):
    more = {"tmp_path": tmp_path, "monkeypatch": monkeypatch} if name == "training_from_a_checkpoint" else {}
    for field, value in (("GPU_MULTIPLE", 1), ("LEAST_ON_GPU", 0)):  # the same compact network on both
        monkeypatch.setattr(compact, field, value)
    monkeypatch.setattr(kernels, "FEWEST_CHANNELS", 0)  # the same convolutions too
    monkeypatch.setattr(norms, "MANY_CHANNELS", 0)  # and batch norms
    monkeypatch.setattr(informed, "convolves", lambda *of: False)  # and sums
    expected = PATHS[name]("cpu", **more)
    with pretend_gpu() as gpu:
        found = PATHS[name]("cuda", **more)
    assert found.keys() == expected.keys()
    for part, value in expected.items():
        if name in ROUNDED:
            np.testing.assert_allclose(found[part], value, atol=ROUNDED[name], err_msg=part)
        else:
            np.testing.assert_array_equal(found[part], value, err_msg=part)
    assert gpu.launches
    free = {
        place for kind, fixed, _, place in gpu.convolutions if kind == "convolution_backward" and not fixed
    }
    assert not free, "backward convolutions whose kernels CUDA may choose"
    rounded = {place for *_, tf32, place in gpu.convolutions if tf32}
    assert not rounded or name == "export_and_costs", "convolutions in TF32"
    files = {place.partition(":")[0] for _, place in gpu.unordered}
    assert files <= UNORDERED.get(name, set()), "sums in no fixed order"
