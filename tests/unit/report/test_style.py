from prunekit.report.style import MARKERS, SERIES, TONES, colour_variables, method_looks, ratio_looks, themed


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_and_lines_stand_out_on_both_papers():
    paper = {tone.variable: tone for tone in TONES}["--paper"]
    for tone in TONES:
        needed = {"--ink": 7, "--muted": 4.5, "--accent": 4.5, "--grid": 1, "--paper": 1}.get(
            tone.variable, 2
        )
        assert contrast(tone.light, paper.light) >= needed, tone
        assert contrast(tone.dark, paper.dark) >= needed, tone


def test_no_two_colours_of_the_palette_are_the_same():
    for paper in ("light", "dark"):
        assert len({getattr(tone, paper) for tone in TONES}) == len(TONES)


def test_a_method_looks_the_same_whatever_else_is_compared():
    assert method_looks(["wt"])["pfp"] == method_looks(["random", "pfp"])["pfp"]


def test_twenty_methods_all_look_different():
    looks = method_looks([f"m{number:02}" for number in range(16)])
    assert len({(look.colour, look.marker, look.dash) for look in looks.values()}) == 21


def test_more_ratios_than_colours_still_differ_by_marker():
    assert len(SERIES) == len(MARKERS)
    looks = ratio_looks([0.1, 0.2, 0.3])
    assert [look.label for look in looks.values()] == ["10 %", "20 %", "30 %"]
    assert len({look.colour for look in looks.values()}) == 3


def test_only_palette_colours_become_variables():
    assert themed("fill: #0072b2; stroke: #123456") == "fill: var(--s1); stroke: #123456"
    assert "--s1:#4fb3f2" in colour_variables()["dark"]
