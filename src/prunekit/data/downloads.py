"""The table of published files: their address, size and checksum, and what they unpack to. No torch."""

from __future__ import annotations

from typing import NamedTuple

from prunekit.registry import Registry

_KRIZ = "https://www.cs.toronto.edu/~kriz"
_RECHT = "https://raw.githubusercontent.com/modestyachts/CIFAR-10.1/master/datasets"
_ZENODO = "https://zenodo.org/records"
_PASCAL = "http://host.robots.ox.ac.uk/pascal/VOC"
_SBD = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours"


class RemoteFile(NamedTuple):
    """One published file.

    ``checksum`` is ``md5:…`` or ``sha256:…``; ``size`` in bytes, where it is known. ``contents`` are the paths that
    must come out of the archive (or the file itself); they are put into ``into`` under the data folder. Without
    ``contents``, everything that comes out becomes ``into``. ``url`` is empty if the publisher requires registration:
    such a file is read with ``--from``. ``nested``: an archive of archives, one folder each.
    """

    name: str
    url: str
    checksum: str
    size: int | None = None
    into: str = ""
    contents: tuple[str, ...] = ()
    archive: bool = True
    nested: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Paths under the data folder that exist if and only if the file has been downloaded."""
        return tuple(f"{self.into}/{path}".lstrip("/") for path in self.contents) or (self.into,)


class Download(NamedTuple):
    """The files of one data set; ``by_hand`` says what to do if prunekit cannot get them itself.

    ``unpacked`` are paths that only the user can put there.
    """

    files: tuple[RemoteFile, ...] = ()
    by_hand: str = ""
    unpacked: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Paths under the data folder that exist if the data set does."""
        return (*self.unpacked, *(place for file in self.files for place in file.places))


def _cifar10_1(version: str, sizes: tuple[int, int], data: str, labels: str) -> Download:
    files = (
        (f"cifar10.1_{version}_data.npy", data, sizes[0]),
        (f"cifar10.1_{version}_labels.npy", labels, sizes[1]),
    )
    return Download(
        tuple(
            RemoteFile(
                name, f"{_RECHT}/{name}", f"sha256:{digest}", size, "cifar10.1", (name,), archive=False
            )
            for name, digest, size in files
        )
    )


def _imagenet_c(name: str, md5: str, corruptions: str) -> RemoteFile:
    url = f"{_ZENODO}/2235448/files/{name}.tar?download=1"
    return RemoteFile(
        f"{name}.tar", url, f"md5:{md5}", into="imagenet-c", contents=tuple(corruptions.split())
    )


def _imagenet(name: str, md5: str, into: str, *contents: str, nested: bool = False) -> RemoteFile:
    return RemoteFile(name, "", f"md5:{md5}", into=into, contents=contents, nested=nested)


DOWNLOADS: Registry[Download] = Registry(
    "data set",
    {
        "digits": Download(),
        "cifar10": Download(
            (
                RemoteFile(
                    "cifar-10-binary.tar.gz",
                    f"{_KRIZ}/cifar-10-binary.tar.gz",
                    "md5:c32a1d4ab5d03f1284b67883e8d87530",
                    170_052_171,
                    contents=("cifar-10-batches-bin",),
                ),
            )
        ),
        "cifar100": Download(
            (
                RemoteFile(
                    "cifar-100-binary.tar.gz",
                    f"{_KRIZ}/cifar-100-binary.tar.gz",
                    "md5:03b5dce01913d631647c71ecec9e9cb8",
                    168_513_733,
                    contents=("cifar-100-binary",),
                ),
            )
        ),
        "cifar10.1": _cifar10_1(
            "v6",
            (6_144_128, 8_128),
            "2997188e5816f5bd545dc77771b6227828c28146049fcecf3fa10775474cacc6",
            "ae40beda001693674edc94d925ee8268cfe68905f8f9aff800c8dcdfcd6c9448",
        ),
        "cifar10.1-v4": _cifar10_1(
            "v4",
            (6_208_640, 8_212),
            "5aaedc268df8f4cffca2ac0cf9e608ae1897a8cddb630c7a850a2ea8f6558e75",
            "1f9544300ded199539b6662364ce7fe6c2e1ea9f87408f06db4b1a6184cffb18",
        ),
        "cifar10-c": Download(
            (
                RemoteFile(
                    "CIFAR-10-C.tar",
                    f"{_ZENODO}/2535967/files/CIFAR-10-C.tar?download=1",
                    "md5:56bf5dcef84df0e2308c6dcbcbbd8499",
                    2_918_471_680,
                    contents=("CIFAR-10-C",),
                ),
            )
        ),
        "cifar100-c": Download(
            (
                RemoteFile(
                    "CIFAR-100-C.tar",
                    f"{_ZENODO}/3555552/files/CIFAR-100-C.tar?download=1",
                    "md5:11f0ed0f1191edbf9fa23466ae6021d3",
                    2_918_473_216,
                    contents=("CIFAR-100-C",),
                ),
            )
        ),
        "imagenet": Download(
            (
                _imagenet(
                    "ILSVRC2012_devkit_t12.tar.gz",
                    "fa75699e90414af021442c21a62c3abf",
                    "imagenet",
                    "ILSVRC2012_devkit_t12",
                ),
                _imagenet("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622", "imagenet/val"),
                _imagenet(
                    "ILSVRC2012_img_train.tar",
                    "1d675b47d978889d74fa0da5fadfb00e",
                    "imagenet/train",
                    nested=True,
                ),
            ),
            by_hand="register at image-net.org, then name the folder with its archives with --from",
        ),
        "imagenet-c": Download(
            (
                _imagenet_c(
                    "noise", "e80562d7f6c3f8834afb1ecf27252745", "gaussian_noise shot_noise impulse_noise"
                ),
                _imagenet_c(
                    "blur",
                    "2d8e81fdd8e07fef67b9334fa635e45c",
                    "defocus_blur glass_blur motion_blur zoom_blur",
                ),
                _imagenet_c("weather", "33ffea4db4d93fe4a428c40a6ce0c25d", "frost snow fog brightness"),
                _imagenet_c(
                    "digital",
                    "89157860d7b10d5797849337ca2e5c03",
                    "contrast elastic_transform pixelate jpeg_compression",
                ),
                _imagenet_c(
                    "extra",
                    "d492dfba5fc162d8ec2c3cd8ee672984",
                    "speckle_noise spatter gaussian_blur saturate",
                ),
            )
        ),
        "objectnet": Download(
            by_hand="accept the licence at objectnet.dev, and unpack objectnet-1.0.zip with its password",
            unpacked=("objectnet-1.0",),
        ),
        "voc2012": Download(
            (
                RemoteFile(
                    "VOCtrainval_11-May-2012.tar",
                    f"{_PASCAL}/voc2012/VOCtrainval_11-May-2012.tar",
                    "md5:6cd6e144f989b92b3379bac3b3de84fd",
                    1_999_639_040,
                    contents=("VOCdevkit/VOC2012",),
                ),
            )
        ),
        "voc2011": Download(
            (
                RemoteFile(
                    "VOCtrainval_25-May-2011.tar",
                    f"{_PASCAL}/voc2011/VOCtrainval_25-May-2011.tar",
                    "md5:6c3384ef61512963050cb5d687e5bf1e",
                    contents=("TrainVal/VOCdevkit/VOC2011",),
                ),
            )
        ),
        "sbd": Download(
            (
                RemoteFile(
                    "benchmark.tgz",
                    f"{_SBD}/benchmark.tgz",
                    "md5:82b4d87ceb2ed10f6038a1cba92111cb",
                    contents=("benchmark_RELEASE",),
                ),
            )
        ),
    },
)
