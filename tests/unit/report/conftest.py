"""Findings as a small study would give them: real shapes and sizes, numbers made up by a formula."""

from __future__ import annotations

import math

import pytest

from prunekit.report.build import write_report

RATIOS = (0.15, 0.46, 0.69, 0.8, 0.95)
METHODS = {"wt": 1.0, "sipp": 1.05, "ft": 0.62, "pfp": 0.7}
SHIFTS = {
    "digits+fog@3": 0.04,
    "digits+fog@5": 0.2,
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
ONE_SEED, AT_LARGEST = "one-seed", "at-largest-ratio"
NOISY = {"space": "normalised", "clip": False, "draws": 100}
SOUGHT = {"control": None, "block": 1, "candidates": None}
NO_ENDS = dict.fromkeys(("rise_low", "rise_high", "rise_these_low", "rise_these_high"))
ALLOWED = {"margin": 0.005, "relative": False}
JUDGED = {"verdict": "undecided", "verdict_holm": "undecided"}
POTENTIAL = {**ALLOWED, "per_seed": [0.5], "sd": None}
INTERVAL = "95 % percentile bootstrap, images resampled 10,000 times"


def row(finding, value, spread=0.01, seeds=1, **more):
    flags = [*more.pop("flags", []), *([ONE_SEED] if seeds == 1 else [])]
    numbers = {"value": value, "low": value - spread, "high": value + 1.2 * spread}
    numbers |= {"covers": "these networks", "these_low": numbers["low"], "these_high": numbers["high"]}
    common = {
        "n": 360,
        "seeds": seeds,
        "interval": INTERVAL,
        "flags": flags,
        "models": ["retrain-0123456789abcdef"],
        "seed_set": list(range(seeds)),
        "repetitions": 1,
    }
    method, structures = (
        more.get("method"),
        {"wt": "weight", "sipp": "weight", "ft": "filter", "pfp": "filter"},
    )
    settled = {"structure": structures.get(method), "dataset": NOMINAL, "train_distribution": None}
    settled |= {
        "retraining": "lr-rewind",
        "retrain_epochs": 12,
        "cascade": True,
        "arch": "resnet8",
        "settings": {},
    }
    identity = {
        "variant": f"{method}-{more.get('train_distribution')}",
        "role": "pruned" if method else "separate",
    }
    nominal = all(name == NOMINAL for name in more.get("distributions") or [more.get("distribution")])
    return {
        "finding": finding,
        **identity,
        **settled,
        "nominal": nominal,
        "method": None,
        "prune_ratio": None,
        "distribution": None,
        "unit": "share",
    } | {
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
                    distribution=distribution, commensurate=kept, unit="error", limit=0.005, p_verdict=0.2,
                    rise=error - PARENT_ERROR - shift, **NO_ENDS, **ALLOWED, **JUDGED,
                )  # fmt: skip


def potentials(curves):
    for method in METHODS:
        for distribution in (NOMINAL, *SHIFTS):
            own = [
                each for each in curves if (each["method"], each["distribution"]) == (method, distribution)
            ]
            best = max(each["prune_ratio"] for each in own if each["commensurate"])
            flags = [AT_LARGEST] if best > 0.9 else []
            found = row(
                "potential",
                best,
                0.06,
                method=method,
                distribution=distribution,
                flags=flags,
                interpolated=False,
                **POTENTIAL,
            )
            yield found | {"low": max(0.0, found["low"]), "high": min(0.95, found["high"])}


def steps(curves):
    """Where the potential rises along the margin: each ratio that costs more than every smaller one below it."""
    own = [each for each in curves if each["prune_ratio"]]
    for each in own:
        larger = [
            other["rise"]
            for other in own
            if (other["method"], other["distribution"]) == (each["method"], each["distribution"])
            and other["asked"] > each["asked"]
        ]
        if all(each["rise"] < rise for rise in larger):
            yield row(
                "potential-step", each["rise"], 0.004, method=each["method"], prune_ratio=each["prune_ratio"],
                asked=each["asked"], until=min(larger, default=None), distribution=each["distribution"], unit="error",
            )  # fmt: skip


def differences():
    """Method against method: each pair once, on each distribution; the stronger has the higher potential."""
    names = list(METHODS)
    for place, name in enumerate(names):
        for other in names[:place]:
            for distribution in (NOMINAL, *SHIFTS):
                value = 0.3 * (METHODS[name] - METHODS[other])
                yield row(
                    "method-difference", value, 0.06, method=name, distribution=distribution, unit="prune ratio",
                    of="potential", asked=None, other=f"{other}-None", better=0.5 + value, p_value=0.1, q_value=0.2,
                )  # fmt: skip


def summaries(potential_rows):
    for method in METHODS:
        values = [
            r["value"] for r in potential_rows if r["method"] == method and r["distribution"] != NOMINAL
        ]
        members = {"distribution": "shifted", "distributions": list(SHIFTS), **POTENTIAL}
        yield row("potential-mean", sum(values) / len(values), 0.05, method=method, **members)
        yield row("potential-minimum", min(values), 0.05, method=method, **members)


def robust(potential_rows):
    """Robust training by the method wt: half of what is missing to 95 % is gained on shifted distributions."""
    for own in [each for each in potential_rows if each["method"] == "wt"]:
        gain = 0.0 if own["distribution"] == NOMINAL else (0.95 - own["value"]) / 2
        value = own["value"] + gain
        yield own | {
            "variant": "wt-robust",
            "train_distribution": "digits+mix1",
            "value": value,
            "low": value - 0.06,
            "high": min(0.95, value + 0.06),
        }
        both = {"robust": value, "other": own["value"], "distributions": [own["distribution"]]}
        made = {"variant": "wt-robust", "control": own["variant"], "train_distribution": "digits+mix1"}
        yield row(
            "robust-gain", gain, 0.05, method="wt", distribution=own["distribution"],
            unit="prune ratio", **both, **made, **POTENTIAL,
        )  # fmt: skip


def excess():
    for method, strength in METHODS.items():
        members = {
            "distribution": "shifted",
            "distributions": list(SHIFTS),
            "nominal_set": [NOMINAL],
            "method": method,
        }
        for ratio in RATIOS:
            value = 0.022 / strength * ratio + 0.002 * math.sin(20 * ratio)
            yield row(
                "excess-error",
                value,
                0.008,
                prune_ratio=ratio,
                asked=ratio,
                unit="error",
                p_value=0.2,
                **members,
            )
        yield row(
            "excess-slope",
            0.022 / strength,
            0.009,
            p_value=0.01,
            q_value=0.02,
            fit=0.4,
            without_last=0.01,
            per_seed=[0.02],
            unit="error per unit of prune ratio",
            **members,
        )


def similarities():
    for method, strength in (*METHODS.items(), (None, None)):
        for ratio in RATIOS if strength else (0.0,):
            for level in LEVELS:
                far, control = distance(level, ratio, strength), distance(level, 0.0, None)
                shared = {
                    "method": method,
                    "prune_ratio": ratio,
                    "asked": ratio,
                    "level": level,
                    "distribution": NOMINAL,
                }
                shared |= {"noise": "uniform", **NOISY, "parents": ["train-8f2f8d2f0c0e4a11"]}
                yield row("similarity", 1 - 0.75 * far, 0.01, metric="agreement", **shared)
                yield row("similarity", far, 0.012, metric="softmax_l2", unit="distance", **shared)
                yield row("similarity", far / 2, 0.012, metric="kl", unit="nats", **shared)
                if strength:
                    yield row(
                        "similarity-gain",
                        0.75 * (control - far),
                        0.01,
                        metric="agreement",
                        control="other",
                        **shared,
                    )


def distance(level, ratio, strength):
    return 0.35 * math.tanh(2.2 * level) + (0.02 + 0.12 * (ratio / strength) ** 4 if strength else 0.1)


def noise_potentials():
    for method, strength in METHODS.items():
        for level in LEVELS:
            value = 0.85 * min(1.0, strength) / (1 + math.exp(14 * (level - 0.45 * strength)))
            name = f"{NOMINAL}+uniform@{level:g}"
            yield row(
                "noise-potential",
                value,
                0.04,
                method=method,
                level=level,
                distribution=name,
                interpolated=False,
                by_draw=True,
                noise="uniform",
                **NOISY,
                **POTENTIAL,
            )


def hidden():
    for method, strength in METHODS.items():
        for ratio in RATIOS:
            shared = {"method": method, "prune_ratio": ratio, "asked": ratio, "distribution": NOMINAL}
            net = {
                "broken": 0.03,
                "fixed": 0.02,
                "net": -0.01,
                "net_low": -0.02,
                "net_high": 0.0,
                "mcnemar": [0.3],
                "mcnemar_q": [0.6],
            }
            yield row("churn", 0.02 + 0.08 * (ratio / strength) ** 3, **shared, **net)
            yield row("calibration", 0.015 + 0.03 * ratio / strength, 0.004, metric="ece", **shared)
            yield row("calibration", 0.05 + 0.03 * ratio / strength, 0.004, metric="brier", **shared)
            yield row("excessive-loss-gap", 0.1 + 0.3 * ratio**2 / strength, 0.05, **shared)
            yield row(
                "mce",
                1 + 0.2 * ratio**2,
                0.05,
                **{**shared, "distribution": "shifted"},
                relative_to="train-8f2f8d2f0c0e4a11",
                distributions=list(SHIFTS),
            )
            for index, name in enumerate(CLASSES):
                of_class = shared | {"class": name}
                yield row(
                    "recall-shift",
                    -0.05 * ratio * math.sin(index + strength),
                    0.02,
                    p_value=None,
                    p_holm=None,
                    q_value=None,
                    **JUDGED,
                    **ALLOWED,
                    **of_class,
                )
                yield row(
                    "excessive-loss", 0.1 * ratio * (1 + math.sin(index)), 0.02, unit="nats", **of_class
                )
            yield from of_groups(shared, method)
        for index, name in enumerate(CLASSES):
            of_class = {"class": name, "method": method, "distribution": NOMINAL, **POTENTIAL}
            yield row("class-potential", RATIOS[(3 * index + len(method)) % 5], 0.1, **of_class)


def of_groups(shared, method):
    """The images of two cameras: the second loses more."""
    for index, name in enumerate(("front", "back")):
        group = {"grouping": "camera", "group": name}
        yield row(
            "group-shift",
            -0.02 * index * shared["asked"],
            0.01,
            **shared,
            **group,
            **JUDGED,
            **ALLOWED,
            p_value=None,
            p_holm=None,
            q_value=None,
            error=0.1,
            parent_error=0.1,
            churn=0.05,
            recall=0.9,
            parent_recall=0.9,
            worst=bool(index),
        )
        if shared["asked"] == RATIOS[0]:
            own = {"method": method, "distribution": NOMINAL, **POTENTIAL, **group}
            yield row("group-potential", RATIOS[3 - index], 0.1, **own)


def longer(potentials):
    """The control trained as long: a smaller error, and smaller potentials against it."""
    for each in potentials:
        own = {"finding": "longer-potential", "value": each["value"] / 2, "control": "longer"}
        yield each | own | {"fair_at": [RATIOS[0]]}
    for method in METHODS:
        for place, ratio in enumerate(RATIOS):
            epochs = 12 * (place + 1)
            yield row(
                "longer-rise", 0.004 + 0.02 * place, method=method, prune_ratio=ratio, asked=ratio, limit=0.005,
                distribution=NOMINAL, control="longer", retrained=epochs, control_retrained=12, fair=place == 0,
                p_verdict=0.2, unit="error", **ALLOWED, **JUDGED,
            )  # fmt: skip
    for name in (NOMINAL, *SHIFTS):
        yield row(
            "longer-error",
            0.02,
            0.01,
            distribution=name,
            role="longer",
            rounds=[12],
            rise=-0.01,
            **NO_ENDS,
        )


def part(side, ratio):
    """The columns of one network of a heat map."""
    if ratio == "separate":
        return {f"{side}_role": "separate", f"{side}_model": 0.0}
    return {f"{side}_role": "pruned" if ratio else "parent", f"{side}_model": ratio}


def transfers():
    roles = [0.0, *RATIOS, "separate"]
    for i, pixels in enumerate(roles):
        for j, predicts in enumerate(roles):
            shared = {
                "method": "wt",
                "distribution": NOMINAL,
                **part("row", pixels),
                **part("column", predicts),
                **SOUGHT,
            }
            yield row("features-transfer", 0.92 - 0.12 * abs(i - j), 0.03, kept=0.1, **shared)
            for kept in (0.02, 0.1, 0.3, 1.0):
                yield row(
                    "features-curve", 0.92 * kept ** (0.1 + 0.1 * abs(i - j)), 0.03, kept=kept, **shared
                )


def claims():
    texts = {
        1: ("Pruned networks are closer to their parent than a separate one.", "holds", 0.031),
        5: ("Potential falls with noise.", "cannot tell", None),
    }
    for number, (text, verdict, value) in texts.items():
        told = "the smallest of 20 contrasts is above zero with its interval" if value else "one seed"
        numbers = {"value": value, "low": value, "high": value, "unit": "share of predictions"}
        numbers |= {"average": value, "average_low": value, "average_high": value}
        numbers |= {"lacks": [], "contrasts": 20, "above": 20 if value else 3}
        yield {
            "finding": "claim",
            "claim": number,
            "text": text,
            "verdict": verdict,
            "evidence": told,
            **numbers,
        }


def study_rows():
    curves = list(prune_curves({NOMINAL: 0.0, **SHIFTS}))
    found = list(potentials(curves))
    parts = (
        curves,
        found,
        steps(curves),
        differences(),
        summaries(found),
        longer(found),
        robust(found),
        excess(),
        similarities(),
        noise_potentials(),
        hidden(),
        transfers(),
        claims(),
    )
    return [each for part in parts for each in part]


def study_context():
    train = {
        "kind": "train",
        "key": "train-8f2f8d2f0c0e4a11",
        "params": {"arch": "resnet8", "dataset": "digits", "epochs": 12},
    }
    steps = [train]
    first = {
        "key": train["key"],
        "label": "parents",
        "steps": [train],
        "prune_ratio": 0.0,
        "error": PARENT_ERROR,
    }
    lineage = [first | {"parameters": 77_000}]
    for ratio in RATIOS[:4]:
        keys = [f"{kind}-{int(ratio * 1e4):016x}" for kind in ("prune", "retrain")]
        fields = {"parent": steps[-1]["key"], "method": "wt", "prune_ratio": ratio}
        pruned = {"kind": "prune", "key": keys[0], "params": fields}
        steps = [*steps, pruned, {"kind": "retrain", "key": keys[1], "params": {"parent": keys[0]}}]
        lineage.append({"key": keys[1], "label": None, "steps": steps, "prune_ratio": ratio, "error": 0.034})
    return {
        "title": "Digits, resnet8: is the pruned network still the same function?",
        "margin": 0.005,
        "nominal": NOMINAL,
        "recipe": '[[stage]]\nlabel = "parents"\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\n',
        "lineage": lineage,
        "provenance": ["device cpu", "prunekit 0.1.0", "torch 2.14.1"],
        "seeds": [0],
    }


def pictures(study):
    broken = [broken_image(distribution, place) for distribution in list(SHIFTS)[:2] for place in range(4)]
    return {"kept": [picture(place) for place in range(2)], "broken": broken}


def broken_image(distribution, place):
    """A blue image of 4 x 6 pixels that the parent reads right, and wt at 75 % as the next class."""
    return {
        "label": "wt",
        "ratio": 0.75,
        "distribution": distribution,
        "place": place,
        "class": CLASSES[place],
        "parent_says": CLASSES[place],
        "says": CLASSES[place + 1],
        "size": [4, 6],
        "rgb": [10, 20, 250] * 24,
        "broken": 46,
        "fixed": 3,
        "n": 360,
    }


def picture(place):
    """A red image of 4 x 6 pixels; a network of ratio r keeps two of them, from 4 r on."""
    roles = [*RATIOS, "separate", 0.0]
    return {
        "method": "wt",
        "place": place,
        "class": CLASSES[place],
        "size": [4, 6],
        "rgb": [250, 10, 20] * 24,
        "kept": [
            {"model": role, "pixels": [23] if role == "separate" else [int(4 * role), 23]} for role in roles
        ],
        "share": 0.1,
        "block": 1,
        "candidates": None,
    }


@pytest.fixture(scope="session")
def rows():
    """Two methods, two shifts and the control: every figure, in a third of the time."""
    curves = (NOMINAL, *list(SHIFTS)[:2])
    own = [each for each in study_rows() if each.get("method") in (None, "wt", "ft")]
    return [each for each in own if each["finding"] != "prune-curve" or each["distribution"] in curves]


@pytest.fixture(scope="session")
def few(rows):
    """What draws two figures only."""
    return [
        each
        for each in rows
        if each["finding"] in ("potential", "churn", "potential-mean", "potential-minimum")
    ]


@pytest.fixture(scope="session")
def make():
    """A function that makes one row: a finding, its value, half the width of its interval, and columns."""
    return row


@pytest.fixture(scope="session")
def context():
    return study_context()


@pytest.fixture(scope="session")
def report(rows, context, tmp_path_factory):
    """The folder of one whole report."""
    return write_report(rows, context, tmp_path_factory.mktemp("report"), pictures=pictures).parent
