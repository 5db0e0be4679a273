"""Draw a published page again from the findings beside it, after the report has changed and the store is gone.

`python docs/draw_findings.py docs/results/cifar10-jpeg-30k.json.gz --margin 0.01 --recipe recipes/folder-decides.toml`
writes docs/results/cifar10-jpeg-30k.html. What only the store knows (each model's settings) is not on the page.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from pathlib import Path

from prunekit.recipes.file import read
from prunekit.report.build import write_report


def main() -> None:
    """Read the rows, write the report into a folder of its own, and keep its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("findings", type=Path, help="NAME.json.gz: the rows of a findings.json")
    parser.add_argument("--margin", type=float, required=True, help="the margin of the study")
    parser.add_argument("--recipe", type=Path, required=True, help="its recipe")
    asked = parser.parse_args()
    rows = json.loads(gzip.decompress(asked.findings.read_bytes()))
    recipe = read(asked.recipe, [])
    context = {
        "title": recipe.title,
        "margin": asked.margin,
        "recipe": recipe.text,
        "seeds": sorted({seed for row in rows for seed in row.get("seed_set", ())}),
    }
    page = asked.findings.with_name(asked.findings.name.removesuffix(".json.gz") + ".html")
    with tempfile.TemporaryDirectory() as folder:
        page.write_bytes(write_report(rows, context, Path(folder) / "report").read_bytes())


if __name__ == "__main__":
    main()
