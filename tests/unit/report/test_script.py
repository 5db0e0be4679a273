"""The page's script, driven in a headless browser: its hash is in the page's policy, and the page reads without it."""

import base64
import hashlib
import re
import shutil
import subprocess

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason=f"needs a browser: one of {', '.join(BROWSERS)}")

DRIVE = """
const said = [];
const table = [...document.querySelectorAll("main table")].find((each) => each.querySelector(".sort") && each.tBodies[0].rows.length > 8);
const names = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
table.querySelectorAll(".sort")[0].click();
said.push("up=" + names()[0]);
table.querySelectorAll(".sort")[0].click();
said.push("down=" + names()[0]);
const filter = table.parentElement.previousElementSibling;
filter.value = "fog@3";
filter.dispatchEvent(new Event("input"));
said.push("left=" + [...table.tBodies[0].rows].filter((row) => row.offsetParent).map((row) => row.cells[0].textContent).join());
const shown = () => [...document.querySelectorAll('#churn [data-series="wt"]')].filter((each) => getComputedStyle(each).display !== "none").length;
said.push("before=" + (shown() > 0));
document.querySelector('#choose input[value="wt"]').click();
said.push("after=" + shown());
const range = document.querySelector("input.margin");
const slide = (value) => {
  range.value = value;
  range.dispatchEvent(new Event("input"));
  return document.querySelector(".slide tbody tr").textContent.replace(/\\s+/g, " ");
};
said.push("wide=" + slide("10"));
said.push("line=" + document.querySelector("[data-margin]").getAttribute("transform"));
const mark = document.querySelector("#churn [data-said]:not(.off *)");
const box = mark.getBoundingClientRect();
mark.ownerSVGElement.dispatchEvent(new PointerEvent("pointermove", { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true }));
said.push("tip=" + document.querySelector(".tip").textContent);
document.body.dataset.driven = JSON.stringify(said);
"""


def script_of(page):
    return re.search(r"<script>(.*)</script>", page, re.DOTALL)[1]


def digest(script):
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def dumped(path):
    """The page's elements after its script ran."""
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=5000",
        "--dump-dom",
    ]
    found = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=300, check=True)
    return found.stdout


def test_one_script_is_allowed_by_its_hash_and_loads_nothing(report):
    page = (report / "index.html").read_text()
    assert page.count("<script") == 1
    assert f"script-src 'sha256-{digest(script_of(page))}'" in page
    assert "default-src 'none'" in page
    assert not re.search(r"fetch\(|XMLHttp|import\(|eval\(|innerHTML|https?:", script_of(page))


@needs_browser
@pytest.mark.timeout(600)
def test_the_script_sorts_filters_chooses_slides_and_names(report, tmp_path):
    page = (report / "index.html").read_text()
    allowed = f"'sha256-{digest(script_of(page))}'"
    driven = page.replace(allowed, f"{allowed} 'sha256-{digest(DRIVE)}'", 1)
    path = tmp_path / "driven.html"
    path.write_text(driven.replace("</body>", f"<script>{DRIVE}</script></body>"))
    found = dumped(path)
    said = re.search(r'data-driven="([^"]*)"', found)
    assert said is not None, "the policy let no script run"
    text = said[1].replace("\u00a0", " ").replace("&nbsp;", " ").replace("&quot;", '"')
    assert '"up=digits","down=digits+motion_blur@3","left=digits+fog@3"' in text
    assert '"before=true","after=0"' in text
    assert '"wide=digits95 %95 %"' in text
    assert re.search(r'"line=translate\(\d+\.\d+ 0\)"', text)
    assert re.search(r'"tip=ft, 15 %: [\d.]+ \[', text)
