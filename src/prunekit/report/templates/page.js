
"use strict";
// The page reads without this script; it sorts, filters, chooses, slides and names, and loads nothing.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, fields = {}, ...inside) => {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...inside);
  return made;
};
const first = (text) => parseFloat((text.replaceAll("\u2212", "-").replaceAll(",", "").match(/-?\d+(\.\d+)?/) || [])[0]);
const rowsOf = (table) => all("tbody > tr", table);

// Tables: sort by a column, filter rows.
const key = (row, place, words) => {
  const text = row.cells[place].textContent.trim();
  return words ? text : first(text);
};
const compare = (one, other, words) => {
  if (words) return one.localeCompare(other, undefined, { numeric: true });
  return Number.isNaN(one) - Number.isNaN(other) || one - other || 0;
};
const sortBy = (table, heads, head, place) => {
  const down = head.ariaSort !== "ascending";
  const words = place === 0 || head.classList.contains("words");
  const keyed = rowsOf(table).map((row) => [key(row, place, words), row]);
  keyed.sort(([one], [other]) =>
    down || Number.isNaN(one) || Number.isNaN(other) ? compare(one, other, words) : compare(other, one, words));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
  heads.forEach((each) => (each.ariaSort = each === head ? (down ? "ascending" : "descending") : null));
};
const sortable = (table) => {
  const heads = all("thead tr:last-child > th", table);
  heads.forEach((head, place) => {
    const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
    button.addEventListener("click", () => sortBy(table, heads, head, place));
    head.append(button);
  });
};
const MANY_ROWS = 8;
const filterable = (table) => {
  if (rowsOf(table).length <= MANY_ROWS) return;
  const field = make("input", { type: "search", className: "filter", placeholder: "Filter rows" });
  field.ariaLabel = "Filter rows";
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase().split(/\s+/);
    rowsOf(table).forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.classList.toggle("out", !wanted.every((word) => text.includes(word)));
    });
  });
  table.parentElement.before(field);
};
all("main table:not(.heat):not(.verdicts)").forEach((table) => (sortable(table), filterable(table)));

// Networks: what is not chosen leaves figures and tables.
const labels = JSON.parse(document.body.dataset.labels || "[]");
const byLength = [...labels].sort((one, other) => other.length - one.length);
const labelOf = (text) =>
  byLength.find((label) => text === label || text.startsWith(label + " ") || text.endsWith(" " + label));
const columns = (table) => {
  const spans = all("thead tr:first-child > th", table).flatMap((head) => Array(head.colSpan).fill(labelOf(head.textContent.trim())));
  all("thead > tr", table).forEach((line, depth) => {
    let at = depth;
    [...line.cells].forEach((cell) => {
      if (spans[at]) cell.dataset.series = spans[at];
      at += cell.colSpan;
    });
  });
  rowsOf(table).forEach((row) =>
    [...row.cells].forEach((cell, place) => place && spans[place] && (cell.dataset.series = spans[place])));
};
const rowsBy = (table) =>
  rowsOf(table).forEach((row) => {
    const label = row.dataset.series || labelOf(row.cells[0].textContent.trim());
    if (label) row.dataset.series = label;
  });
if (labels.length > 1) {
  all("main table").forEach((table) => (columns(table), rowsBy(table)));
  const bar = make("fieldset", { id: "choose", className: labels.length < 8 ? "few" : "" }, make("legend", {}, "Show"));
  labels.forEach((label) => {
    const box = make("input", { type: "checkbox", checked: true, value: label });
    box.addEventListener("change", () =>
      all("main [data-series]").forEach((each) => each.dataset.series === label && each.classList.toggle("off", !box.checked)));
    bar.append(make("label", {}, box, " ", label));
  });
  document.querySelector("#verdicts").before(bar);
}

// Margin: the line moves, a table says the potentials there.
const potentialAt = (steps, margin) =>
  steps.split(" ").map((step) => step.split(":").map(Number)).filter(([from]) => from <= margin).reduce((_, [, ratio]) => ratio, 0);
const slider = (figure, panels) => {
  const lines = panels.map((panel) => panel.querySelector("[data-margin]"));
  const start = parseFloat(lines[0].dataset.margin);
  const shown = [...new Set(panels.flatMap((panel) => all("[data-steps]", panel).map((each) => each.dataset.series)))];
  const field = make("input", { type: "range", min: 0, max: Math.max(10, 4 * start), step: 0.05, value: start, className: "margin" });
  const said = make("output");
  const body = make("tbody");
  const at = (panel, label) => all("[data-steps]", panel).find((each) => each.dataset.series === label);
  const update = () => {
    const margin = parseFloat(field.value);
    said.textContent = `${margin.toFixed(2)} points`;
    lines.forEach((line) => {
      const unit = parseFloat(line.ownerSVGElement.dataset.unit);
      line.setAttribute("transform", `translate(${((margin - start) * unit).toFixed(2)} 0)`);
    });
    body.replaceChildren(...panels.map((panel) => make("tr", {}, make("th", { scope: "row" }, panel.dataset.title),
      ...shown.map((label) => make("td", {}, at(panel, label) ? `${potentialAt(at(panel, label).dataset.steps, margin)}\u00a0%` : "\u2013")))));
    columns(table);
  };
  const heads = ["potential at this margin", ...shown].map((text) => make("th", { scope: "col" }, text));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body);
  field.addEventListener("input", update);
  update();
  figure.after(make("div", { className: "slide" }, make("label", {}, "Margin \u03b4 ", field, " ", said),
    make("div", { className: "scroll", tabIndex: 0 }, table)));
};
all("figure").forEach((figure) => {
  const panels = all(".panel", figure).filter((panel) => panel.querySelector("[data-margin]"));
  if (panels.length) slider(figure, panels);
});

// Values: the words of the nearest mark, by pointer or finger.
const NEAR = 14;
const tip = make("div", { className: "tip", hidden: true });
tip.ariaHidden = "true";
document.body.append(tip);
all("svg title").forEach((title) => {
  title.parentElement.dataset.said = title.textContent;
  title.remove();
});
const distance = (mark, event) => {
  const box = mark.getBoundingClientRect();
  return Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
};
const show = (text, event) => {
  tip.hidden = !text;
  tip.textContent = text || "";
  const left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 4);
  tip.style.cssText = `left:${Math.max(4, left)}px;top:${event.clientY + 16}px`;
};
all(".panel svg").forEach((drawing) => {
  const marks = all("[data-said]", drawing);
  const name = (event) => {
    const [near, mark] = marks.filter((each) => !each.closest(".off"))
      .reduce((best, each) => (distance(each, event) < best[0] ? [distance(each, event), each] : best), [NEAR, null]);
    show(mark && near < NEAR ? mark.dataset.said : "", event);
  };
  if (!marks.length) return;
  drawing.addEventListener("pointermove", name);
  drawing.addEventListener("pointerdown", name);
  drawing.addEventListener("pointerleave", (event) => show("", event));
});
