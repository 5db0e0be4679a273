"""Multi-head attention without some of its heads; torch's own takes the size of a head from the width, and fails."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PrunedAttention(nn.MultiheadAttention):
    """nn.MultiheadAttention with the heads and widths that its weights have, and heads of ``head_dim``.

    With ``h`` heads of ``d``, the projections of queries, keys and values are [h d, width], ``out_proj.weight`` is
    [width, h d], and masks for each head are [batch h, L, S]. Returned weights are averaged over these heads.
    """

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """What :meth:`torch.nn.MultiheadAttention.forward` returns for these arguments."""
        if query.is_nested and query is key is value:
            return self._of_nested(query), None
        if is_causal and attn_mask is None:
            raise RuntimeError("is_causal says that attn_mask is causal: pass attn_mask, too")
        batched, dropped = query.dim() == 3, self.dropout if self.training else 0.0
        q, k, v = self._with_more_keys(*self._projected(query, key, value))
        causal = is_causal and key_padding_mask is None and not need_weights
        mask = self._mask(None if causal else attn_mask, key_padding_mask, q, k)
        weights = None
        if need_weights:
            scores = q * self.head_dim**-0.5 @ k.transpose(-2, -1)
            weights = F.dropout((scores if mask is None else scores + mask).softmax(-1), dropped)
            found = weights @ v
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            found = F.scaled_dot_product_attention(q, k, v, mask, dropped, causal)
        order = (0, 2, 1, 3) if self.batch_first or not batched else (2, 0, 1, 3)
        output = F.linear(found.permute(order).flatten(2), self.out_proj.weight, self.out_proj.bias)
        if batched:
            return output, weights
        return output.squeeze(0), None if weights is None else weights.squeeze(0)

    def _projected(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values, each as [batch, heads, length, head_dim]."""
        query, key, value = inputs
        packed, bias = self.in_proj_weight, self.in_proj_bias
        if packed is not None and query is key is value:
            sides = F.linear(query, packed, bias).chunk(3, -1)
        else:
            weights = pieces(self)
            biases = (None,) * 3 if bias is None else bias.chunk(3)
            sides = tuple(F.linear(*each) for each in zip(inputs, weights, biases, strict=True))
        if query.dim() == 2:
            sides = tuple(side.unsqueeze(0) for side in sides)
        elif not self.batch_first:
            sides = tuple(side.transpose(0, 1) for side in sides)
        return tuple(
            side.view(*side.shape[:-1], self.num_heads, self.head_dim).transpose(1, 2) for side in sides
        )

    def _with_more_keys(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``bias_k`` and ``bias_v``, and zeros, as further keys and values."""
        if self.bias_k is not None and self.bias_v is not None:
            more = (bias.view(1, self.num_heads, 1, self.head_dim) for bias in (self.bias_k, self.bias_v))
            k, v = (
                torch.cat([side, own.expand(side.shape[0], -1, -1, -1)], 2)
                for side, own in zip((k, v), more, strict=True)
            )
        if self.add_zero_attn:
            k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
        return q, k, v

    def _mask(self, attn_mask: Tensor | None, padding: Tensor | None, q: Tensor, k: Tensor) -> Tensor | None:
        """What is added to the scores, of a shape that fits [batch, heads, L, S]; further keys are never masked."""
        more = int(self.bias_k is not None) + int(self.add_zero_attn)
        batch, heads, length, keys = *q.shape[:3], k.shape[2] - more
        found = None
        if attn_mask is not None:
            of_heads = attn_mask.dim() != 2
            if attn_mask.shape != ((batch * heads, length, keys) if of_heads else (length, keys)):
                raise RuntimeError(
                    f"attn_mask has shape {tuple(attn_mask.shape)}, but should have {(length, keys)} or, with the "
                    f"{heads} heads that are left, {(batch * heads, length, keys)}"
                )
            found = _added(attn_mask.view(batch, heads, length, keys) if of_heads else attn_mask, q.dtype)
        if padding is not None:
            padded = _added(padding.view(batch, 1, 1, keys), q.dtype)
            found = padded if found is None else found + padded
        return found if found is None or not more else F.pad(found, (0, more))

    def _of_nested(self, x: Tensor) -> Tensor:
        """Self-attention of sequences of several lengths, as nn.TransformerEncoder passes them without gradients."""
        lengths, padded = [len(one) for one in x.unbind()], x.to_padded_tensor(0.0)
        places = torch.arange(padded.shape[1], device=x.device)
        gone = places >= torch.tensor(lengths, device=x.device)[:, None]
        found = self.forward(padded, padded, padded, key_padding_mask=gone, need_weights=False)[0]
        rows = [row[:length] for row, length in zip(found, lengths, strict=True)]
        return torch.nested.as_nested_tensor(rows)


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as numbers to add to the scores: minus infinity where a bool mask is True."""
    if mask.is_floating_point():
        return mask.to(dtype)
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(mask, -torch.inf)


# Modules of other classes may have their own code.
_KNOWN: tuple[type[nn.Module], ...] = (nn.MultiheadAttention, PrunedAttention)


def pieces(module: nn.MultiheadAttention) -> tuple[Tensor, ...]:
    """The weights that make queries, keys and values, each [heads x head_dim, width]."""
    packed = cast("Tensor | None", module.in_proj_weight)
    if packed is not None:
        return packed.chunk(3)
    return module.q_proj_weight, module.k_proj_weight, module.v_proj_weight


def fit_(model: nn.Module) -> None:
    """Make torch's attention modules run with the sizes of their weights, in place, each as a :class:`PrunedAttention`.

    Left as they are: modules with all of their sizes, those without whole heads, and those of other classes.
    """
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            _fit_one(module)


def _fit_one(module: nn.MultiheadAttention) -> None:
    q, k, v = pieces(module)
    heads, rest = divmod(len(q), module.head_dim)
    sizes = (heads, q.shape[1], k.shape[1], v.shape[1])
    before = (module.num_heads, module.embed_dim, module.kdim, module.vdim)
    if (sizes == before and len(module.out_proj.weight) == module.embed_dim) or rest:
        return
    if type(module) in _KNOWN:
        module.__class__ = PrunedAttention  # with its hooks, parameters and other fields
        module.num_heads, module.embed_dim, module.kdim, module.vdim = sizes
        # nn.TransformerEncoderLayer asks for this before it calls a kernel that takes a head's size from the width.
        module._qkv_same_embed_dim = False
