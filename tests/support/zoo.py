"""The networks of the conformance zoo: torchvision's and timm's that build offline, and small ones with one feature."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations


def _cbr(inputs, outputs, **how):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, **how), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Around(nn.Module):
    """A stem of 16 channels, something in the middle that keeps them, a body and a head."""

    def __init__(self, middle):
        super().__init__()
        self.stem, self.middle, self.body, self.head = _cbr(3, 16), middle, _cbr(16, 32), nn.Linear(32, 5)

    def forward(self, x):
        return self.head(self.body(self.middle(self.stem(x))).mean((2, 3)))


class Does(nn.Module):
    """Calls a function with itself and the input; the modules that the function needs are attributes."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.function(self, x)


def _se(self, x):
    gate = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
    return x * gate.view(x.size(0), x.size(1), 1, 1)


def _se_conv(self, x):
    return x * torch.sigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


def _shuffle(self, x):
    batch, channels, height, width = x.shape
    x = self.conv(x).view(batch, 4, channels // 4, height, width)
    return x.transpose(1, 2).reshape(batch, -1, height, width)


def _glu(self, x):
    return F.glu(self.conv(x), dim=1)


def _halves(self, x):
    left, right = x.chunk(2, dim=1)
    return torch.cat([left, self.conv(right)], 1)


def _dense(self, x):
    y = self.a(x)
    return self.b(torch.cat([x, y], 1))


def _eca(self, x):
    y = self.conv(x.mean((2, 3)).unsqueeze(1)).squeeze(1)
    return x * torch.sigmoid(y)[:, :, None, None]


class Attention(nn.Module):
    def __init__(self, width=64, heads=4, fused=True):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv = (
            nn.Linear(width, 3 * width) if fused else nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        )
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, _ = x.shape
        if self.fused:
            q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        else:
            q, k, v = (layer(x).view(batch, tokens, self.heads, -1).transpose(1, 2) for layer in self.qkv)
        weights = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, tokens, -1))


class Block(nn.Module):
    def __init__(self, attention, width=64):
        super().__init__()
        self.attention, self.first, self.second = attention, nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


class Transformer(nn.Module):
    """Patches, a class token, positions, blocks."""

    def __init__(self, *blocks, width=64):
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, width, 8, 8), nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 65, width))
        self.blocks, self.head = nn.Sequential(*blocks), nn.Linear(width, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.blocks(x)[:, 0])


class Mha(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.own = nn.MultiheadAttention(width, 4, batch_first=True)

    def forward(self, x):
        return self.own(x, x, x, need_weights=False)[0]


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = _cbr(3, 16), _cbr(16, 32), _cbr(48, 16)
        self.up, self.out = nn.ConvTranspose2d(32, 32, 2, 2), nn.Conv2d(16, 2, 1)

    def forward(self, x):
        a = self.a(x)
        return self.out(self.c(torch.cat([a, self.up(self.b(F.max_pool2d(a, 2)))], 1)))


class Residual(nn.Module):
    def __init__(self, depth=3):
        super().__init__()
        self.stem = _cbr(3, 16)
        self.blocks = nn.ModuleList(
            nn.Sequential(_cbr(16, 24), nn.Conv2d(24, 16, 3, padding=1), nn.BatchNorm2d(16))
            for _ in range(depth)
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = F.relu(x + block(x))
        return self.head(x.mean((2, 3)))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 8, 5), nn.Conv2d(8, 16, 5)
        self.c, self.d = nn.Linear(256, 64), nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.a(x)), 2)
        x = F.max_pool2d(F.relu(self.b(x)), 2)
        return F.log_softmax(self.d(F.relu(self.c(x.view(x.size(0), -1)))), dim=1)


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.a, self.b = nn.Embedding(100, 32), nn.Conv1d(32, 32, 3, padding=1), nn.Linear(32, 4)

    def forward(self, x):
        return self.b(F.relu(self.a(self.words(x).transpose(1, 2))).mean(2))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.both, self.body, self.head = _cbr(3, 16), _cbr(16, 16), _cbr(16, 32), nn.Linear(32, 5)

    def forward(self, x):
        return self.head(self.body(self.both(self.both(self.stem(x)))).mean((2, 3)))


class PadShortcut(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.head = _cbr(3, 16), _cbr(16, 32), _cbr(32, 32), nn.Linear(32, 5)

    def forward(self, x):
        x = self.a(x)
        x = F.pad(x, (0, 0, 0, 0, 8, 8)) + self.b(x)
        return self.head(self.c(x).mean((2, 3)))


def _vision(name, **more):
    def make():
        from torchvision.models import get_model

        return get_model(name, weights=None, **({"num_classes": 10} | more))

    return make


def _segmentation(name):
    return _vision(name, weights_backbone=None, num_classes=5)


def _timm(name):
    def make():
        import timm

        try:
            return timm.create_model(name, num_classes=10, img_size=64)
        except (TypeError, AssertionError, ValueError):
            return timm.create_model(name, num_classes=10)

    return make


def _around(function, **modules):
    return lambda: Around(Does(function, **{name: make() for name, make in modules.items()}))


def _mixer():
    from timm.models.mlp_mixer import MlpMixer

    return MlpMixer(num_classes=5, img_size=64, patch_size=8, num_blocks=3, embed_dim=48)


OWN = {
    "plain": lambda: Around(nn.Identity()),
    "bias_free_dropout": lambda: nn.Sequential(_cbr(3, 16, bias=False), nn.Dropout2d(0.2), _cbr(16, 32), nn.Conv2d(32, 5, 1)),
    "se_linear_view": _around(_se, down=lambda: nn.Linear(16, 8), up=lambda: nn.Linear(8, 16)),
    "se_conv": _around(_se_conv, down=lambda: nn.Conv2d(16, 8, 1), up=lambda: nn.Conv2d(8, 16, 1)),
    "shuffle_view": _around(_shuffle, conv=lambda: nn.Conv2d(16, 16, 3, padding=1, groups=4)),
    "glu": _around(_glu, conv=lambda: nn.Conv2d(16, 32, 1)),
    "halves": _around(_halves, conv=lambda: nn.Conv2d(8, 8, 1)),
    "dense": _around(_dense, a=lambda: _cbr(16, 8), b=lambda: _cbr(24, 16)),
    "eca": _around(_eca, conv=lambda: nn.Conv1d(1, 1, 3, padding=1, bias=False)),
    "layerscale": _around(lambda self, x: x + self.conv(x) * self.scale, conv=lambda: nn.Conv2d(16, 16, 1), scale=lambda: nn.Parameter(torch.rand(16, 1, 1))),
    "prelu_channel": lambda: Around(nn.PReLU(16)),
    "groupnorm": lambda: Around(nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.GroupNorm(8, 32), nn.Conv2d(32, 16, 1))),
    "instance_norm": lambda: Around(nn.InstanceNorm2d(16, affine=True)),
    "bn_no_affine": lambda: Around(nn.BatchNorm2d(16, affine=False)),
    "depthwise": lambda: Around(nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.ReLU6())),
    "grouped": lambda: Around(nn.Conv2d(16, 16, 3, padding=1, groups=4)),
    "pixel_shuffle": lambda: nn.Sequential(_cbr(3, 16), nn.Conv2d(16, 32, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(8, 3, 3, padding=1)),
    "stochastic_depth": _around(lambda self, x: 0 + x + self.drop(self.conv(x)), conv=lambda: nn.Conv2d(16, 16, 1), drop=lambda: __import__("torchvision").ops.StochasticDepth(0.5, "row")),
    "functional_conv": _around(lambda self, x: F.relu(F.conv2d(x, self.w, padding=1)), w=lambda: nn.Parameter(torch.randn(16, 16, 3, 3) / 12)),
    "in_place": _around(lambda self, x: self.conv(x).add_(x).relu_(), conv=lambda: nn.Conv2d(16, 16, 1)),
    "einsum": _around(lambda self, x: torch.einsum("bchw,dc->bdhw", x, self.w), w=lambda: nn.Parameter(torch.randn(16, 16) / 4)),
    "weight_norm": lambda: Around(parametrizations.weight_norm(nn.Conv2d(16, 16, 3, padding=1))),
    "spectral_norm": lambda: Around(parametrizations.spectral_norm(nn.Conv2d(16, 16, 3, padding=1))),
    "unet": Unet,
    "residual": Residual,
    "pad_shortcut": PadShortcut,
    "lenet_view_logsoftmax": LeNet,
    "text_conv": Text,
    "module_twice": Twice,
    "conv3d": lambda: nn.Sequential(nn.Conv3d(1, 16, 3), nn.ReLU(), nn.Conv3d(16, 24, 3), nn.ReLU(), nn.Conv3d(24, 32, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(32, 5)),
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 5)),
    "attention_fused": lambda: Transformer(Block(Attention()), Block(Attention())),
    "attention_separate": lambda: Transformer(Block(Attention(fused=False)), Block(Attention(fused=False))),
    "attention_module": lambda: Transformer(Block(Mha()), Block(Mha())),
    "transformer_encoder": lambda: Transformer(nn.TransformerEncoderLayer(64, 4, 256, batch_first=True), nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)),
    "mlp_mixer": _mixer,
}  # fmt: skip

TIMM = [
    "cait_xxs24_224",
    "coat_tiny",
    "deit_tiny_patch16_224",
    "deit_tiny_distilled_patch16_224",
    "dla34",
    "ecaresnet26t",
    "edgenext_xx_small",
    "efficientvit_b0",
    "fastvit_t8",
    "ghostnet_100",
    "hardcorenas_a",
    "inception_next_atto",
    "legacy_seresnet18",
    "mixer_s32_224",
    "mobilenetv4_conv_small",
    "mobileone_s0",
    "mobilevit_xxs",
    "nfnet_l0",
    "poolformer_s12",
    "pvt_v2_b0",
    "repvgg_a0",
    "repvit_m0_9",
    "res2net50_14w_8s",
    "resmlp_12_224",
    "resnet18",
    "resnetv2_50",
    "resnetv2_50x1_bit",
    "selecsls42",
    "seresnet18",
    "skresnet18",
    "starnet_s1",
    "tresnet_m",
    "vit_tiny_patch16_224",
    "vit_small_patch14_reg4_dinov2",
    "vovnet39a",
    "xcit_nano_12_p16_224",
    "convnext_atto",
    "swin_tiny_patch4_window7_224",
    "mobilenetv3_small_100",
    "resnext26ts",
]
VISION = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "googlenet",
    "inception_v3",
    "mnasnet0_5",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "mobilenet_v2",
    "regnet_y_400mf",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "wide_resnet50_2",
    "swin_t",
    "maxvit_t",
]
SEGMENTATION = ["deeplabv3_mobilenet_v3_large", "fcn_resnet50", "lraspp_mobilenet_v3_large"]

NETWORKS = (
    {f"own:{name}": make for name, make in OWN.items()}
    | {f"timm:{name}": _timm(name) for name in TIMM}
    | {f"tv:{name}": _vision(name) for name in VISION}
    | {f"tv:{name}": _segmentation(name) for name in SEGMENTATION}
    | {"tv:vit_b_16": _vision("vit_b_16", image_size=64), "tv:fasterrcnn_mobilenet_v3_large_320_fpn": _segmentation("fasterrcnn_mobilenet_v3_large_320_fpn")}
)  # fmt: skip


def build(name):
    """The network with random weights of a seed, batch norms that move their inputs, in evaluation mode."""
    torch.manual_seed(0)
    model = NETWORKS[name]()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            if module.weight is not None:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.1)
    return model.eval()
