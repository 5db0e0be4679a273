"""Limits on integer parameters: a value beyond any memory, time or random generator gives a one-line error."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# Seeds are int64 in torch; the other limits are far above what any study needs, and their products do not overflow.
LARGEST_SEED, MOST, MOST_EPOCHS, LARGEST_BATCH, LARGEST_SIDE = 2**63 - 1, 10**9, 10**6, 10**6, 2**15
MOST_RESAMPLES, MOST_WORKERS, MOST_SEEDS, MOST_REPEATS = 10**6, 10**4, 10**3, 10**6

Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Epochs = Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
Batch = Annotated[int, Field(ge=1, le=LARGEST_BATCH)]
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
