"""Tables for a paper: complete ``table`` environments whose text is right, and which a TeX compiles."""

import shutil
import subprocess

import pytest

from prunekit.report.formats import Footnote, Number, Table, plain_table
from prunekit.report.latex import PACKAGES, as_tex

LATEX = shutil.which("pdflatex")
TABLE = Table(
    "potential-1",
    "Prune potential (%)",
    ("distribution", "wt", "ft", "plain"),
    (
        ("digits", Number("90.0", "[75.0, 90.0]"), Number("−1.25", "± 0.3", "†"), Number("0.5")),
        ("a_b+fog@3", Number("5.0", "[0.0, 5.0]", "‡"), "–", Number("10.0")),
    ),
    ("Brackets give the 95 % interval.", Footnote("†", "a smaller ratio fails.")),
    "n = 359 images.",
)
EXPECTED = r"""
\begin{table}
\centering
\caption{Prune potential (\%).}
\label{tab:potential-1}
\begin{adjustbox}{max width=\linewidth, max totalheight=0.8\textheight}
\begin{threeparttable}
\begin{tabular}{lS[table-format=2.1]@{\,}lS[table-format=-1.2]@{\,}lS[table-format=2.1]}
\toprule
{distribution} & \multicolumn{2}{c}{wt} & \multicolumn{2}{c}{ft} & {plain} \\
\midrule
digits & 90.0 & {[}75.0, 90.0{]} & -1.25 & $\pm$ 0.3\tnote{\dag{}} & 0.5 \\
a\_b+fog@3 & 5.0 & {[}0.0, 5.0{]}\tnote{\ddag{}} & {--} &  & 10.0 \\
\bottomrule
\end{tabular}
\begin{tablenotes}
\footnotesize
\item Brackets give the 95 \% interval.
\item[{\dag{}}] a smaller ratio fails.
\item n = 359 images.
\end{tablenotes}
\end{threeparttable}
\end{adjustbox}
\end{table}
"""


def test_a_table_is_complete_with_aligned_numbers_and_notes():
    first, _, rest = as_tex(TABLE).partition("\n")
    assert first == f"% Needs {PACKAGES}"
    assert f"\n{rest}" == EXPECTED


def test_every_special_character_is_escaped():
    tex = as_tex(plain_table("x", [{"text": r"50 % & $x_1$ #~^{}\ ±"}]))
    assert r"50 \% \& \$x\_1\$ \#\textasciitilde{}\textasciicircum{}\{\}\textbackslash{} $\pm$ \\" in tex


def test_long_words_are_broken_into_lines():
    tex = as_tex(Table("claims", "Claims", ("", "claim", "verdict"), (("1", "word " * 20, "holds"),)))
    assert r"\begin{tabular}{l>{\raggedright\arraybackslash}p{0.80\linewidth}l}" in tex


@pytest.mark.slow
@pytest.mark.skipif(
    LATEX is None, reason="needs pdflatex (Debian: texlive-latex-extra texlive-science lmodern)"
)
def test_every_table_of_a_report_compiles(report, tmp_path):
    tables = sorted((report / "tables").glob("*.tex"))
    assert len(tables) > 15
    pages = [rf"\input{{{path}}}\clearpage" for path in tables]
    begin = [r"\documentclass[twocolumn]{article}", PACKAGES, r"\begin{document}"]
    (tmp_path / "all.tex").write_text("\n".join([*begin, *pages, r"\end{document}"]))
    command = [LATEX, "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.pdf").stat().st_size > 10_000
    assert "Missing character" not in done.stdout
    assert "undefined" not in done.stdout.replace("no undefined", "")
