"""The corruptions by name: what each does, its constants in both tables, and where it comes from. Loads no torch."""

from __future__ import annotations

from typing import NamedTuple

from prunekit.registry import Lazy, Registry

# Raised whenever any image made here changes, so that sets made by an older generator are not taken for new ones.
GENERATOR_VERSION = 1
TABLES = ("cifar", "imagenet")
# Images whose shorter side is below this many pixels get the CIFAR constants.
IMAGENET_FROM_PX = 100
HENDRYCKS = "Hendrycks and Dietterich, ICLR 2019 (arXiv:1903.12261)"

Constants = tuple[tuple[float | str, ...], ...]


class Corruption(NamedTuple):
    """One corruption: ``apply(pixels [3, H, W, N], **constants)``, with ``draws=`` where it is random.

    ``cifar`` and ``imagenet`` hold the values of ``constants`` for the severities 1 to 5; lengths are in pixels.
    ``draws`` are the names under which its random quantities can be given; ``reads_photos``: takes ``photos=`` too.
    """

    apply: Lazy
    family: str
    does: str
    constants: tuple[str, ...]
    cifar: Constants
    imagenet: Constants
    draws: tuple[str, ...] = ()
    reads_photos: bool = False
    source: str = HENDRYCKS

    @property
    def random(self) -> bool:
        """Whether two seeds give two results."""
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
    ),
    "defocus_blur": Corruption(
        _code("blur:defocus_blur"),
        "blur",
        "points become disks, as out of focus",
        ("radius", "alias_sigma"),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    ),
}

WEATHER = {
    "fog": Corruption(
        _code("weather:fog"),
        "weather",
        "a fractal cloud over the image",
        ("strength", "decay"),
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
        draws=("plasma",),
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
    ),
    "jpeg_compression": Corruption(
        _code("jpeg:jpeg_compression"),
        "digital",
        "stored as a small JPEG",
        ("quality",),
        _each(80, 65, 58, 50, 40),
        _each(25, 18, 15, 10, 7),
    ),
}

CORRUPTION_ROWS: Registry[Corruption] = Registry("corruption", NOISE | BLUR | WEATHER | DIGITAL)
