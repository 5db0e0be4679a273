"""Attention with fewer heads: what torch's own computes with the other heads at zero, for every kind of call."""

import copy
import warnings

import pytest
import torch
from torch import nn

from prunekit.base.attention import PrunedAttention, fit_

WIDTH, HEADS, SIZE = 32, 4, 8
LEFT = (0, 2, 3)
BATCH, LONG, KEYS = 3, 5, 7

KINDS = {
    "plain": {},
    "bias_kv": {"add_bias_kv": True},
    "zero_attn": {"add_zero_attn": True},
    "both": {"add_bias_kv": True, "add_zero_attn": True},
    "no_bias": {"bias": False},
    "other_widths": {"kdim": 12, "vdim": 20},
}
CAUSAL = torch.ones(LONG, KEYS).triu(1).bool()
PADDED = torch.arange(KEYS).expand(BATCH, KEYS) >= torch.tensor([7, 4, 6])[:, None]


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


CALLS = {
    "weights": lambda heads: {},
    "no_weights": lambda heads: {"need_weights": False},
    "weights_of_heads": lambda heads: {"average_attn_weights": False},
    "padding": lambda heads: {"key_padding_mask": PADDED, "average_attn_weights": False},
    "float_padding": lambda heads: {"key_padding_mask": numbers(BATCH, KEYS), "need_weights": False},
    "mask": lambda heads: {"attn_mask": CAUSAL, "average_attn_weights": False},
    "float_mask": lambda heads: {"attn_mask": numbers(LONG, KEYS), "need_weights": False},
    "mask_of_heads": lambda heads: {
        "attn_mask": numbers(BATCH, HEADS, LONG, KEYS)[:, list(heads)].flatten(0, 1) > 1,
        "need_weights": False,
    },
    "float_mask_of_heads": lambda heads: {
        "attn_mask": numbers(BATCH, HEADS, LONG, KEYS)[:, list(heads)].flatten(0, 1),
        "average_attn_weights": False,
    },
    "both_masks": lambda heads: {
        "attn_mask": CAUSAL,
        "key_padding_mask": PADDED,
        "is_causal": True,
        "need_weights": False,
    },
    "causal": lambda heads: {"attn_mask": CAUSAL, "is_causal": True, "need_weights": False},
    "causal_weights": lambda heads: {"attn_mask": CAUSAL, "is_causal": True, "average_attn_weights": False},
}


def rows(heads):
    return torch.cat([torch.arange(head * SIZE, (head + 1) * SIZE) for head in heads])


def own(**kind):
    """torch's module, with biases that are not zero."""
    torch.manual_seed(0)
    module = nn.MultiheadAttention(WIDTH, HEADS, **kind).eval()
    for bias in (module.in_proj_bias, module.out_proj.bias):
        if bias is not None:
            nn.init.normal_(bias)
    return module


def inputs(module):
    query = numbers(BATCH, LONG, module.embed_dim)
    key, value = numbers(BATCH, KEYS, module.kdim), numbers(BATCH, KEYS, module.vdim)
    sides = query, key, key if module.kdim == module.vdim else value
    return sides if module.batch_first else tuple(side.transpose(0, 1) for side in sides)


def without(module, heads=LEFT):
    """A copy whose weights have only these heads, cut by hand."""
    smaller, kept = copy.deepcopy(module), rows(heads)
    packed = torch.cat([kept, kept + WIDTH, kept + 2 * WIDTH])

    def cut(owner, name, axis, places):
        old = getattr(owner, name)
        if old is not None:
            setattr(owner, name, nn.Parameter(old.detach().index_select(axis, places)))

    for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
        cut(smaller, name, 0, kept)
    for name in ("in_proj_weight", "in_proj_bias"):
        cut(smaller, name, 0, packed)
    for name in ("bias_k", "bias_v"):
        cut(smaller, name, 2, kept)
    cut(smaller.out_proj, "weight", 1, kept)
    fit_(smaller)
    return smaller


@torch.no_grad()
def masked(module, heads=LEFT):
    """A copy in which the values of all other heads are zero."""
    result, gone = copy.deepcopy(module), rows([head for head in range(HEADS) if head not in heads])
    if result.in_proj_weight is not None:
        result.in_proj_weight[gone + 2 * WIDTH] = 0
    else:
        result.v_proj_weight[gone] = 0
    if result.in_proj_bias is not None:
        result.in_proj_bias[gone + 2 * WIDTH] = 0
    if result.bias_v is not None:
        result.bias_v[..., gone] = 0
    return result


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6, equal_nan=True)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_first", [True, False])
def test_it_returns_what_torch_returns_with_the_other_heads_at_zero(kind, call, batch_first):
    module = own(**KINDS[kind], batch_first=batch_first)
    sides, smaller = inputs(module), without(module)
    assert type(smaller) is PrunedAttention
    assert smaller.num_heads == 3
    assert smaller.head_dim == SIZE
    found, weights = smaller(*sides, **CALLS[call](LEFT))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, where a bool and a float mask meet
        expected, theirs = masked(module)(*sides, **CALLS[call](range(HEADS)))
    close(found, expected)
    assert found.is_contiguous()
    if theirs is None or theirs.dim() == 3:
        assert (weights is None) == (theirs is None)
        assert weights is None or weights.shape == theirs.shape
    else:
        close(weights, theirs[:, list(LEFT)])


@pytest.mark.parametrize("call", ["weights", "weights_of_heads", "no_weights", "mask", "causal"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_single_sequence_needs_no_batch(kind, call):
    module = own(**KINDS[kind], batch_first=True)
    sides, smaller = tuple(side[0] for side in inputs(module)), without(module)
    found, weights = smaller(*sides, **CALLS[call](LEFT))
    expected, theirs = masked(module)(*sides, **CALLS[call](range(HEADS)))
    close(found, expected)
    if theirs is not None and theirs.dim() == 3:
        close(weights, theirs[list(LEFT)])


def test_a_single_padded_sequence():
    module = own()
    query, key, _ = (side[:, 1] for side in inputs(module))
    found = without(module)(query, key, key, key_padding_mask=PADDED[1])[0]
    close(found, masked(module)(query, key, key, key_padding_mask=PADDED[1])[0])


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_with_all_heads_it_trains_as_torch_does_with_the_same_dropout(kind, need_weights):
    theirs = own(**KINDS[kind], dropout=0.4).train()
    ours = copy.deepcopy(theirs)
    ours.__class__, found = PrunedAttention, []
    for module in (theirs, ours):
        torch.manual_seed(3)
        output, weights = module(*inputs(module), need_weights=need_weights)
        (output.square().mean() + (0 if weights is None else weights.square().sum())).backward()
        found.append((output, weights, {name: value.grad for name, value in module.named_parameters()}))
    close(found[1][0], found[0][0])
    assert need_weights == (found[0][1] is not None)
    if need_weights:
        close(found[1][1], found[0][1])
    for name, gradient in found[0][2].items():
        torch.testing.assert_close(found[1][2][name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_precisions(dtype):
    module = own(batch_first=True).to(dtype)
    query = inputs(module)[0].to(dtype)
    smaller = without(module)
    for call in ({}, {"need_weights": False, "attn_mask": torch.zeros(LONG, LONG).bool()}):
        found, expected = (
            smaller(query, query, query, **call)[0],
            masked(module)(query, query, query, **call)[0],
        )
        assert found.dtype == dtype
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 if dtype == torch.float64 else 2e-2)
    with torch.autocast("cpu", torch.bfloat16):
        query = query.float()
        found = smaller.float()(query, query, query, attn_mask=torch.zeros(LONG, LONG), need_weights=False)[0]
        assert found.dtype == torch.bfloat16


def test_copies_and_states_have_the_same_structure():
    module = own(add_bias_kv=True)
    smaller, other = without(module), without(own(add_bias_kv=True), (1, 2, 3))
    other.load_state_dict(copy.deepcopy(smaller).state_dict())
    sides = inputs(module)
    assert torch.equal(other(*sides)[0], smaller(*sides)[0])
    assert repr(other) == repr(smaller)


def test_a_mask_for_the_heads_that_were_there_is_refused_by_its_shape():
    smaller = without(own(batch_first=True))
    with pytest.raises(
        RuntimeError, match=r"\(12, 5, 7\), but should have \(5, 7\) or, with the 3 heads .* \(9, 5, 7\)"
    ):
        smaller(*inputs(smaller), attn_mask=torch.zeros(BATCH * HEADS, LONG, KEYS))
    with pytest.raises(RuntimeError, match="pass attn_mask, too"):
        smaller(*inputs(smaller), is_causal=True)


def test_only_torchs_own_modules_with_whole_heads_are_changed():
    class Own(nn.MultiheadAttention):
        pass

    whole = own()
    fit_(whole)
    assert type(whole) is nn.MultiheadAttention
    assert whole._qkv_same_embed_dim
    other = Own(WIDTH, HEADS)
    assert type(without(other)) is Own
    part = own()
    part.in_proj_weight = nn.Parameter(part.in_proj_weight[: 3 * 20].detach())
    fit_(part)
    assert type(part) is nn.MultiheadAttention
    assert part.num_heads == HEADS


def layer(**how):
    torch.manual_seed(1)
    made = nn.TransformerEncoderLayer(WIDTH, HEADS, 48, dropout=0.0, batch_first=True, **how).eval()
    nn.init.normal_(made.self_attn.in_proj_bias)
    return made


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("cut", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("heads", [(0, 2), (0, 1, 3)])
def test_an_encoder_computes_the_same_on_every_path_of_torchs(grad, train, cut, heads):
    """Without gradients and in evaluation mode, torch has kernels of its own, and nested tensors for padding."""
    whole = nn.TransformerEncoder(layer(), 2).train(train)
    smaller, zeroed = copy.deepcopy(whole), copy.deepcopy(whole)
    for place in cut:
        smaller.layers[place].self_attn = without(whole.layers[place].self_attn, heads)
        zeroed.layers[place].self_attn = masked(whole.layers[place].self_attn, heads)
    x, padding = numbers(BATCH, KEYS, WIDTH), PADDED
    with torch.set_grad_enabled(grad), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nested tensors are a prototype
        for call in ({}, {"mask": torch.ones(KEYS, KEYS).triu(1).bool()}, {"src_key_padding_mask": padding}):
            close(smaller(x, **call), zeroed(x, **call))
        assert grad or train or bool((zeroed(x, src_key_padding_mask=padding)[padding] == 0).all())


def test_a_decoder_computes_the_same():
    torch.manual_seed(1)
    whole = nn.TransformerDecoder(nn.TransformerDecoderLayer(WIDTH, HEADS, 48, batch_first=True), 2).eval()
    smaller, zeroed = copy.deepcopy(whole), copy.deepcopy(whole)
    for place in range(2):
        for name in ("self_attn", "multihead_attn"):
            own_attention = getattr(whole.layers[place], name)
            setattr(smaller.layers[place], name, without(own_attention))
            setattr(zeroed.layers[place], name, masked(own_attention))
    x, memory = numbers(BATCH, LONG, WIDTH), numbers(BATCH, KEYS, WIDTH)
    for call in ({}, {"memory_key_padding_mask": PADDED, "tgt_mask": torch.ones(LONG, LONG).triu(1).bool()}):
        close(smaller(x, memory, **call), zeroed(x, memory, **call))
