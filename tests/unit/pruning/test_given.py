"""Wrong values of the functions of pruning: each is refused in one line that says what to pass."""

import pytest
import torch
from torch import nn

import prunekit
from prunekit.errors import UsageError
from prunekit.pruning.asking import already_pruned, out_of_reach
from prunekit.pruning.masks import prune_ratio, total_parameters

X = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3])
NAN = float("nan")


class Net(nn.Module):
    """The channels of ``c`` are normalised together and stay; those of ``a`` and ``b`` can go."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 12, 3), nn.Conv2d(12, 8, 1)
        self.h = nn.Linear(8, 5)

    def forward(self, x):
        found = self.c(self.b(self.a(x).relu()).relu())
        return self.h(nn.functional.normalize(found, dim=1).mean((2, 3)))


class Two(nn.Module):
    """A network of two inputs."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.h = nn.Linear(8, 16), nn.Linear(6, 16), nn.Linear(16, 5)

    def forward(self, x, y):
        return self.h((self.a(x) + self.b(y)).relu())


class Nothing(nn.Module):
    """A network without parameters."""

    def forward(self, x):
        return x


def meta():
    with torch.device("meta"):
        return Net()


def lazy():
    return nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))


def whole_numbers():
    model = Nothing()
    model.table = nn.Parameter(torch.ones(3, dtype=torch.int8), requires_grad=False)
    return model


NO_NETWORKS = {
    "nothing": (lambda: None, "not None: pass the network itself"),
    "a name": (lambda: "resnet8", r"not 'resnet8': build it first, as with prunekit\.build"),
    "a class": (lambda: Net, "not the class Net: pass an object of this class"),
    "a state dict": (lambda: Net().state_dict(), "load this state dict into it"),
    "a function": (lambda: len, "must be a torch.nn.Module, not a builtin_function_or_method"),
}
NOTHING_TO_PRUNE = {
    "no parameters": (Nothing, "Nothing has no parameters"),
    "parameters of whole numbers": (whole_numbers, "no floating-point parameters"),
    "lazy layers": (lazy, r"'0\.weight' is not initialised: run the network once"),
    "complex weights": (lambda: Net().to(torch.complex64), "complex weights: prunekit prunes real ones"),
}
CALLS = {
    "prune": lambda model: prunekit.prune(model, method="wt", prune_ratio=0.5),
    "sensitivities": lambda model: prunekit.sensitivities(model, method="wt"),
    "explain": prunekit.explain,
    "shrink": lambda model: prunekit.shrink(model, {}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fault", NO_NETWORKS | NOTHING_TO_PRUNE)
@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_network_with_weights_is_refused(call, fault):
    model, message = (NO_NETWORKS | NOTHING_TO_PRUNE)[fault]
    with pytest.raises(UsageError, match=message) as raised:
        CALLS[call](model())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("fault", NO_NETWORKS)
def test_masks_are_applied_to_networks_only(fault):
    model, message = NO_NETWORKS[fault]
    with pytest.raises(UsageError, match=message):
        prunekit.apply_(model(), {})


@pytest.mark.parametrize("call", ["prune", "sensitivities", "shrink"])
def test_weights_without_values_are_refused_but_explained(call):
    with pytest.raises(UsageError, match=r"'a\.weight' has no values \(device meta\): .*to_empty"):
        CALLS[call](meta())
    assert "stays: it produces the network's outputs" in prunekit.explain(meta())


WRONG = [
    ({"prune_ratio": "0.5"}, "prune_ratio must be between 0 and 1, not '0.5'"),
    ({"prune_ratio": NAN}, "prune_ratio must be between 0 and 1, not nan"),
    ({"prune_ratio": True}, "prune_ratio must be between 0 and 1, not True"),
    ({"prune_ratio": torch.ones(2)}, "prune_ratio must be between 0 and 1, not a Tensor"),
    ({"round_to": 0}, "round_to must be a whole number of at least 1, not 0"),
    ({"round_to": -2}, "round_to must be a whole number of at least 1, not -2"),
    ({"round_to": 2.5}, r"round_to must be a whole number of at least 1, not 2\.5"),
    ({"max_layer_ratio": NAN}, "max_layer_ratio must be a number above 0 and at most 1 .*not nan"),
    ({"max_layer_ratio": 1.5}, r"max_layer_ratio must be .*not 1\.5"),
    ({"max_layer_ratio": 0}, "max_layer_ratio must be .*not 0"),
    ({"max_layer_ratio": -1}, "max_layer_ratio must be .*not -1"),
    ({"layer_ratios": [0.2]}, r"layer_ratios must be a mapping .*not \[0\.2\]"),
    ({"layer_ratios": {"a": 1.2}}, r"layer_ratios must be .*shares in \[0, 1\)"),
    ({"layer_ratios": {"a": -0.3}}, r"layer_ratios must be .*shares in \[0, 1\)"),
    ({"layer_ratios": {"a": NAN}}, r"layer_ratios must be .*shares in \[0, 1\)"),
    ({"layer_ratios": {0: 0.3}}, "layer_ratios must be a mapping"),
    ({"skip_layers": [0]}, r"skip_layers must be a list of layer names, such as \['conv1'\], not \[0\]"),
    ({"skip_layers": "ab"}, "skip_layers must be a list of layer names"),
    ({"skip_layers": None}, "skip_layers must be a list of layer names"),
    ({"coupled": "no"}, "coupled must be True or False, not 'no'"),
    ({"target": "bogus"}, "unknown target 'bogus' .one of: parameters, multiplications"),
    ({"target": None}, "unknown target 'None'"),
    ({"total": 0}, "total must be a whole number of at least 1"),
    ({"total": -5}, "total must be a whole number of at least 1"),
    ({"total": 10}, "total=10 is less than the 1249 parameters that this model has left"),
    ({"total": 10**9}, "with total=1000000000, of which this model has 1249 left, it is already pruned"),
    ({"seed": "a"}, "seed must be a whole number, not 'a'"),
    ({"options": [1]}, r"options must be a mapping .*not \[1\]"),
    ({"batches": None, "method": "pfp"}, "pfp needs data: pass batches"),
    ({"batches": 5, "method": "pfp"}, "batches must be a list of batches, not a int"),
    ({"example": "x"}, "example must be a tensor, or a tuple of tensors .*not 'x'"),
    ({"example": {"x": X}}, "example must be a tensor, .*not a mapping: pass its values in the order"),
    ({"example": ()}, "example must be a tensor"),
    ({"example": X[:0]}, r"example has a tensor of shape \(0, 3, 16, 16\): pass at least one input"),
    ({"example": torch.tensor(1.0)}, r"example has a tensor of shape \(\)"),
    ({"masks": [1]}, r"masks must be a mapping {parameter name: bool tensor}.*not \[1\]"),
    ({"masks": []}, r"masks must be a mapping"),
    ({"masks": {"a.weight": [True]}}, r"masks must be a mapping .*mask 'a.weight' is \[True\]"),
]


@pytest.mark.parametrize(("given", "message"), WRONG, ids=[str(given)[:50] for given, _ in WRONG])
def test_a_wrong_value_is_one_line_with_the_remedy(given, message):
    asked = {"method": "l2", "prune_ratio": 0.3, "batches": [(X, LABELS)], "coupled": True}
    with pytest.raises(UsageError, match=message) as raised:
        prunekit.prune(Net(), **(asked | given))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("wrong", [None, [1], {"a.weight": None}])
def test_masks_that_are_none_are_refused_wherever_they_go(wrong):
    for call in (prunekit.shrink, prunekit.apply_):
        with pytest.raises(UsageError, match="masks must be a mapping"):
            call(Net(), wrong)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("resnet20", {"classes": "a"}, "classes must be a whole number, not 'a'"),
        ("resnet20", {"classes": 2.5}, "classes must be a whole number"),
        ("resnet20", {"classes": None}, "classes must be a whole number"),
        ("resnet20", {"classes": True}, "classes must be a whole number"),
        ("resnet20", {"seed": "a"}, "seed must be a whole number, not 'a'"),
        (None, {}, "unknown architecture 'None'"),
    ],
)
def test_a_network_is_built_from_a_name_and_whole_numbers(name, given, message):
    with pytest.raises(UsageError, match=message):
        prunekit.build(name, **given)


def test_a_ratio_may_be_a_tensor_of_one_number():
    masks = prunekit.prune(Net(), method="wt", prune_ratio=torch.tensor(0.5))
    assert prune_ratio(masks, total_parameters(Net())) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.filterwarnings("ignore:not pruned")
@pytest.mark.parametrize("method", ["taylor-filter", "snip", "synflow"])
def test_gradients_are_refused_in_inference_mode(method):
    asked = {"method": method, "prune_ratio": 0.3, "batches": [(X, LABELS)]}
    model = Net()
    with torch.inference_mode():
        built = Net()
        with pytest.raises(UsageError, match=r"inference_mode\(\) forbids"):
            prunekit.prune(model, **asked)
    with pytest.raises(UsageError, match=r"inference_mode\(\) forbids: build the network"):
        prunekit.prune(built, **asked)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(8))
def test_an_example_of_one_image_says_nothing_of_outputs_that_do_not_change(seed):
    """Equal rows differ in last digits on some processors, and must not be taken for an answer that was lost."""
    torch.manual_seed(seed)
    example = torch.randn(1, 8), torch.randn(1, 6)
    prunekit.prune(Two(), method="l2", prune_ratio=0.5, coupled=True, example=example)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [tuple, list])
@pytest.mark.parametrize("images", [1, 3])
def test_a_network_of_two_inputs_is_traced_on_its_positional_arguments(kind, images):
    model, example = Two().eval(), kind([torch.randn(images, 8), torch.randn(images, 6)])
    assert "with b" in prunekit.explain(model, example=example)
    assert set(prunekit.sensitivities(model, method="l2", example=example)) == {"a", "b", "h"}
    masks = prunekit.prune(model, method="l2", prune_ratio=0.5, coupled=True, example=example)
    smaller = prunekit.shrink(model, masks, example=example)
    assert smaller.a.out_features == smaller.b.out_features == smaller.h.in_features == 8
    prunekit.apply_(model, masks)
    torch.testing.assert_close(smaller(*example), model(*example))


@pytest.mark.filterwarnings("error")
def test_several_inputs_need_not_have_as_many_images():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.h = nn.Linear(8, 16), nn.Linear(16, 5)

        def forward(self, x, scale):
            return self.h(self.a(x).relu() * scale)

    example = (torch.randn(3, 8), torch.tensor(2.0))
    masks = prunekit.prune(Scaled(), method="wt", prune_ratio=0.5, example=example)
    assert masks["a.weight"].any()


@pytest.mark.filterwarnings("ignore:cannot trace")
def test_an_example_that_does_not_fit_is_refused_for_its_own_reason():
    example = (torch.randn(2, 8), torch.randn(2, 6), torch.randn(2, 6))
    with pytest.raises(UsageError, match="takes 3 positional arguments but 4 were given"):
        prunekit.prune(Two(), method="l2", prune_ratio=0.5, coupled=True, example=example)


def test_methods_that_look_at_data_say_that_they_take_one_input():
    example = (torch.randn(2, 8), torch.randn(2, 6))
    with pytest.raises(UsageError, match=r"a batch of shape \(2, 8\) does not fit .*'y'"):
        prunekit.prune(Two(), method="pfp", prune_ratio=0.5, batches=example[:1], example=example)


MISFITS = [
    (torch.randn(2, 4, 9, 9), r"an example of shape \(2, 4, 9, 9\) does not fit this model: .* 3 channels"),
    ((X, X), r"an example of shape \(4, 3, 16, 16\), \(4, 3, 16, 16\) does not fit .* 3 were given"),
    (torch.randn(2, 3, 2, 2), r"does not fit this model: .*[Kk]ernel size"),
    (X * NAN, "example has values that are not finite"),
]


@pytest.mark.parametrize(("example", "message"), MISFITS)
def test_an_example_is_not_replaced_by_a_guess(example, message):
    masks = prunekit.prune(Net(), method="l2", prune_ratio=0.3, coupled=True)
    for call in (
        lambda: prunekit.prune(Net(), method="l2", prune_ratio=0.3, example=example),
        lambda: prunekit.explain(Net(), example=example),
        lambda: prunekit.sensitivities(Net(), method="l2", example=example),
        lambda: prunekit.shrink(Net(), masks, example=example),
    ):
        with pytest.raises(UsageError, match=message):
            call()


@pytest.mark.parametrize("coupled", [False, True])
def test_complex_scores_are_refused(coupled):
    def method(subject):
        return {
            name: torch.ones(layer.outputs, dtype=torch.complex64) for name, layer in subject.layers.items()
        }

    with pytest.raises(UsageError, match="complex scores for layer 'a': return real numbers"):
        prunekit.prune(Net(), method=method, prune_ratio=0.3, coupled=coupled, example=X)


IGNORED = [
    ({"layer_ratios": {"c": 0.5}}, "layer 'c' keeps its channels, because .* needs all of its channels"),
    ({"layer_ratios": {"h": 0.5}}, "layer 'h' keeps its channels, because it produces the network's outputs"),
    ({"layer_ratios": {"b": 0.5}, "skip_layers": ["b"]}, "layer 'b' keeps its channels, .* skip_layers"),
]


@pytest.mark.parametrize(("given", "message"), IGNORED)
def test_the_share_of_a_layer_that_keeps_its_channels_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        prunekit.prune(Net(), method="l2", prune_ratio=0.3, batches=[X], coupled=True, **given)


def test_different_shares_of_coupled_layers_are_refused():
    example = (torch.randn(2, 8), torch.randn(2, 6))
    asked = {"method": "l2", "prune_ratio": 0.25, "example": example, "coupled": True}
    with pytest.raises(UsageError, match=r"'a' and 'b' lose channels together, .* 0\.25 and 0\.5 of them"):
        prunekit.prune(Two(), **asked, layer_ratios={"b": 0.5, "a": 0.25})
    masks = prunekit.prune(Two(), **asked, layer_ratios={"a": 0.25, "b": 0.25})
    assert int(masks["a.weight"].any(1).sum()) == 12


def test_the_share_of_other_layers_is_met_and_none_is_nothing_to_refuse():
    asked = {"method": "l2", "prune_ratio": 0.46, "batches": [X], "coupled": True}
    masks = prunekit.prune(Net(), **asked, layer_ratios={"b": 0.5, "h": 0.0})
    assert int(masks["b.weight"].flatten(1).any(1).sum()) == 6


@pytest.mark.parametrize(
    ("present", "most", "said"),
    [
        (0.0, 0.29786, "0.000 to 0.297"),
        (0.12341, 0.298, "0.124 to 0.298"),
        (0.4, 0.4, "0.400 to 0.400"),
        (0.10011, 0.10059, "0.1002 to 0.1005"),
        (1 / 3, 1 / 3, f"{1 / 3!r} to {1 / 3!r}"),
    ],
)
def test_the_bounds_of_a_refusal_can_be_had(present, most, said):
    assert f"(reachable: {said})" in str(out_of_reach("wt", 0.9, [present, most]))


def test_the_ratio_that_masks_have_is_rounded_up():
    assert "already pruned to 0.1235," in str(already_pruned(0.12341, 0.1))


@pytest.mark.parametrize("width", [16, 20, 24, 32])
def test_the_largest_ratio_that_is_printed_is_reached(width):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(width, 7), nn.LayerNorm(7), nn.Linear(7, 3, bias=False))
    model.extra = nn.Parameter(torch.ones(width, 9))
    with pytest.raises(UsageError) as raised:
        prunekit.prune(model, method="wt", prune_ratio=0.95)
    most = float(str(raised.value).rpartition(" to ")[2].removesuffix(")"))
    masks = prunekit.prune(model, method="wt", prune_ratio=most)
    assert prune_ratio(masks, total_parameters(model)) == pytest.approx(most, abs=1e-3)
