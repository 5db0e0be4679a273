"""What every operation of a forward pass does to channels: a table from its name to a rule.

torch decomposes composite operations that are not in the table. All others without a rule count as reading all their
channels and returning unknown ones, so that nothing is mistaken for zero or unread.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from prunekit.base.tensors import writes
from prunekit.pruning.graph import contractions, moves, norms, pointwise, rearranged, recurrent
from prunekit.pruning.graph.builder import Builder, Call, Track, origins_of
from prunekit.pruning.graph.channels import Flow, Made

Rule = Callable[[Builder, Call], "list[Track] | None"]


def follow(builder: Builder, call: Call) -> None:
    """Add one operation to the graph, and record what its results hold."""
    rule = rule_of(call)
    try:
        found = rule(builder, call) if rule is not None else None
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError):
        found = None  # a form of the operation that its rule does not know
    if found is None:
        found = _unknown(builder, call)
    # Statistics and indices after the first result are not channels.
    found = [*found, *[Made(origins=origins_of(found))] * (len(call.outputs) - len(found))]
    written = writes(call.func)
    for output, track in zip(call.outputs, found, strict=True):
        (builder.overwrite if written else builder.put)(output, track)


def rule_of(call: Call) -> Rule | None:
    """The rule for an operation, in-place or not; None if there is none."""
    name = call.name.rstrip("_") or call.name
    found = _RULES.get(name)
    if found is None and torch.Tag.pointwise in getattr(call.func, "tags", ()):
        return pointwise.pointwise
    return found


def _unknown(builder: Builder, call: Call) -> list[Track]:
    """Read all channels, keep the shapes of the parameters, and treat the results as unknown."""
    tracks = [builder.get(tensor) for _, tensor in call.tensors()]
    builder.read(tracks)
    for track in tracks:
        if isinstance(track, Made):
            builder.poisoned.update(part.name for part in track.parts)
    origins = origins_of(tracks)
    return [Made(origins=origins)] * len(call.outputs)


def _decides(builder: Builder, call: Call) -> list[Track] | None:
    """An operation that reads a number from a tensor, on which the network's control flow may depend."""
    tracks = [builder.get(tensor) for _, tensor in call.tensors()]
    if any(isinstance(track, Flow) or track.origins for track in tracks):
        builder.dynamic.add(builder.scope)
        return None
    return [Made()] * len(call.outputs)


def _shaped(builder: Builder, call: Call) -> list[Track] | None:
    """A new tensor in the shape of an argument."""
    return [Made(like=True)] * len(call.outputs)


def _nothing(builder: Builder, call: Call) -> list[Track] | None:
    """A new tensor that does not depend on the values of the arguments; attention makes it for the heads it has."""
    return [Made(home=builder.scope, like=builder.attends())] * len(call.outputs)


def _copied(builder: Builder, call: Call) -> list[Track] | None:
    """Memory that is overwritten with another tensor."""
    source, target = call.args["src"], call.args["self"]
    track = builder.get(source)
    if isinstance(track, Flow):
        moved = target.dim() - source.dim()
        return [track._replace(axes=tuple(axis + moved for axis in track.axes))]
    return [Made(origins=track.origins)]


_NAMES: dict[Rule, str] = {
    moves.same: "alias detach clone contiguous _to_copy to dropout feature_dropout alpha_dropout feature_alpha_dropout "
    "native_dropout lift_fresh lift_fresh_copy type_as float half double requires_grad positive conj resolve_conj "
    "resolve_neg data real",
    moves.moved: "view _unsafe_view reshape _reshape_alias permute transpose t numpy_T mT swapaxes swapdims movedim "
    "moveaxis expand squeeze unsqueeze slice select split split_with_sizes unsafe_split unsafe_split_with_sizes "
    "tensor_split unbind chunk unsafe_chunk hsplit vsplit dsplit narrow flip roll repeat tile repeat_interleave "
    "index index_select unfold unflatten flatten ravel pixel_unshuffle channel_shuffle "
    "native_channel_shuffle diagonal rot90 broadcast_to embedding narrow_copy split_copy unbind_copy view_copy "
    "permute_copy select_copy slice_copy expand_copy",
    moves.like_other: "view_as reshape_as expand_as",
    moves.joined: "cat concat concatenate stack",
    rearranged.windows: "im2col",
    rearranged.overlaid: "col2im",
    rearranged.shuffled: "pixel_shuffle",
    rearranged.transformed: "_fft_r2c _fft_c2r _fft_c2c view_as_complex view_as_real",
    rearranged.bag: "embedding_bag _embedding_bag _embedding_bag_forward_only",
    moves.padded: "pad constant_pad_nd",
    moves.spatial: "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d "
    "max_pool2d_with_indices max_pool3d_with_indices max_pool1d_with_indices _adaptive_avg_pool2d "
    "_adaptive_avg_pool3d mkldnn_max_pool2d upsample_nearest1d upsample_nearest2d upsample_nearest3d "
    "upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_nearest_exact1d "
    "_upsample_nearest_exact2d _upsample_nearest_exact3d _upsample_bilinear2d_aa _upsample_bicubic2d_aa",
    moves.extreme: "max min",
    moves.spread: "std_mean var_mean",
    moves.reduced: "median prod mean sum amax amin norm linalg_vector_norm var std nanmean",
    pointwise.prelu: "prelu _prelu_kernel",
    pointwise.pointwise: "hardswish hardtanh relu6 elu selu celu mish silu gelu leaky_relu threshold log_sigmoid "
    "rrelu softplus softshrink hardshrink tanhshrink softsign glu_jvp where masked_fill fill zero clamp relu "
    "square sub add mul div complex polar",
    contractions.linear: "linear",
    contractions.conv: "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution",
    contractions.addmm: "addmm",
    contractions.bilinear: "bilinear",
    contractions.matmul: "mm matmul bmm",
    contractions.added_matmul: "baddbmm",
    contractions.attention: "scaled_dot_product_attention",
    recurrent.recurrent: "lstm gru rnn_tanh rnn_relu",
    recurrent.cell: "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell",
    recurrent.packed: "_pack_padded_sequence _pad_packed_sequence",
    norms.layer_norm: "layer_norm native_layer_norm",
    norms.group_norm: "group_norm native_group_norm",
    norms.batch_norm: "batch_norm native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training "
    "cudnn_batch_norm miopen_batch_norm _batch_norm_with_update",
    norms.softmax: "softmax _softmax log_softmax _log_softmax",
    _decides: "_local_scalar_dense item is_nonzero equal nonzero nonzero_static masked_select",
    _shaped: "zeros_like ones_like empty_like full_like rand_like randn_like bernoulli randint_like",
    _nothing: "zeros ones empty full rand randn "
    "new_zeros new_ones new_empty new_full new_empty_strided sym_size size sym_stride sym_numel",
    _copied: "copy",
}
_RULES: dict[str, Rule] = {name: rule for rule, names in _NAMES.items() for name in names.split()}
