"""The one grammar of distributions: what a name such as ``cifar10-c/fog@3`` means. No data is read here.

``digits`` · ``digits:valid`` · ``cifar10.1`` · ``cifar10-c/fog@3`` (published files) · ``digits+fog@3`` (made on the
fly) · ``digits+uniform@0.1`` (noise in normalised space) · ``cifar10+mix1`` (training) · ``folder:PATH+fog@3``.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

from prunekit.errors import LONGEST_NAME, UsageError, unknown

CORRUPTIONS = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "speckle_noise",
    "gaussian_blur",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "spatter",
    "brightness",
    "contrast",
    "saturate",
    "pixelate",
    "jpeg_compression",
    "elastic_transform",
)
SEVERITIES = (1, 2, 3, 4, 5)
NOISES = ("uniform", "gaussian")
LARGEST_NOISE = 1e6  # of pixels whose standard deviation is 1; far below what float32 cannot hold
SPLITS = ("train", "valid", "test")
# The paper's halves (Liebenwein et al. 2021, robust training): seen in robust training, and held out.
MIX1 = (
    "contrast",
    "elastic_transform",
    "gaussian_blur",
    "impulse_noise",
    "motion_blur",
    "pixelate",
    "shot_noise",
    "snow",
    "zoom_blur",
)
MIX2 = tuple(name for name in CORRUPTIONS if name not in MIX1)
MIXTURES = {"mix1": MIX1, "mix2": MIX2, "mix-all": CORRUPTIONS}

# A data set of the user's own is named by a place: "folder:PATH", "hf:PATH".
PLACES = ("folder", "hf")
# Escapes for a path that reads like a shift or a split: folder:photos%2Bfog%403 is the folder "photos+fog@3".
ESCAPES = {"%2B": "+", "%40": "@", "%3A": ":", "%25": "%"}
_ESCAPE = re.compile("|".join(ESCAPES), re.IGNORECASE)

# Signs that people put before a shift; after a sign that is common in paths, only a shift with a strength counts.
_SIGN = re.compile(r"^|[+@:/\s-]+")
_OFTEN_IN_PATHS = re.compile(r"[/\s-]+")
_SHIFT = re.compile(r"([A-Za-z][A-Za-z_\s-]*?)[\s+@:/=_-]*([0-9.]*)")
# Names of shifts (an unambiguous beginning also matches), and the strength of each where none is given.
_SHIFTS = dict.fromkeys(CORRUPTIONS, "3") | dict.fromkeys(NOISES, "0.1")
_CALLED = {name.partition("_")[0]: name for name in _SHIFTS} | {name: name for name in _SHIFTS}


class Distribution(NamedTuple):
    """A test (or training) set by its parts.

    ``published`` tells files as released (``cifar10-c/fog@3``) from images made here (``cifar10+fog@3``).
    ``noise`` is (kind, size) in normalised input space; ``mixture`` names a set of corruptions drawn per image.
    """

    dataset: str
    split: str = "test"
    corruption: str | None = None
    severity: int = 0
    published: bool = False
    noise: tuple[str, float] | None = None
    mixture: str | None = None

    @property
    def nominal(self) -> bool:
        """Whether nothing is shifted: the data set's own images of one split."""
        return self.corruption is None and self.noise is None and self.mixture is None

    def __str__(self) -> str:
        split = "" if self.split == "test" else f":{self.split}"
        if self.published:
            return f"{self.dataset}/{self.corruption}@{self.severity}"
        if self.corruption:
            return f"{self.dataset}{split}+{self.corruption}@{self.severity}"
        if self.noise:
            return f"{self.dataset}{split}+{self.noise[0]}@{self.noise[1]:g}"
        return f"{self.dataset}{split}" + (f"+{self.mixture}" if self.mixture else "")


@lru_cache(maxsize=4096)
def parse(text: str) -> Distribution:
    """Read one distribution's name; a :class:`UsageError` names the part that is wrong."""
    base, plus, shift = text.rpartition("+") if _has_shift(text) else (text, "", "")
    dataset, split = _split_of(base)
    dataset = tidy(dataset)
    if not dataset:
        raise UsageError(
            f"distribution {text!r} names no data set (examples: digits, digits+fog@3, cifar10-c/fog@3)"
        )
    if not plus:
        return _plain(dataset, split)
    name, _, strength = shift.partition("@")
    if name in MIXTURES:
        return Distribution(dataset, split, mixture=name)
    if name in NOISES:
        return Distribution(dataset, split, noise=(name, _noise_size(text, strength)))
    return Distribution(dataset, split, *_corruption(text, name, strength))


def meant(text: str, dataset: str = "NAME") -> str:
    """The correct form of a shift written with a sign other than ``+`` or slightly misspelt; empty if it is neither.

    ``folder:photos@fog:3`` means ``folder:photos+fog@3``, and ``jpeg`` means ``NAME+jpeg_compression@3``.
    """
    for sign in _SIGN.finditer(text) if len(text) <= LONGEST_NAME else ():
        base, shift = text[: sign.start()], _SHIFT.fullmatch(text, sign.end())
        if shift is None or base in PLACES or (_OFTEN_IN_PATHS.fullmatch(sign[0]) and not shift[2]):
            continue
        name = _nearest_shift(shift[1])
        if name and (not base or _is_read(base)):
            return f"{base or dataset}{'/' if base.endswith('-c') else '+'}{name}@{_strength(name, shift[2])}"
    return ""


def _is_read(name: str) -> bool:
    try:
        parse(name)
    except UsageError:
        return False
    return True


def _strength(name: str, given: str) -> str:
    """The strength that was given, if the shift can have it."""
    fits = given.replace(".", "", 1).isdigit() if name in NOISES else given in map(str, SEVERITIES)
    return given if fits else _SHIFTS[name]


def _nearest_shift(word: str) -> str | None:
    name = re.sub(r"[\s-]+", "_", word.lower())
    begun = [shift for shift in _SHIFTS if shift.startswith(name)]
    close = get_close_matches(name, _CALLED, n=1, cutoff=0.75)
    return begun[0] if len(begun) == 1 and len(name) > 2 else _CALLED[close[0]] if close else None


def is_place(name: str) -> bool:
    """Whether a name is that of a place, such as ``folder:PATH``."""
    place, colon, _ = name.partition(":")
    return bool(colon) and place in PLACES


def tidy(dataset: str) -> str:
    """One name for one place: ``folder:./images`` and ``folder:images/`` are ``folder:images``.

    Nothing is looked up: ``..`` stays, since a folder before it may be a link.
    """
    if not is_place(dataset):
        return dataset
    place, _, path = dataset.partition(":")
    path = _escaped(place, unescaped(path))
    parts = [part for part in path.split("/") if part not in ("", ".")]
    start = "/" if path.startswith("/") else ""
    return f"{place}:{start}{'/'.join(parts)}" if parts or not path else f"{place}:{start or '.'}"


def unescaped(path: str) -> str:
    """A path as it is on disk: ``%2B`` ``%40`` ``%3A`` ``%25`` in a name are ``+`` ``@`` ``:`` ``%``."""
    return _ESCAPE.sub(lambda found: ESCAPES[found[0].upper()], path)


def _escaped(place: str, path: str) -> str:
    """The path as written in a name: escaped only where it would be read as something else."""
    name = f"{place}:{path}"
    if not (_has_shift(name) or path.rpartition(":")[2] in SPLITS or _ESCAPE.search(path)):
        return path
    return "".join(
        next((code for code, sign in ESCAPES.items() if sign == letter), letter) for letter in path
    )


def canonical(name: str) -> str:
    """The one way to write a distribution of a place; other names, and what cannot be read, stay as they are."""
    if not is_place(name):
        return name
    try:
        return str(parse(name))
    except UsageError:
        return name


def _has_shift(text: str) -> bool:
    """Whether a '+' starts a shift: no '/' follows it and the rest reads as one; otherwise it is part of the path."""
    tail = text.rpartition("+")[2]
    if "+" not in text or "/" in tail:
        return False
    name, at, _ = tail.partition("@")
    return not is_place(text) or bool(at) or name in (*CORRUPTIONS, *NOISES, *MIXTURES)


def _split_of(base: str) -> tuple[str, str]:
    head, colon, tail = base.rpartition(":")
    if colon and tail in SPLITS:
        return head, tail
    if colon and head and head.partition(":")[0] not in PLACES and base.partition(":")[0] not in PLACES:
        raise unknown("split", tail, SPLITS, nearest=meant(base))
    return base, "test"


def _plain(dataset: str, split: str) -> Distribution:
    published = re.fullmatch(r"([\w.-]+-c)/(.+)", dataset)
    if not published:
        return Distribution(dataset, split)
    name, _, strength = published[2].partition("@")
    return Distribution(published[1], split, *_corruption(dataset, name, strength), published=True)


def _corruption(text: str, name: str, strength: str) -> tuple[str, int]:
    if name not in CORRUPTIONS:
        raise unknown("corruption", name, (*CORRUPTIONS, *NOISES, *MIXTURES), nearest=meant(text))
    if strength not in map(str, SEVERITIES):
        raise UsageError(
            f"distribution {text!r}: severity {strength or 'missing'!r} is not one of 1, 2, 3, 4, 5"
        )
    return name, int(strength)


def _noise_size(text: str, strength: str) -> float:
    try:
        size = float(strength)
    except ValueError:
        size = -1.0
    if not 0 <= size <= LARGEST_NOISE:
        raise UsageError(
            f"distribution {text!r}: the noise size {strength!r} is not a number from 0 to {LARGEST_NOISE:,.0f}"
        )
    return size
