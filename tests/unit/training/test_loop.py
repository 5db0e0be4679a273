"""The loop: it learns, it is the plain loop, it is the same every time, and it refuses what cannot work."""

import pytest
import torch
from torch import nn

from prunekit.data.examples import ArrayExamples
from prunekit.data.normalise import Normaliser
from prunekit.errors import PrunekitError
from prunekit.models.state import to_arrays
from prunekit.training.feed import derived_seed, generator
from prunekit.training.loop import autocast, fit, task_loss
from prunekit.training.schedules import learning_rate


def _plain_loop(tiny) -> nn.Module:
    """Two epochs written out: no augmentation, no masks, torch's own optimizer."""
    settings, dataset, examples = tiny.settings(epochs=2), tiny.dataset("none"), tiny.examples()
    model = tiny.network().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9, weight_decay=1e-4)
    step = 0
    for epoch in range(2):
        order = torch.randperm(40, generator=generator(0, "order", epoch))
        for part in order.split(16):
            images = Normaliser(dataset, torch.device("cpu"))(examples.images[part])
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), examples.labels[part]).backward()
            optimizer.param_groups[0]["lr"] = learning_rate(settings, step, 3)
            optimizer.step()
            step += 1
    return model


def test_it_is_the_plain_loop(tiny) -> None:
    ours = tiny.train(settings=tiny.settings(epochs=2), dataset=tiny.dataset("none")).model
    for (name, mine), plain in zip(ours.named_parameters(), _plain_loop(tiny).parameters(), strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-3, atol=1e-5, msg=name)


def test_it_learns(tiny) -> None:
    trained = tiny.train(settings=tiny.settings(epochs=8))
    assert trained.result.losses[-1] < 0.5 * trained.result.losses[0]
    assert len(trained.result.losses) == 8
    assert trained.result.steps == 24


def test_equal_seeds_give_equal_bytes_whatever_the_global_generator_says(tiny, same) -> None:
    torch.manual_seed(1)
    first = tiny.train()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again, other = tiny.train(), tiny.train(seed=1)
    assert same(first.arrays, again.arrays)
    assert first.result.losses == again.result.losses
    assert not same(first.arrays, other.arrays)
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_too_is_a_function_of_the_seed(tiny, same) -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(192, 3))

    initial = network().state_dict()

    def trained(seed: int) -> dict:
        model = network()
        model.load_state_dict(initial)
        return tiny.train(model, seed=seed).arrays

    assert same(trained(0), trained(0))


def test_masks_hold_at_every_step_and_for_batch_norm(tiny) -> None:
    model = tiny.network()
    masks = {name: torch.rand(p.shape) > 0.5 for name, p in model.named_parameters()}

    class Watch:
        steps = 0

        def bar(self, *given):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def advance(self, amount=1, *, note=""):
            self.steps += 1
            for name, parameter in model.named_parameters():
                assert not parameter[~masks[name]].any(), name

    watch = Watch()
    tiny.train(model, masks=masks, progress=watch)
    assert watch.steps == 9


def test_progress_counts_every_image(tiny) -> None:
    class Count:
        total = done = 0

        def bar(self, label, total, unit="images"):
            self.total = total
            return self

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def advance(self, amount=1, *, note=""):
            self.done += amount

    count = Count()
    tiny.train(progress=count)
    assert (count.total, count.done) == (120, 120)


def test_an_early_epoch_is_kept(tiny, same) -> None:
    short = tiny.train(settings=tiny.settings(epochs=3, schedule="constant", keep_epoch=1))
    one = tiny.train(settings=tiny.settings(epochs=1, schedule="constant"))
    assert same(short.result.kept, one.arrays)
    assert not same(short.result.kept, short.arrays)
    initial = to_arrays(tiny.network())
    assert same(tiny.train(settings=tiny.settings(epochs=1, keep_epoch=0)).result.kept, initial)


def test_starting_at_an_epoch_goes_on_in_the_schedule(tiny) -> None:
    result = tiny.train(start_epoch=2).result
    assert len(result.losses) == 1
    assert result.steps == 9


def test_the_mode_of_the_model_is_given_back(tiny) -> None:
    assert not tiny.train(tiny.network().eval(), tiny.settings(epochs=1)).model.training


def test_a_loss_that_is_not_finite_stops_with_its_step(tiny) -> None:
    model = tiny.network()
    with torch.no_grad():
        model.fc.weight.fill_(float("inf"))
    with pytest.raises(PrunekitError, match="epoch 1, step 1"):
        tiny.train(model)


def test_precision() -> None:
    from prunekit.params import TrainParams

    def enabled(precision: str) -> bool:
        settings = TrainParams(arch="resnet20", dataset="digits", precision=precision)
        return autocast(settings, torch.device("cpu"))._enabled

    assert [enabled(name) for name in ("auto", "float32", "bfloat16")] == [False, False, True]


def test_bfloat16_trains_float32_weights(tiny) -> None:
    trained = tiny.train(settings=tiny.settings(epochs=6, precision="bfloat16"))
    assert all(parameter.dtype == torch.float32 for parameter in trained.model.parameters())
    assert trained.result.losses[-1] < trained.result.losses[0]


def test_the_auxiliary_loss_counts_half() -> None:
    labels = torch.tensor([0, 1])
    logits, aux = torch.randn(2, 3), torch.randn(2, 3)
    parts = [nn.functional.cross_entropy(values, labels) for values in (logits, aux)]
    both = task_loss("classification", {"out": logits, "aux": aux}, labels, 0.0)
    assert both.item() == pytest.approx((parts[0] + 0.5 * parts[1]).item())


def test_label_smoothing_reaches_the_loss(tiny) -> None:
    plain, smooth = (
        tiny.train(settings=tiny.settings(epochs=1, label_smoothing=s)).result.losses for s in (0.0, 0.5)
    )
    assert plain != smooth


def test_segmentation_trains_with_its_void_pixels_left_out(tiny) -> None:
    class PerPixel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)
            nn.init.zeros_(self.conv.weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x)

    images = torch.zeros(16, 3, 8, 8, dtype=torch.uint8)
    images[:, :, 4:] = 255
    maps = (images[:, 0] > 0).long()
    maps[:, 3:5] = 255
    dataset = tiny.dataset("segment", classes=2)._replace(task="segmentation")
    settings = tiny.settings(epochs=10, batch_size=8, lr=0.5, schedule="poly")
    model = PerPixel()
    result = fit(model, ArrayExamples(images, maps), settings=settings, dataset=dataset, seed=0)
    assert result.losses[-1] < 0.25 * result.losses[0]


def test_derived_seeds_are_golden() -> None:
    # Stored models were trained with these: a change would silently unmake every key.
    assert derived_seed(0, "order", 0) == 3955691223199900983
    assert torch.randperm(5, generator=generator(0, "order", 0)).tolist() == [1, 4, 3, 2, 0]


class Hungry(nn.Module):
    """A network on a device with memory for ``most`` images in training, and for ``probe`` in evaluation."""

    def __init__(self, most: int, probe: int = 1) -> None:
        super().__init__()
        self.most, self.probe, self.last = most, probe, nn.Linear(3, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > (self.most if self.training else self.probe):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.last(images.mean((2, 3)))


def test_too_large_a_batch_for_the_device_names_the_size_to_try(tiny) -> None:
    with pytest.raises(
        PrunekitError, match="too little memory for a training step of 16 images: try batch_size 8"
    ):
        tiny.train(model=Hungry(most=8))
    with pytest.raises(torch.OutOfMemoryError):  # no word of images that do not fit the network
        tiny.train(model=Hungry(most=8, probe=0))


def test_bfloat16_by_emulation_is_not_taken_unasked(tiny, pretend_gpu) -> None:
    def wanted(precision: str, has: bool) -> bool:
        with pretend_gpu(bf16=has), autocast(tiny.settings(precision=precision), torch.device("cuda")):
            return torch.is_autocast_enabled("cuda")

    assert (wanted("auto", True), wanted("auto", False), wanted("float32", True)) == (True, False, False)


def test_random_numbers_of_every_gpu_are_restored(tiny, pretend_gpu, monkeypatch) -> None:
    """A seed is given to all GPUs of the process, not to the one that trains alone."""
    restored: list[int] = []
    with pretend_gpu(), monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "device_count", lambda: 3)
        patch.setattr(torch.cuda, "get_rng_state", lambda device: torch.tensor([device]))
        patch.setattr(torch.cuda, "set_rng_state", lambda state, device: restored.append(int(state)))
        tiny.train(device="cuda", settings=tiny.settings(epochs=1))
    assert restored == [0, 1, 2] * 2  # after the trial step, and after training
