"use strict";
document.documentElement.classList.add("scripted");

// Tables sort by a click on a heading.
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const rising = heading.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      const key = (row) => {
        const cell = row.cells[column];
        return cell.dataset.n === undefined ? cell.textContent.trim() : Number(cell.dataset.n);
      };
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === "" || y === "") return (x === "") - (y === ""); // what is not there comes last
        const found = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        return rising ? found : -found;
      };
      table.tBodies[0].append(...rows.sort(order));
    });
  });
}

// The threshold's slider: counts of the library, rates from them.
const data = document.getElementById("slider-data");
const sliders = data ? JSON.parse(data.textContent) : [];
for (const article of document.querySelectorAll("[data-slider]")) {
  const s = sliders[Number(article.dataset.slider)];
  const input = article.querySelector("input");
  const line = article.querySelector("line.at");
  const show = () => {
    const step = Number(input.value);
    const [distance, tp, fp] = [s.distances[step], s.tp[step], s.fp[step]];
    const values = {
      distance: distance.toFixed(4),
      fmr: (fp / s.impostor).toFixed(4),
      fnmr: ((s.genuine - tp) / s.genuine).toFixed(4),
      accuracy: ((tp + s.impostor - fp) / (s.genuine + s.impostor)).toFixed(4),
      tp: tp, fn: s.genuine - tp, fp: fp, tn: s.impostor - fp,
    };
    for (const cell of article.querySelectorAll("[data-of]")) cell.textContent = values[cell.dataset.of];
    article.querySelector("output").textContent = values.distance;
    input.setAttribute("aria-valuetext", `distance ${values.distance}, FMR ${values.fmr}, FNMR ${values.fnmr}`);
    const share = s.high > s.low ? (distance - s.low) / (s.high - s.low) : 0.5;
    const x = 600 * Math.min(1, Math.max(0, share));
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  };
  input.addEventListener("input", show);
  for (const mark of article.querySelectorAll("button.mark")) {
    mark.addEventListener("click", () => { input.value = mark.dataset.step; show(); });
  }
  show();
}

// A link into something folded opens it.
const unfold = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", unfold);
addEventListener("click", (event) => { if (event.target.closest("a[href^='#']")) setTimeout(unfold); });
unfold();

// Graphs are on paper; long tables and the folded faces are for the screen.
addEventListener("beforeprint", () => document.querySelectorAll("details:not(.numbers):not(.shown)").forEach((each) => { each.open = true; }));
