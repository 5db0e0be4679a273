import pytest
import torch
from torch import nn

from prunekit.errors import PrunekitError, UsageError
from prunekit.measure.batches import Guard, batches, checked_logits, default_batch_size, frozen_copy


def test_batches_hold_the_wanted_examples_in_their_order(examples, dataset):
    wanted = torch.tensor([5, 3, 8, 0, 21])
    parts = list(batches(examples, dataset=dataset, indices=wanted, batch_size=2))
    assert [len(part.images) for part in parts] == [2, 2, 1]
    assert torch.cat([part.indices for part in parts]).equal(wanted)
    assert torch.cat([part.labels for part in parts]).equal(examples.labels[wanted])
    everything = next(iter(batches(examples, dataset=dataset)))
    assert torch.cat([part.images for part in parts]).equal(everything.images[wanted])


def test_reading_batches_leaves_the_examples_as_they_were(examples, dataset):
    before = examples.images.clone()
    list(batches(examples, dataset=dataset))
    assert examples.images.equal(before)


def test_no_images_is_one_line(examples, dataset):
    with pytest.raises(UsageError, match="no images"):
        next(batches(examples.subset(torch.arange(0)), dataset=dataset))


@pytest.mark.parametrize(
    ("size", "device", "expected"), [((32, 32), "cpu", 64), ((224, 224), "cpu", 8), ((32, 32), "cuda", 4096)]
)
def test_batches_hold_about_the_same_number_of_pixels(size, device, expected):
    assert default_batch_size(size, device) == expected


def test_the_caller_s_model_is_not_touched(network):
    model = network().train()
    model[3].eval()
    frozen = frozen_copy(model)
    assert not any(part.training for part in frozen.modules())
    assert [part.training for part in model] == [True, True, True, False, True, True]
    assert all(value.requires_grad for value in model.parameters())
    with torch.no_grad():
        frozen[0].weight.zero_()
    assert model[0].weight.any()


def test_a_model_of_other_classes_is_refused(network):
    with pytest.raises(UsageError, match=r"7 outputs.*4 classes"):
        checked_logits(network(classes=7).eval(), torch.zeros(2, 3, 6, 6), 4, Guard())


def test_a_model_of_other_inputs_is_refused_in_one_line(network):
    with pytest.raises(PrunekitError, match="3 x 9 x 9") as refusal:
        checked_logits(network().eval(), torch.zeros(2, 3, 9, 9), 4, Guard())
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_outputs_that_are_not_finite_are_refused(network, bad):
    model = network().eval()
    nn.init.constant_(model[-1].bias, bad)
    with pytest.raises(PrunekitError, match="not finite"):
        checked_logits(model, torch.zeros(2, 3, 6, 6), 4, Guard())


def test_the_named_output_of_a_segmentation_network_is_its_logits():
    class Named(nn.Module):
        def forward(self, images):
            return {"out": images + 1, "aux": images}

    assert checked_logits(Named(), torch.zeros(1, 3, 2, 2), 3, Guard()).equal(torch.ones(1, 3, 2, 2))


@pytest.mark.gpu
def test_on_a_gpu_outputs_are_looked_at_once_at_the_end(network, gpu):
    model = network().eval().to("cuda")
    nn.init.constant_(model[-1].bias, float("nan"))
    guard = Guard()
    waits = None if gpu is None else sum(gpu.waits.values())
    checked_logits(model, torch.zeros(2, 3, 6, 6, device="cuda"), 4, guard)
    assert gpu is None or sum(gpu.waits.values()) == waits
    with pytest.raises(PrunekitError, match="not finite"):
        guard.check()


class Small(nn.Module):
    """A network on a device that has memory for ``most`` images."""

    def __init__(self, most):
        super().__init__()
        self.most, self.sizes = most, []

    def forward(self, images):
        self.sizes.append(len(images))
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return images.mean((2, 3))


def test_a_batch_that_does_not_fit_is_forwarded_in_halves_and_later_ones_too():
    model, guard = Small(most=3), Guard()
    images = torch.arange(8 * 3 * 2 * 2.0).view(8, 3, 2, 2)
    found = checked_logits(model, images, 3, guard)
    assert torch.equal(found, images.mean((2, 3)))
    assert model.sizes == [8, 4, 2, 2, 4, 2, 2]
    model.sizes.clear()
    assert torch.equal(checked_logits(model, images, 3, guard), found)
    assert model.sizes == [2] * 4


def test_a_device_without_memory_for_one_image_is_no_bad_input():
    with pytest.raises(PrunekitError, match="too little memory to forward a single image"):
        checked_logits(Small(most=0), torch.zeros(2, 3, 2, 2), 3, Guard())
