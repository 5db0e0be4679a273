"""Draw the pictures and the table of docs/corruptions.md: `python docs/draw_corruptions.py`.

Every picture shows the clean image and the severities 1 to 5: above, the ImageNet constants at 224 pixels (half size);
below, the CIFAR constants at 32 pixels (enlarged). The photographs are the two that come with scikit-learn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from prunekit.data.corruptions import CORRUPTION_ROWS, corrupt
from prunekit.distribution import SEVERITIES

HERE = Path(__file__).resolve().parent
PAGE = HERE / "corruptions.md"
PICTURES = HERE / "images" / "corruptions"
SHOWN_PX = 112
START, END = "<!-- rows: written by draw_corruptions.py -->", "<!-- end of rows -->"


def photograph(name, side):
    """The central square of a sample image as uint8 [1, 3, side, side]."""
    picture = Image.fromarray(load_sample_image(f"{name}.jpg"))
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    square = picture.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1)[None]


def strip(name, photo, table, resampling):
    """The clean image and its five severities side by side, as uint8 [SHOWN_PX, 6 SHOWN_PX, 3]."""
    made = [corrupt(photo, corruption=name, severity=s, seeds=[1], table=table) for s in SEVERITIES]
    shown = [
        Image.fromarray(image[0].permute(1, 2, 0).contiguous().numpy()).resize(
            (SHOWN_PX, SHOWN_PX), resampling
        )
        for image in (photo, *made)
    ]
    return np.concatenate([np.asarray(image) for image in shown], axis=1)


def draw(name):
    above = strip(name, photograph("china", 224), "imagenet", Image.Resampling.BOX)
    below = strip(name, photograph("flower", 32), "cifar", Image.Resampling.NEAREST)
    Image.fromarray(np.concatenate([above, below])).save(PICTURES / f"{name}.jpg", quality=72)


def constants(row, table):
    values = row.cifar if table == "cifar" else row.imagenet
    each = [" ".join(f"{v:g}" if isinstance(v, float | int) else v for v in one) for one in values]
    return " · ".join(each)


def entry(name):
    """One corruption's part of the page."""
    row = CORRUPTION_ROWS[name]
    chance = f"Draws `{'`, `'.join(row.draws)}`." if row.random else "Deterministic."
    return f"""### {name}

{row.does[0].upper()}{row.does[1:]} ({row.family}). {chance} {row.source}

| {", ".join(row.constants)} | severities 1 to 5 |
|---|---|
| cifar | {constants(row, "cifar")} |
| imagenet | {constants(row, "imagenet")} |

![{name}: clean, then severities 1 to 5](images/corruptions/{name}.jpg)
"""


def main():
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in CORRUPTION_ROWS:
        draw(name)
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(START)[0], page.partition(END)[2]
    rows = "\n".join(entry(name) for name in CORRUPTION_ROWS)
    PAGE.write_text(f"{before}{START}\n\n{rows}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
