"""Findings as a small study would give them: real shapes and sizes, numbers made up by a formula."""

from __future__ import annotations

import math

import pytest

RATIOS = (0.15, 0.46, 0.69, 0.8, 0.95)
METHODS = {"wt": 1.0, "sipp": 1.05, "ft": 0.62, "pfp": 0.7}
SHIFTS = {
    "digits+fog@3": 0.04,
    "digits+brightness@3": 0.02,
    "digits+gaussian_noise@3": 0.42,
    "digits+impulse_noise@3": 0.5,
    "digits+motion_blur@3": 0.12,
    "digits+jpeg_compression@3": 0.08,
    "digits+contrast@3": 0.15,
}
NOMINAL = "digits"
LEVELS = tuple(round(0.1 * step, 1) for step in range(8))
CLASSES = tuple(str(digit) for digit in range(10))
PARENT_ERROR = 0.031
ONE_SEED = "1 seed: the interval covers images only"
AT_LARGEST = "at the largest ratio tested: the potential may be higher"
INTERVAL = "95 % percentile bootstrap, images resampled 10,000 times"


def row(finding, value, spread=0.01, seeds=1, **more):
    flags = [*more.pop("flags", []), *([ONE_SEED] if seeds == 1 else [])]
    numbers = {"value": value, "low": value - spread, "high": value + 1.2 * spread}
    common = {"n": 360, "seeds": seeds, "interval": INTERVAL, "flags": flags, "models": ["retrain-0123456789abcdef"]}
    return {"finding": finding, "method": None, "prune_ratio": None, "distribution": None, "unit": "share"} | {
        **numbers,
        **common,
        **more,
    }


def error_at(strength, ratio, shift):
    base = PARENT_ERROR + shift
    wobble = 0.004 * math.sin(9 * ratio + strength)
    return base if ratio == 0 else base + wobble + (0.06 + shift) * max(0.0, ratio / strength - 0.55) ** 2


def prune_curves(distributions):
    for method, strength in METHODS.items():
        for distribution, shift in distributions.items():
            for ratio in (0.0, *RATIOS):
                error = error_at(strength, ratio, shift)
                kept = error - PARENT_ERROR - shift <= 0.005
                yield row(
                    "prune-curve", error, 0.012, method=method, prune_ratio=ratio * 0.999, asked=ratio,
                    distribution=distribution, commensurate=kept, margin=0.005, unit="error",
                )  # fmt: skip


def potentials(curves):
    for method in METHODS:
        for distribution in (NOMINAL, *SHIFTS):
            own = [each for each in curves if (each["method"], each["distribution"]) == (method, distribution)]
            best = max(each["prune_ratio"] for each in own if each["commensurate"])
            flags = [AT_LARGEST] if best > 0.9 else []
            found = row("potential", best, 0.06, method=method, distribution=distribution, margin=0.005, flags=flags)
            yield found | {"low": max(0.0, found["low"]), "high": min(0.95, found["high"]), "sd": None}


def summaries(potential_rows):
    for method in METHODS:
        values = [r["value"] for r in potential_rows if r["method"] == method and r["distribution"] != NOMINAL]
        members = {"distribution": "shifted", "distributions": list(SHIFTS), "margin": 0.005}
        yield row("potential-mean", sum(values) / len(values), 0.05, method=method, **members)
        yield row("potential-minimum", min(values), 0.05, method=method, **members)


def excess():
    for method, strength in METHODS.items():
        members = {"distribution": "shifted", "distributions": list(SHIFTS), "nominal": [NOMINAL], "method": method}
        for ratio in RATIOS:
            value = 0.022 / strength * ratio + 0.002 * math.sin(20 * ratio)
            yield row("excess-error", value, 0.008, prune_ratio=ratio, asked=ratio, unit="error", **members)
        yield row("excess-slope", 0.022 / strength, 0.009, p_value=0.01, unit="error per unit of prune ratio", **members)


def similarities():
    for method, strength in (*METHODS.items(), ("separate", None)):
        for ratio in RATIOS if strength else (0.0,):
            for level in LEVELS:
                far = 0.35 * math.tanh(2.2 * level) + (0.02 + 0.12 * (ratio / strength) ** 4 if strength else 0.1)
                shared = {"method": method, "prune_ratio": ratio, "asked": ratio, "level": level, "distribution": NOMINAL}
                yield row("similarity", 1 - 0.75 * far, 0.01, metric="agreement", **shared)
                yield row("similarity", far, 0.012, metric="softmax_l2", unit="distance", **shared)
                yield row("similarity", far / 2, 0.012, metric="kl", unit="nats", **shared)


def noise_potentials():
    for method, strength in METHODS.items():
        for level in LEVELS:
            value = 0.85 * min(1.0, strength) / (1 + math.exp(14 * (level - 0.45 * strength)))
            name = f"{NOMINAL}+uniform@{level:g}"
            yield row("noise-potential", value, 0.04, method=method, level=level, distribution=name, margin=0.005)


def hidden():
    for method, strength in METHODS.items():
        for ratio in RATIOS:
            shared = {"method": method, "prune_ratio": ratio, "asked": ratio, "distribution": NOMINAL}
            yield row("churn", 0.02 + 0.08 * (ratio / strength) ** 3, **shared)
            yield row("calibration", 0.015 + 0.03 * ratio / strength, 0.004, metric="ece", **shared)
            yield row("calibration", 0.05 + 0.03 * ratio / strength, 0.004, metric="brier", **shared)
            for index, name in enumerate(CLASSES):
                yield row("recall-shift", -0.05 * ratio * math.sin(index + strength), 0.02, **{**shared, "class": name})


def transfers():
    names = ["parent", "wt 0.46", "wt 0.80", "wt 0.95", "separate"]
    for i, pixels in enumerate(names):
        for j, predicts in enumerate(names):
            value = 0.92 - 0.17 * abs(i - j)
            yield row("features-transfer", value, 0.03, method="wt", row_model=pixels, column_model=predicts)


def claims():
    told = "agreement(pruned) − agreement(separate) is 0.031 (0.012 to 0.05) at its smallest"
    yield {"finding": "claim", "number": 1, "claim": "Pruned nets are closer to their parent than a separate net.", "verdict": "holds", "evidence": told}
    yield {"finding": "claim", "number": 5, "claim": "Potential falls with noise.", "verdict": "cannot tell", "evidence": "one seed"}


def study_rows():
    curves = list(prune_curves({NOMINAL: 0.0, **SHIFTS}))
    found = list(potentials(curves))
    parts = (curves, found, summaries(found), excess(), similarities(), noise_potentials(), hidden(), transfers(), claims())
    return [each for part in parts for each in part]


def study_context():
    train = {"kind": "train", "key": "train-8f2f8d2f0c0e4a11", "params": {"arch": "resnet8", "dataset": "digits", "epochs": 12}}
    steps = [train]
    lineage = [{"key": train["key"], "label": "parents", "steps": [train], "prune_ratio": 0.0, "error": PARENT_ERROR, "provenance": {"device": "cpu", "torch": "2.14.1"}}]
    for ratio in RATIOS[:4]:
        steps = [*steps, {"kind": "prune", "params": {"method": "wt", "prune_ratio": ratio}}, {"kind": "retrain", "params": {}}]
        lineage.append({"key": f"retrain-{int(ratio * 1e4):016x}", "steps": steps[-2:], "prune_ratio": ratio, "error": 0.034, "provenance": {"device": "cpu"}})
    return {
        "title": "Digits, resnet8: is the pruned network still the same function?",
        "margin": 0.005,
        "nominal": NOMINAL,
        "recipe": '[[stage]]\nlabel = "parents"\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\n',
        "lineage": lineage,
        "versions": {"prunekit": "0.1.0", "torch": "2.14.1"},
        "seeds": [0],
    }


@pytest.fixture(scope="session")
def rows():
    return study_rows()


@pytest.fixture(scope="session")
def context():
    return study_context()
