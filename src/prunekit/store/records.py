"""The record of a model or a measurement, without its tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

from prunekit.errors import StoreError
from prunekit.params import STEPS, Params, Root

MODULE = "module"
# The form of a network known only by imported outcomes; its size is unknown.
PREDICTIONS = "predictions"
# The provenance entry with the digest of weights that were dropped.
DROPPED = "dropped"
# The method of a network that was made smaller elsewhere, if none is given.
COMPRESSED = "compressed"


class Step(BaseModel):
    """One step of a lineage: its kind, its parameters and its key."""

    model_config = ConfigDict(frozen=True)
    kind: str
    key: str
    params: dict[str, JsonValue]

    @classmethod
    def of(cls, params: Params) -> Step:
        """The step with these parameters."""
        return cls(kind=params.kind, key=params.key, params=params.hashed())

    def read(self) -> Params:
        """The parameters, validated."""
        return STEPS[self.kind].read(self.params)


class Sources(NamedTuple):
    """What a result was made from: digests of data sets, of the user's code and of the results it needed, by name.

    Empty for results of version 0.1, which recorded none of these.
    """

    data: dict[str, str]
    code: dict[str, str]
    inputs: dict[str, str]

    @classmethod
    def of(cls, provenance: Mapping[str, JsonValue]) -> Sources:
        """The sources in a record's provenance."""
        return cls(*(_texts(provenance.get(name)) for name in SOURCES))

    @classmethod
    def in_text(cls, text: bytes) -> Sources:
        """The sources in the raw text of a record's provenance, which is JSON within a JSON string."""
        try:
            found = json.loads(json.loads(b'"' + text + b'"'))
        except (ValueError, RecursionError):
            raise StoreError("its provenance cannot be read") from None
        return cls.of(found if isinstance(found, dict) else {})

    def noted(self) -> dict[str, JsonValue]:
        """The sources as entries of a provenance."""
        found = zip(SOURCES, self, strict=True)
        return {name: dict(sorted(each.items())) for name, each in found if each}


SOURCES = ("made_of", "made_by", "made_from")


def _texts(found: JsonValue) -> dict[str, str]:
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}


class ModelRecord(BaseModel):
    """A stored model: its lineage (unpruned parent first, itself last), its size and its nominal test error.

    ``preprocessing`` holds the fields of :class:`prunekit.data.preprocessing.Preprocessing`; empty (in records of 0.1)
    means the data set's own. ``form`` is ``module`` (weights of an architecture) or the format of a program that is
    measured as imported. ``bytes`` and ``bits`` (per parameter) are those of the weights as made or imported.
    ``sizes``: the numbers by which its modules differ from the architecture's, if it was imported with fewer channels.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    lineage: tuple[Step, ...]
    classes: tuple[str, ...]
    parameters: int
    nonzero: int
    error: float | None
    preprocessing: dict[str, JsonValue] = {}
    form: str = MODULE
    bytes: int | None = None
    bits: float | None = None
    results: dict[str, JsonValue] = {}
    sizes: dict[str, dict[str, int | list[int]]] = {}
    provenance: dict[str, JsonValue] = {}

    @property
    def sources(self) -> Sources:
        """What it was made of."""
        return Sources.of(self.provenance)

    @property
    def dropped(self) -> str | None:
        """The digest of weights and masks that were removed from the store; None if they are present."""
        found = self.provenance.get(DROPPED)
        return str(found) if found is not None else None

    @property
    def kind(self) -> str:
        """The step that made it: train, prune, retrain or import."""
        return self.lineage[-1].kind

    @property
    def root(self) -> Step:
        """The step that made the unpruned parent at the root of the lineage."""
        return self.lineage[0]

    @property
    def root_params(self) -> Root:
        """The parameters of the root; :class:`StoreError` if the lineage does not begin with a root step."""
        params = self.root.read()
        if not isinstance(params, Root):
            raise StoreError(f"{self.key}: its lineage begins with {self.root.kind}, not with a network")
        return params

    @property
    def parent(self) -> str | None:
        """The key of the model that the last step started from."""
        return self.lineage[-2].key if len(self.lineage) > 1 else None

    @property
    def arch(self) -> str:
        """The architecture of the weights: that of the last step of the lineage that sets one."""
        named = [str(step.params["arch"]) for step in self.lineage if step.params.get("arch")]
        return named[-1] if named else self.form

    @property
    def prune_ratio(self) -> float:
        """1 - nonzero parameters / parameters of the unpruned parent; as stated if the parameters are unknown."""
        if not self.parameters:
            return float(str(self.lineage[-1].params.get("prune_ratio", 0.0)))
        return 1 - self.nonzero / self.parameters

    def param(self, name: str) -> Any:
        """A parameter of the root step (``arch``, ``dataset``, ``seed`` ...), or its default if it was left out."""
        return getattr(self.root.read(), name)

    @property
    def method(self) -> str | None:
        """The method of the latest step that made the network smaller; None for an unpruned network."""
        smaller = [
            str(step.params.get("method", COMPRESSED))
            for step in self.lineage
            if step.kind == "prune" or (step.kind == "import" and "parent" in step.params)
        ]
        return smaller[-1] if smaller else None

    def row(self) -> dict[str, Any]:
        """One flat JSON object for the terminal and for pipes."""
        own = {
            "key": self.key,
            "kind": self.kind,
            "arch": self.arch,
            "dataset": self.param("dataset"),
            "seed": self.param("seed"),
            "method": self.method,
            "prune_ratio": self.prune_ratio,
            "error": self.error,
            "parameters": self.parameters,
            "nonzero": self.nonzero,
            "bytes": self.bytes,
            "bits": self.bits,
            "parent": self.parent,
        }
        return own | {name: value for name, value in self.results.items() if name not in own}


class MeasurementRecord(BaseModel):
    """A stored measurement: the step that made it and a summary of its per-example arrays."""

    model_config = ConfigDict(frozen=True)
    key: str
    step: Step
    summary: dict[str, JsonValue] = {}
    provenance: dict[str, JsonValue] = {}

    @property
    def sources(self) -> Sources:
        """What it was made of."""
        return Sources.of(self.provenance)

    @property
    def kind(self) -> str:
        """error, noise, features or transfer."""
        return self.step.kind

    def row(self) -> dict[str, Any]:
        """One flat JSON object for the terminal and for pipes."""
        own = {"key": self.key, "kind": self.kind, **self.step.params}
        return own | {name: value for name, value in self.summary.items() if name not in own}
