"""The corruptions by name: what each does, its constants in both tables, and its source. Loads no torch."""

from __future__ import annotations

from typing import NamedTuple

from prunekit.distribution import CORRUPTIONS
from prunekit.registry import Lazy, Registry

# Increased whenever any image made here changes, so that sets of an older generator are not taken for new ones.
GENERATOR_VERSION = 1
TABLES = ("cifar", "imagenet")
# Images whose shorter side is below this many pixels get the CIFAR constants.
IMAGENET_FROM_PX = 100
# Values (of all images) that a CPU thread processes at a time. Filters in float64 need blocks that fit in the cache;
# chains of many small operations need fewer calls.
CACHED_BLOCK, LONG_BLOCK = 2**16, 2**18
HENDRYCKS = "Hendrycks and Dietterich, ICLR 2019 (arXiv:1903.12261)"

Constants = tuple[tuple[float | str, ...], ...]


class Corruption(NamedTuple):
    """One corruption: ``apply(pixels [3, H, W, N], **constants)``, with ``draws=`` where it is random.

    ``cifar`` and ``imagenet`` hold the values of ``constants`` for the severities 1 to 5; lengths are in pixels.
    ``draws`` are the names under which its random quantities can be given; ``reads_photos``: takes ``photos=`` too.
    ``library(planes, out, **constants)`` makes the same bytes, of one large image on a CPU.
    """

    apply: Lazy
    family: str
    does: str
    constants: tuple[str, ...]
    cifar: Constants
    imagenet: Constants
    draws: tuple[str, ...] = ()
    reads_photos: bool = False
    block_values: int = CACHED_BLOCK
    library: Lazy | None = None
    source: str = HENDRYCKS

    @property
    def random(self) -> bool:
        """Whether the result depends on the seed."""
        return bool(self.draws)

    def settings(self, table: str, severity: int) -> dict[str, float | str]:
        """The constants by name for one table ("cifar" or "imagenet") and severity (1 to 5)."""
        values = self.cifar if table == "cifar" else self.imagenet
        return dict(zip(self.constants, values[severity - 1], strict=True))


def table_for(height: int, width: int) -> str:
    """The table of constants for images of this size: "cifar" below 100 pixels on the shorter side."""
    return "cifar" if min(height, width) < IMAGENET_FROM_PX else "imagenet"


def _each(*values: float) -> Constants:
    return tuple((value,) for value in values)


def _code(name: str) -> Lazy:
    return Lazy(f"prunekit.data.corruptions.{name}")


NOISE = {
    "gaussian_noise": Corruption(
        _code("noise:gaussian_noise"),
        "noise",
        "normal noise on every value, as in a dark room",
        ("sigma",),
        _each(0.04, 0.06, 0.08, 0.09, 0.10),
        _each(0.08, 0.12, 0.18, 0.26, 0.38),
        draws=("z",),
    ),
    "shot_noise": Corruption(
        _code("noise:shot_noise"),
        "noise",
        "Poisson noise of counted photons",
        ("photons",),
        _each(500, 250, 100, 75, 50),
        _each(60, 25, 12, 5, 3),
        draws=("counts",),
    ),
    "impulse_noise": Corruption(
        _code("noise:impulse_noise"),
        "noise",
        "values stuck at 0 or 255",
        ("amount",),
        _each(0.01, 0.02, 0.03, 0.05, 0.07),
        _each(0.03, 0.06, 0.09, 0.17, 0.27),
        draws=("hit", "white"),
    ),
    "speckle_noise": Corruption(
        _code("noise:speckle_noise"),
        "noise",
        "normal noise in proportion to the value",
        ("sigma",),
        _each(0.06, 0.1, 0.12, 0.16, 0.2),
        _each(0.15, 0.2, 0.35, 0.45, 0.6),
        draws=("z",),
    ),
}

BLUR = {
    "gaussian_blur": Corruption(
        _code("blur:gaussian_blur"),
        "blur",
        "Gaussian smoothing",
        ("sigma",),
        _each(0.4, 0.6, 0.7, 0.8, 1),
        _each(1, 2, 3, 4, 6),
        library=_code("library:gaussian_blur"),
    ),
    "defocus_blur": Corruption(
        _code("blur:defocus_blur"),
        "blur",
        "points become disks, as out of focus",
        ("radius", "alias_sigma"),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    ),
    "glass_blur": Corruption(
        _code("blur:glass_blur"),
        "blur",
        "pixels shuffled with their neighbours, as behind frosted glass",
        ("sigma", "reach", "rounds"),
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        draws=("dx_dy",),
    ),
    "motion_blur": Corruption(
        _code("blur:motion_blur"),
        "blur",
        "smeared along one direction, as by a moving camera",
        ("radius", "sigma"),
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        draws=("angle_deg",),
    ),
    "zoom_blur": Corruption(
        _code("blur:zoom_blur"),
        "blur",
        "the mean of growing zooms, as when moving in",
        ("count", "step"),
        ((7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)),
        ((12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)),
    ),
}

WEATHER = {
    "snow": Corruption(
        _code("weather:snow"),
        "weather",
        "falling flakes, and the scene paler",
        ("mean", "std", "zoom_factor", "threshold", "radius", "sigma", "kept"),
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        draws=("normal_layer", "angle_deg"),
    ),
    "frost": Corruption(
        _code("frost:frost"),
        "weather",
        "a frozen window before the scene",
        ("kept", "added", "subsampling"),
        ((1, 0.2, 5), (1, 0.3, 5), (0.9, 0.4, 5), (0.85, 0.4, 5), (0.75, 0.45, 5)),
        ((1, 0.4, 1), (0.8, 0.6, 1), (0.7, 0.7, 1), (0.65, 0.7, 1), (0.6, 0.75, 1)),
        draws=("file", "row", "column"),
        reads_photos=True,
        block_values=LONG_BLOCK,
    ),
    "fog": Corruption(
        _code("weather:fog"),
        "weather",
        "a fractal cloud over the image",
        ("strength", "decay"),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        draws=("plasma",),
        block_values=LONG_BLOCK,
    ),
    "spatter": Corruption(
        _code("spatter:spatter"),
        "weather",
        "water (1 to 3) or mud (4, 5) on the lens",
        ("mean", "std", "sigma", "threshold", "strength", "liquid"),
        (
            (0.62, 0.1, 0.7, 0.7, 0.5, "water"),
            (0.65, 0.1, 0.8, 0.7, 0.5, "water"),
            (0.65, 0.3, 1, 0.69, 0.5, "water"),
            (0.65, 0.1, 0.7, 0.69, 0.6, "mud"),
            (0.65, 0.1, 0.5, 0.68, 0.6, "mud"),
        ),
        (
            (0.65, 0.3, 4, 0.69, 0.6, "water"),
            (0.65, 0.3, 3, 0.68, 0.6, "water"),
            (0.65, 0.3, 2, 0.68, 0.5, "water"),
            (0.65, 0.3, 1, 0.65, 1.5, "mud"),
            (0.67, 0.4, 1, 0.65, 1.5, "mud"),
        ),
        draws=("normal_layer",),
        block_values=LONG_BLOCK,
    ),
}

DIGITAL = {
    "brightness": Corruption(
        _code("colour:brightness"),
        "digital",
        "brighter by a constant",
        ("shift",),
        _each(0.05, 0.1, 0.15, 0.2, 0.3),
        _each(0.1, 0.2, 0.3, 0.4, 0.5),
    ),
    "contrast": Corruption(
        _code("colour:contrast"),
        "digital",
        "values drawn towards the image's mean",
        ("scale",),
        _each(0.75, 0.5, 0.4, 0.3, 0.15),
        _each(0.4, 0.3, 0.2, 0.1, 0.05),
    ),
    "saturate": Corruption(
        _code("colour:saturate"),
        "digital",
        "paler (1, 2) or deeper (3 to 5) colours",
        ("scale", "shift"),
        ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
        ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
    ),
    "pixelate": Corruption(
        _code("pixelate:pixelate"),
        "digital",
        "shrunk and enlarged again",
        ("scale",),
        _each(0.95, 0.9, 0.85, 0.75, 0.65),
        _each(0.6, 0.5, 0.4, 0.3, 0.25),
        library=_code("library:pixelate"),
    ),
    "jpeg_compression": Corruption(
        _code("jpeg:jpeg_compression"),
        "digital",
        "stored as a small JPEG",
        ("quality",),
        _each(80, 65, 58, 50, 40),
        _each(25, 18, 15, 10, 7),
        block_values=LONG_BLOCK,
        library=_code("library:jpeg_compression"),
    ),
}

GEOMETRY = {
    "elastic_transform": Corruption(
        _code("elastic:elastic_transform"),
        "geometry",
        "stretched by a random affine map and a smooth displacement",
        ("strength", "sigma", "jitter"),
        ((0, 0, 2.56), (1.6, 6.4, 2.24), (2.56, 1.92, 1.92), (3.2, 1.28, 1.6), (3.2, 0.96, 0.96)),
        (
            (488, 170.8, 24.4),
            (488, 19.52, 48.8),
            (12.2, 2.44, 4.88),
            (17.08, 2.44, 4.88),
            (29.28, 2.44, 4.88),
        ),
        draws=("affine_offsets_xy", "dx", "dy"),
    ),
}

_ROWS = NOISE | BLUR | WEATHER | DIGITAL | GEOMETRY
CORRUPTION_ROWS: Registry[Corruption] = Registry("corruption", {name: _ROWS[name] for name in CORRUPTIONS})
