"""The table of data sets, and the lookup of a name in it. No torch: names are checked before anything runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunekit.data.classes import names
from prunekit.data.preprocessing import Channels, View
from prunekit.distribution import Distribution, meant, parse, unescaped
from prunekit.errors import UsageError, unknown
from prunekit.registry import Lazy, Registry

if TYPE_CHECKING:
    from prunekit.data.contents import Contents
    from prunekit.data.examples import Examples


class Dataset(NamedTuple):
    """A data set that can be read.

    ``mean`` and ``std`` are per channel of pixels in [0, 1]; ``size`` is (H, W) in pixels; ``augment`` a row of
    ``data.augment.AUGMENTS``. ``load(split)`` reads one of ``splits``: ``train`` is all training images, before any
    are held out; ``valid`` exists only where the data set publishes one. ``contents`` is a digest of the
    files of the user's own data set (``prunekit.data.versions`` has those of published ones).

    The fields of :class:`prunekit.data.preprocessing.Preprocessing` are the data set's own here, and a network's in the
    copy that :func:`prunekit.data.preprocessing.seen` makes for it: then ``unit`` is the data set's own std, which
    scales noise on normalised inputs. ``at(view)(split)`` reads files of several sizes as a network sees them; None
    if all images have one size. ``sides`` is the size (H, W) of the images of each split that share one.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    mean: Channels
    std: Channels
    size: tuple[int, int]
    augment: str
    splits: tuple[str, ...]
    load: Callable[[str], Examples]
    contents: str = ""
    resize: int | None = None
    crop: str = "center"
    interpolation: str = "bilinear"
    channels: str = "rgb"
    unit: Channels = ()
    at: Callable[[View], Callable[[str], Examples]] | None = None
    sides: Mapping[str, tuple[int, int]] = {}

    @property
    def planes(self) -> int:
        """Channels of the network's input."""
        return len(self.std)


class DatasetRow(NamedTuple):
    """A published data set; ``load(root, split)`` reads one of ``splits`` from the data folder.

    ``images`` are the numbers of images of the ``splits``, where known; only forecasts need them.
    ``resize`` and ``at(root, split, view=...)`` are set where images have several sizes (see :class:`Dataset`).
    ``arrays(split)`` are the images and labels of a small data set without torch.
    """

    task: str
    classes: tuple[str, ...]
    mean: Channels
    std: Channels
    size: tuple[int, int]
    augment: str
    splits: tuple[str, ...]
    load: Callable[[Path, str], Examples]
    source: str
    images: tuple[int, ...] = ()
    resize: int | None = None
    at: Callable[..., Examples] | None = None
    arrays: Callable[[str], tuple[Any, Any]] | None = None


class ShiftedRow(NamedTuple):
    """Corruptions published as files; ``load(root, corruption, severity)`` reads one of them, in test order.

    ``cropped``: the images in the files were already resized and cropped, so they are not resized again.
    """

    of: str
    load: Callable[[Path, str, int], Examples]
    source: str
    cropped: bool = False


class Place(NamedTuple):
    """A user's own data set; ``check(path, split)`` is quick and needs no torch, ``open(path, root)`` reads.

    ``glance(path)`` returns what names and headers say (:class:`prunekit.data.glance.Glance`), ``contents(path, root)``
    digests of the files (:class:`prunekit.data.contents.Contents`); both are quick and need no torch.
    """

    check: Callable[[str, str], None]
    open: Callable[[str, Path], Dataset]
    source: str
    glance: Callable[[str], Any]
    contents: Callable[[str, Path], Contents]


_CIFAR10 = DatasetRow(
    task="classification",
    classes=names("cifar10"),
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2023, 0.1994, 0.2010),
    size=(32, 32),
    augment="crop-flip",
    splits=("train", "test"),
    load=partial(Lazy("prunekit.data.cifar:load_binary"), name="cifar10"),
    source="Krizhevsky 2009, binary version",
    images=(50_000, 10_000),
)
_CIFAR10_1 = _CIFAR10._replace(
    splits=("test",),
    load=partial(Lazy("prunekit.data.cifar:load_cifar10_1"), version="v6"),
    source="Recht et al. 2018, v6 (2,000 images)",
    images=(2_000,),
)
_IMAGENET_VIEW = View((224, 224), resize=256)
_IMAGENET = DatasetRow(
    task="classification",
    classes=names("imagenet"),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    size=(224, 224),
    augment="resized-crop-flip",
    splits=("train", "test"),
    load=partial(Lazy("prunekit.data.imagenet:load_imagenet"), view=_IMAGENET_VIEW),
    source="ILSVRC 2012; its validation images are the test split",
    images=(1_281_167, 50_000),
    resize=_IMAGENET_VIEW.resize,
    at=Lazy("prunekit.data.imagenet:load_imagenet"),
)
_VOC = DatasetRow(
    task="segmentation",
    classes=names("voc"),
    mean=_IMAGENET.mean,
    std=_IMAGENET.std,
    size=(513, 513),
    augment="segment",
    splits=("train", "test"),
    load=partial(Lazy("prunekit.data.voc:load"), name="voc2012", size=513),
    source="PASCAL VOC 2012 segmentation; its val images are the test split",
    images=(1_464, 1_449),
)

DATASETS: Registry[DatasetRow] = Registry(
    "data set",
    {
        "digits": DatasetRow(
            task="classification",
            classes=names("digits"),
            mean=(0.3057, 0.3057, 0.3057),
            std=(0.3241, 0.3241, 0.3241),
            size=(32, 32),
            augment="crop",
            splits=("train", "test"),
            load=Lazy("prunekit.data.digits:load"),
            source="UCI optdigits, 1,797 images that come with scikit-learn",
            images=(1_438, 359),
            arrays=Lazy("prunekit.data.digit_pixels:arrays"),
        ),
        "cifar10": _CIFAR10,
        "cifar10.1": _CIFAR10_1,
        "cifar10.1-v4": _CIFAR10_1._replace(
            load=partial(Lazy("prunekit.data.cifar:load_cifar10_1"), version="v4"),
            source="Recht et al. 2018, v4 (2,021 images)",
            images=(2_021,),
        ),
        "cifar100": _CIFAR10._replace(
            classes=names("cifar100"),
            mean=(0.5071, 0.4865, 0.4409),
            std=(0.2673, 0.2564, 0.2762),
            load=partial(Lazy("prunekit.data.cifar:load_binary"), name="cifar100"),
            source="Krizhevsky 2009, binary version, fine labels",
        ),
        "imagenet": _IMAGENET,
        "objectnet": _IMAGENET._replace(
            splits=("test",),
            load=partial(Lazy("prunekit.data.objectnet:load"), border=2, view=_IMAGENET_VIEW),
            at=partial(Lazy("prunekit.data.objectnet:load"), border=2),
            source="Barbu et al. 2019: the 113 classes that ImageNet has too",
            images=(18_574,),
        ),
        "voc2012": _VOC,
        "voc2011": _VOC._replace(
            load=partial(Lazy("prunekit.data.voc:load"), name="voc2011", size=513),
            source="PASCAL VOC 2011 segmentation",
            images=(1_112, 1_111),
        ),
        "sbd": _VOC._replace(
            load=partial(Lazy("prunekit.data.voc:load"), name="sbd", size=513),
            source="Hariharan et al. 2011: class masks on VOC 2011 images",
            images=(8_498, 2_857),
        ),
    },
    entry_point_group="prunekit.datasets",
)

SHIFTED: Registry[ShiftedRow] = Registry(
    "published set of corruptions",
    {
        "cifar10-c": ShiftedRow(
            "cifar10",
            partial(
                Lazy("prunekit.data.cifar:load_shifted"), name="cifar10-c", folder="CIFAR-10-C", classes=10
            ),
            "Hendrycks and Dietterich 2019, Zenodo 2535967",
        ),
        "cifar100-c": ShiftedRow(
            "cifar100",
            partial(
                Lazy("prunekit.data.cifar:load_shifted"), name="cifar100-c", folder="CIFAR-100-C", classes=100
            ),
            "Hendrycks and Dietterich 2019, Zenodo 3555552",
        ),
        "imagenet-c": ShiftedRow(
            "imagenet",
            partial(Lazy("prunekit.data.imagenet:load_imagenet_c"), crop=224),
            "Hendrycks and Dietterich 2019, Zenodo 2235448",
            cropped=True,
        ),
    },
)

PLACES: Registry[Place] = Registry(
    "place",
    {
        "folder": Place(
            check=Lazy("prunekit.data.folder_names:check"),
            open=Lazy("prunekit.data.folder:open_folder"),
            source="any image folder: train/<class>/*.jpg and test/<class>/*.jpg",
            glance=Lazy("prunekit.data.folder:glance_at"),
            contents=Lazy("prunekit.data.folder_names:contents"),
        ),
        "hf": Place(
            check=Lazy("prunekit.data.hf_names:check"),
            open=Lazy("prunekit.data.hf:open_saved"),
            source="a Hugging Face data set on disk: parquet files, or a saved folder",
            glance=Lazy("prunekit.data.hf:glance_at"),
            contents=Lazy("prunekit.data.hf_names:contents"),
        ),
    },
)


def open_dataset(name: str, root: Path) -> Dataset:
    """The data set ``name``, read from the data folder ``root`` when its ``load`` is called.

    :class:`UsageError` if there is no such data set, or if a place such as ``folder:PATH`` cannot be read.
    """
    place, colon, path = name.partition(":")
    if colon and place in PLACES:
        return PLACES[place].open(unescaped(path), root)._replace(name=name)
    row = DATASETS[name]
    kept = {field: getattr(row, field) for field in Dataset._fields if field in row._fields}
    at = partial(_published_at, row.at, root) if row.at else None
    return Dataset(**kept | {"name": name, "load": partial(_load_published, name, root), "at": at})


def _published_at(read: Callable[..., Examples], root: Path, view: View) -> Callable[[str], Examples]:
    return lambda split: read(root, split, view=view)


def _load_published(name: str, root: Path, split: str) -> Examples:
    row = DATASETS[name]
    if split not in row.splits:
        raise unknown(f"published split of {name}", split, row.splits)
    return row.load(root, split)


def check_dataset(name: str, *, split: str = "test") -> None:
    """Raise a :class:`UsageError` unless ``name`` is a data set with this split (``train``: one to train on).

    A place must exist; the files of a published data set need not.
    """
    place, colon, path = name.partition(":")
    if colon and place in PLACES:
        _check_reads_as_itself(name)
        PLACES[place].check(unescaped(path), split)
    elif name in SHIFTED:
        raise UsageError(f"{name!r} is read one corruption at a time, such as {name}/fog@3")
    elif name in DATASETS:
        check_split(name, DATASETS[name].splits, split)
    else:
        nearest = meant(name) or _folder_called(name)
        raise unknown("data set", name, (*DATASETS, *(f"{place}:PATH" for place in PLACES)), nearest=nearest)


def _folder_called(name: str) -> str:
    """``folder:PATH`` if ``name`` is only the PATH of a folder; otherwise empty."""
    with contextlib.suppress(OSError, ValueError):
        return f"folder:{name}" * Path(name).is_dir()
    return ""


def _check_reads_as_itself(name: str) -> None:
    """A folder called ``photos+fog@3`` would be trained on, and then measured as fogged ``photos``."""
    read = parse(name)
    if not read.nominal or read.dataset != name:
        raise UsageError(f"{name!r} would be read as a distribution of {read.dataset!r}: rename the folder")


def check_distribution(distribution: Distribution) -> None:
    """Raise a :class:`UsageError` unless the distribution's data set is known and has the split that it names."""
    if distribution.published:
        SHIFTED[distribution.dataset]
        return
    check_dataset(distribution.dataset, split=distribution.split)


def check_split(name: str, splits: tuple[str, ...], split: str) -> None:
    """Raise a :class:`UsageError` unless ``split`` is published, or is the share held out of the training images."""
    allowed = (*splits, "valid") if "train" in splits and "valid" not in splits else splits
    if split not in allowed:
        raise unknown(f"split of {name}", split, allowed)
