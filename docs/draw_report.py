"""Publish the quickstart's report beside the docs, with its pictures: `make example`.

`python docs/draw_report.py study` copies study/index.html to docs/results/quickstart.html and, with a Chromium and
pdftoppm (poppler) here, draws docs/images/report*.png from it: on a desktop, in the dark, on a phone, printed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
PAGE, PICTURES = HERE / "results" / "quickstart.html", HERE / "images"
LARGEST = 1_000_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# By name: how wide and high the window is, and what the browser is told besides.
SCREENS = {
    "report.png": (1200, 1240, ()),
    "report-dark.png": (1200, 1240, ("--blink-settings=preferredColorScheme=0",)),
    "report-phone.png": (390, 1250, ()),
}
# A window is never narrower than this: a narrower page is shown inside one.
NARROWEST = 500
PRINTED, PRINTED_HEIGHT = 4, 566
COLOURS = 256


def publish(study: Path) -> None:
    """Copy the page, which is one file."""
    page = (study / "index.html").read_bytes()
    if len(page) > LARGEST:
        sys.exit(
            f"{study / 'index.html'} has {len(page):,} bytes: more than the {LARGEST:,} that the docs take"
        )
    PAGE.write_bytes(page)


def browse(browser: str, *told: str) -> None:
    """Run the browser without a window."""
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    subprocess.run([browser, *quiet, *told], check=True, capture_output=True, timeout=180)


def drawn(browser: str, folder: Path, page: Path, name: str) -> Path:
    """A picture of the top of the page in a window of this size."""
    width, height, told = SCREENS[name]
    shown, made = page, folder / name
    if width < NARROWEST:
        shown = folder / "narrow.html"
        frame = f'<iframe src="{page.as_uri()}" width="{width}" height="{height}" style="border:0"></iframe>'
        shown.write_text(f'<body style="margin:0">{frame}')
    window = f"--window-size={max(width, NARROWEST)},{height}"
    browse(browser, window, *told, f"--screenshot={made}", shown.as_uri())
    return made


def printed(browser: str, folder: Path, page: Path) -> Image.Image:
    """The first pages on paper, side by side."""
    pdf = folder / "page.pdf"
    browse(browser, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    command = ["pdftoppm", "-r", "60", "-l", str(PRINTED), "-png", str(pdf), str(folder / "sheet")]
    subprocess.run(command, check=True, timeout=180)
    sheets = [Image.open(path) for path in sorted(folder.glob("sheet*.png"))]
    sheets = [
        each.resize((round(each.width * PRINTED_HEIGHT / each.height), PRINTED_HEIGHT)) for each in sheets
    ]
    whole = Image.new("RGB", (sum(each.width for each in sheets), PRINTED_HEIGHT), "white")
    for place, each in enumerate(sheets):
        whole.paste(each, (sum(before.width for before in sheets[:place]), 0))
    return whole


def main(study: Path) -> None:
    """Publish the page and draw its pictures."""
    publish(study)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or shutil.which("pdftoppm") is None:
        sys.exit(f"{PAGE} is written; its pictures need a Chromium and pdftoppm (poppler-utils)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {each: Image.open(drawn(browser, folder, PAGE, each)) for each in SCREENS}
        found["report-print.png"] = printed(browser, folder, PAGE)
        for each, picture in found.items():
            width = SCREENS[each][0] if each in SCREENS else picture.width
            cut = picture.convert("RGB").crop((0, 0, width, picture.height))
            cut.quantize(COLOURS).save(PICTURES / each, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "study"))
