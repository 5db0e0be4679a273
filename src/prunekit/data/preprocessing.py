"""What turns images into a network's input: it belongs to the network. Only values; no torch.

An image is scaled and cropped (the :class:`View`), its channels are ordered, and it is normalised. A network that does
not specify its own has its data set's preprocessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from prunekit.errors import UsageError

if TYPE_CHECKING:
    from prunekit.data.datasets import Dataset

Channels = tuple[float, ...]
CLASSIFICATION = "classification"


class View(NamedTuple):
    """Which pixels a network sees: images are scaled and cropped to ``size`` (H, W).

    ``resize`` is the length of the shorter side before the crop; None: an image of ``size`` does not change, any other
    is scaled until it just covers ``size``. ``crop``: the ``center`` of the scaled image, or ``squash``: both sides are
    scaled, to ``resize`` or to ``size``.
    """

    size: tuple[int, int]
    resize: int | None = None
    crop: str = "center"
    interpolation: str = "bilinear"


class Preprocessing(NamedTuple):
    """A network's input: the fields of a :class:`View`, then per channel ``(pixel / 255 - mean) / std``.

    ``channels`` is the order: ``rgb``, ``bgr``, or ``grey`` (one channel, the luma of the pixel).
    """

    mean: Channels
    std: Channels
    size: tuple[int, int]
    resize: int | None = None
    crop: str = "center"
    interpolation: str = "bilinear"
    channels: str = "rgb"

    @property
    def view(self) -> View:
        """The part that selects and scales pixels."""
        return View(self.size, self.resize, self.crop, self.interpolation)

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """How a network that does not specify its own preprocessing sees the images of ``dataset``."""
        return cls(**{name: getattr(dataset, name) for name in cls._fields})

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """From the JSON values of a record."""
        known = {name: values[name] for name in cls._fields if name in values}
        found: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in known.items()
        }
        return cls(**found)

    def with_fields(self, fields: Any) -> Self:
        """These values with the fields of ``prunekit.params.Seeing`` that are set (``mean``, ``image_size``, ...)."""
        names = ("mean", "std", "resize", "crop", "interpolation", "channels")
        given = {name: value for name in names if (value := getattr(fields, name)) is not None}
        sides = fields.image_size
        if sides is not None:
            # Another input size makes the old resize meaningless.
            given = {"size": (sides[0], sides[-1]), "resize": None} | given
        return self._replace(**given)


def to_json(preprocessing: Preprocessing) -> dict[str, Any]:
    """The values as a record stores them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in preprocessing._asdict().items()
    }


def seen(dataset: Dataset, preprocessing: Preprocessing) -> Dataset:
    """``dataset`` as a network of this preprocessing sees it: what it loads, its size, and how it is normalised.

    :class:`UsageError` for a different view of segmentation data, whose labels are maps of the images' size.
    """
    own = Preprocessing.of(dataset)
    if preprocessing == own:
        return dataset
    if preprocessing.view != own.view and dataset.task != CLASSIFICATION:
        raise UsageError(f"{dataset.name}: image_size, resize and crop apply only to classification data")
    return dataset._replace(**preprocessing._asdict(), unit=dataset.unit or dataset.std)
