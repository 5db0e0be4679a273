"""What the store says of a model or a measurement, without its tensors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from prunekit.params import STEPS, Params


class Step(BaseModel):
    """One step of a lineage: what ran, with which parameters, and its key."""

    model_config = ConfigDict(frozen=True)
    kind: str
    key: str
    params: dict[str, JsonValue]

    @classmethod
    def of(cls, params: Params) -> Step:
        """The step that these parameters name."""
        return cls(
            kind=params.kind, key=params.key, params=params.model_dump(mode="json", exclude_defaults=True)
        )

    def read(self) -> Params:
        """The parameters, validated."""
        return STEPS[self.kind].read(self.params)


class ModelRecord(BaseModel):
    """A stored model: its lineage (unpruned parent first, itself last), its size and its nominal test error."""

    model_config = ConfigDict(frozen=True)
    key: str
    lineage: tuple[Step, ...]
    classes: tuple[str, ...]
    parameters: int
    nonzero: int
    error: float | None
    results: dict[str, JsonValue] = {}
    provenance: dict[str, JsonValue] = {}

    @property
    def kind(self) -> str:
        """The step that made it: train, prune, retrain or import."""
        return self.lineage[-1].kind

    @property
    def root(self) -> Step:
        """The step that made the unpruned parent at the root of the lineage."""
        return self.lineage[0]

    @property
    def parent(self) -> str | None:
        """Key of the model that the last step started from."""
        return self.lineage[-2].key if len(self.lineage) > 1 else None

    @property
    def prune_ratio(self) -> float:
        """1 - nonzero parameters / parameters of the unpruned parent."""
        return 1 - self.nonzero / self.parameters

    def param(self, name: str) -> Any:
        """A parameter of the root step (``arch``, ``dataset``, ``seed`` ...), its default where it was left out."""
        return getattr(self.root.read(), name)

    @property
    def method(self) -> str | None:
        """The method of the latest prune step; None for an unpruned network."""
        pruned = [step.params["method"] for step in self.lineage if step.kind == "prune"]
        return str(pruned[-1]) if pruned else None

    def row(self) -> dict[str, Any]:
        """One flat JSON object for the terminal and for pipes."""
        return {
            "key": self.key,
            "kind": self.kind,
            "arch": self.param("arch"),
            "dataset": self.param("dataset"),
            "seed": self.param("seed"),
            "method": self.method,
            "prune_ratio": self.prune_ratio,
            "error": self.error,
            "parameters": self.parameters,
            "nonzero": self.nonzero,
            "parent": self.parent,
            **self.results,
        }


class MeasurementRecord(BaseModel):
    """A stored measurement: the step that made it and a summary of its per-example arrays."""

    model_config = ConfigDict(frozen=True)
    key: str
    step: Step
    summary: dict[str, JsonValue] = {}
    provenance: dict[str, JsonValue] = {}

    @property
    def kind(self) -> str:
        """error, noise, features or transfer."""
        return self.step.kind

    def row(self) -> dict[str, Any]:
        """One flat JSON object for the terminal and for pipes."""
        return {"key": self.key, "kind": self.kind, **self.step.params, **self.summary}
