"""Writes small data sets in exactly the format of the published ones, and says what a reader must find in them.

``WRITERS[name](root)`` fills the data folder ``root`` and returns ``{split: (images uint8 [N, 3, H, W], labels)}``.
Not a test module: loaded with ``runpy`` by the tests that need it.
"""

import io
import json

import numpy as np
from PIL import Image
from scipy.io import savemat

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
# Of the 1,000 sorted WordNet ids, four with their places.
WNIDS = {"n01440764": 0, "n01443537": 1, "n02123045": 281, "n15075141": 999}
RECORDS = 12


def random_images(count, *, seed, size=(32, 32)):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, *size), dtype=np.uint8)


def _binary_file(path, images, *label_columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [np.asarray(column, dtype=np.uint8)[:, None] for column in label_columns]
    path.write_bytes(np.concatenate([*columns, images.reshape(len(images), -1)], axis=1).tobytes())


def write_cifar10(root):
    folder = root / "cifar-10-batches-bin"
    labels = np.arange(RECORDS) % 10
    parts = [random_images(RECORDS, seed=part) for part in range(6)]
    for part, images in enumerate(parts[:5], start=1):
        _binary_file(folder / f"data_batch_{part}.bin", images, labels)
    _binary_file(folder / "test_batch.bin", parts[5], labels)
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR10.split()) + "\n\n")
    return {"train": (np.concatenate(parts[:5]), np.tile(labels, 5)), "test": (parts[5], labels)}


def write_cifar100(root):
    folder = root / "cifar-100-binary"
    fine, coarse = np.array([99, 0, 42, 99, 0, 42]), np.arange(6)
    splits = {}
    for seed, split in enumerate(("train", "test")):
        images = random_images(6, seed=seed)
        _binary_file(folder / f"{split}.bin", images, coarse, fine)
        splits[split] = (images, fine)
    return splits


def _npy_pair(folder, stem, count, seed):
    images, labels = random_images(count, seed=seed), np.arange(count, dtype=np.int32) % 10
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{stem}_data.npy", images.transpose(0, 2, 3, 1))
    np.save(folder / f"{stem}_labels.npy", labels)
    return {"test": (images, labels)}


def write_cifar10_1(root):
    _npy_pair(root / "cifar10.1", "cifar10.1_v4", 5, seed=4)
    return _npy_pair(root / "cifar10.1", "cifar10.1_v6", 4, seed=6)


def write_cifar10_1_v4(root):
    _npy_pair(root / "cifar10.1", "cifar10.1_v6", 4, seed=6)
    return _npy_pair(root / "cifar10.1", "cifar10.1_v4", 5, seed=4)


def write_cifar_c(root, folder, corruption="fog", classes=10):
    """Five severities of three images; returns {severity: (images, labels)}."""
    images = random_images(15, seed=7)
    labels = np.tile(np.array([classes - 1, 0, 1], dtype=np.uint8), 5)
    (root / folder).mkdir(parents=True)
    np.save(root / folder / f"{corruption}.npy", np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
    np.save(root / folder / "labels.npy", labels)
    return {severity: (images[3 * severity - 3 : 3 * severity], labels[:3]) for severity in range(1, 6)}


def _save(path, pixels):
    """PNG bytes under any name: the readers go by content, and PNG keeps every pixel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(encoded, format="PNG")
    path.write_bytes(encoded.getvalue())


def write_class_folders(folder, *, size, name="{wnid}_{image}.JPEG", seed=0):
    """Two images in each of four ImageNet class folders; returns (images, labels)."""
    images = random_images(2 * len(WNIDS), seed=seed, size=size)
    for place, wnid in enumerate(wnid for wnid in WNIDS for _ in range(2)):
        _save(folder / wnid / name.format(wnid=wnid, image=place), images[place])
    return images, np.repeat(list(WNIDS.values()), 2)


def write_imagenet(root):
    """Images of 256 pixels, whose view is the central 224."""
    train = write_class_folders(root / "imagenet" / "train", size=(256, 256))
    images = random_images(4, seed=1, size=(256, 256))
    labels = write_devkit(root / "imagenet")
    for number, pixels in enumerate(images, start=1):
        _save(root / "imagenet" / "val" / f"ILSVRC2012_val_{number:08d}.JPEG", pixels)
    return {"train": (_central(train[0]), train[1]), "test": (_central(images), labels)}


def _central(images):
    return images[:, :, 16:240, 16:240]


def write_devkit(folder):
    """Ids in another order than the sorted WordNet ids, and an inner node of the tree that is no class."""
    data = folder / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    kinds = [("ILSVRC2012_ID", "f8"), ("WNID", "O"), ("words", "O"), ("num_children", "f8")]
    rows = [(1, "n15075141", "tissue", 0), (2, "n01443537", "fish", 0), (3, "n01440764", "tench", 0)]
    rows += [(4, "n02123045", "cat", 0), (1001, "n00001740", "entity", 4)]
    savemat(data / "meta.mat", {"synsets": np.array(rows, dtype=kinds)[:, None]})
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text("3\n1\n4\n2\n")
    return np.array([0, 999, 281, 1])


def write_objectnet(root):
    """A fork that is one ImageNet class, a helmet that is two, and a brush that ImageNet lacks; red border of 2."""
    folder = root / "objectnet-1.0"
    folder.joinpath("mappings").mkdir(parents=True)
    tables = {
        "folder_to_objectnet_label.json": {"fork": "Fork", "helmet": "Helmet", "brush": "Brush"},
        "objectnet_to_imagenet_1k.json": {"Helmet": "crash helmet; football helmet", "Fork": "fork, a tool"},
        "pytorch_to_imagenet_2012_id.json": {"518": 2, "560": 0, "7": 1},
    }
    for name, table in tables.items():
        (folder / "mappings" / name).write_text(json.dumps(table))
    (folder / "mappings" / "imagenet_to_label_2012_v2").write_text(
        "football helmet\nfork, a tool\ncrash helmet\n"
    )
    images = random_images(3, seed=2, size=(260, 260))
    images[:, :, [0, 1, -2, -1]] = 255
    images[:, :, :, [0, 1, -2, -1]] = 255
    for place, name in enumerate(("fork/a.png", "helmet/b.png", "brush/c.png")):
        _save(folder / "images" / name, images[place])
    return {"test": (images[:2, :, 18:242, 18:242], np.array([[7, -1], [518, 560]]))}


def _segmentation(write_labels, images_folder, lists, size):
    """Three images of ``size`` (the longer side is the square's): two to train on, one to test with."""
    square = max(size)
    images = np.zeros((3, 3, square, square), dtype=np.uint8)
    labels = np.full((3, square, square), 255)
    for place in range(3):
        images[place, :, : size[0], : size[1]] = random_images(1, seed=place, size=size)[0]
        classes = np.random.default_rng(place).integers(0, 21, size).astype(np.uint8)
        classes[0] = 255
        labels[place, : size[0], : size[1]] = classes
        _save(images_folder / f"2008_{place:06d}.jpg", images[place, :, : size[0], : size[1]])
        write_labels(f"2008_{place:06d}", classes)
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "train.txt").write_text("2008_000000\n2008_000001\n")
    (lists / "val.txt").write_text("2008_000002\n")
    return {"train": (images[:2], labels[:2]), "test": (images[2:], labels[2:])}


def write_voc(folder, size=(500, 513)):
    def write_labels(name, classes):
        (folder / "SegmentationClass").mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(classes, mode=None).convert("L")
        image.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
        image.save(folder / "SegmentationClass" / f"{name}.png")

    return _segmentation(write_labels, folder / "JPEGImages", folder / "ImageSets" / "Segmentation", size)


def write_sbd(root, size=(513, 400)):
    folder = root / "benchmark_RELEASE" / "dataset"

    def write_labels(name, classes):
        (folder / "cls").mkdir(parents=True, exist_ok=True)
        truth = {"Segmentation": classes, "Boundaries": np.zeros(1), "CategoriesPresent": np.unique(classes)}
        savemat(folder / "cls" / f"{name}.mat", {"GTcls": truth})

    return _segmentation(write_labels, folder / "img", folder, size)


WRITERS = {
    "cifar10": write_cifar10,
    "cifar10.1": write_cifar10_1,
    "cifar10.1-v4": write_cifar10_1_v4,
    "cifar100": write_cifar100,
    "imagenet": write_imagenet,
    "objectnet": write_objectnet,
    "voc2012": lambda root: write_voc(root / "VOCdevkit" / "VOC2012"),
    "voc2011": lambda root: write_voc(root / "TrainVal" / "VOCdevkit" / "VOC2011"),
    "sbd": write_sbd,
}
