"""What a GPU is asked for, counted on the pretend one: waits, kernel launches, and what a captured step would freeze."""

import pytest
import torch

from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.measure.outcomes import outcomes
from prunekit.measure.similarity import noise_similarity
from prunekit.models.archs import build
from prunekit.params import NoiseParams, TrainParams
from prunekit.pruning.api import prune
from prunekit.training.loop import fit

BATCH = 16


def random_images(count):
    draws = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=draws)
    examples = ArrayExamples(pixels, torch.arange(count) % 3)
    half = (0.5,) * 3
    return examples, Dataset(
        "random",
        "classification",
        tuple("abc"),
        half,
        half,
        (16, 16),
        "crop-flip",
        ("train",),
        lambda split: examples,
    )


class Steps:
    """A progress bar that calls ``each`` after every step."""

    def __init__(self, each):
        self.each = each

    def bar(self, label, total, unit="images"):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def advance(self, amount=1, *, note=""):
        self.each()


def train(each, *, count=5 * BATCH, epochs=1, arch="resnet8", **fields):
    examples, of = random_images(count)
    model = build(arch, classes=3, seed=0)
    masks = prune(model, method="wt", prune_ratio=0.6)
    plain = {"epochs": epochs, "batch_size": BATCH, "precision": "bfloat16", "lr": 0.01}
    settings = TrainParams(arch=arch, dataset="random", **(plain | fields))
    fit(
        model,
        examples,
        settings=settings,
        dataset=of,
        seed=0,
        device="cuda",
        masks=masks,
        progress=Steps(each),
    )


@pytest.mark.parametrize("fields", [{}, {"clip_norm": 1.0, "schedule": "cosine", "label_smoothing": 0.1}])
def test_a_training_step_waits_for_nothing(pretend_gpu, fields):
    waited = []
    with pretend_gpu() as gpu:

        def note():
            waited.append(dict(gpu.waits))
            gpu.waits.clear()

        train(note, **fields)
    assert len(waited) == 5
    assert waited[1:-1] == [{}] * 3  # all between the first step, which sets up, and the end of the epoch


def test_two_training_steps_differ_in_the_learning_rate_alone(pretend_gpu):
    """What else changed from step to step on the host's side would be frozen by a CUDA graph."""
    tapes = []
    with pretend_gpu() as gpu:

        def note():
            tapes.append(gpu.tape)
            gpu.tape = []

        train(note, count=4 * BATCH, clip_norm=1.0)
    earlier, later = tapes[1:3]
    assert [operation for operation, *_ in earlier] == [operation for operation, *_ in later]
    differing = {before[0] for before, after in zip(earlier, later, strict=True) if before != after}
    # The places of the next batch among all, and the optimizer's learning rate.
    assert differing <= {"slice.Tensor", "split.Tensor", "_fused_sgd_"}


def launches(gpu, work):
    before = sum(gpu.launches.values())
    work()
    return sum(gpu.launches.values()) - before


def test_launches_and_waits_of_a_measured_batch_are_few(pretend_gpu):
    examples, of = random_images(4 * BATCH)
    with pretend_gpu() as gpu:
        model = build("resnet20", classes=3, seed=0).to("cuda")
        held = examples.to("cuda")

        def measured(count):
            gpu.waits.clear()
            part = held.subset(torch.arange(count))
            asked = launches(gpu, lambda: outcomes(model, part, dataset=of, device="cuda", batch_size=BATCH))
            return asked, sum(gpu.waits.values())

        (few, some), (many, more) = measured(BATCH), measured(4 * BATCH)
    assert (many - few) / 3 <= 135
    assert more == some  # waits of the whole measurement, none of a batch


@pytest.mark.parametrize(("method", "most"), [("wt", 1650), ("ft", 1700), ("snip", 2350), ("sipp", 2850)])
def test_pruning_asks_a_gpu_for_little_beside_the_sensitivities(pretend_gpu, method, most):
    batch = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0])
    with pretend_gpu() as gpu:
        model = build("resnet20", classes=3, seed=0).to("cuda")
        gpu.waits.clear()
        asked = launches(gpu, lambda: prune(model, method=method, prune_ratio=0.8, batches=[batch]))
    assert asked <= most
    assert sum(gpu.waits.values()) <= 500


def test_noise_asks_for_one_forward_and_a_few_more(pretend_gpu):
    examples, of = random_images(BATCH)
    params = NoiseParams(model="a", to="b", images=BATCH, draws=2, levels=(0.1, 0.2))
    with pretend_gpu() as gpu:
        nets = [build("resnet20", classes=3, seed=seed) for seed in (0, 1)]

        def compared():
            noise_similarity({"a": nets[0]}, nets[1], examples, params=params, dataset=of, device="cuda")

        asked = launches(gpu, compared)
    assert asked <= 4 * 2 * 170 + 400  # draws and levels, networks, and copying both networks
