"""The tasks of networks: one file per task, and their table. Nothing here imports torch."""

from prunekit.registry import Registry
from prunekit.tasks.classification import CLASSIFICATION
from prunekit.tasks.segmentation import SEGMENTATION
from prunekit.tasks.task import Task

DEFAULT = "classification"

TASKS: Registry[Task] = Registry("task", {DEFAULT: CLASSIFICATION, "segmentation": SEGMENTATION})
