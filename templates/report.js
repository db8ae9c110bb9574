"use strict";

const NEXT = { none: "descending", descending: "ascending", ascending: "none" };

/** Numbers by size, words by the alphabet; a cell without a key is last, either way. */
function compared(a, b, way) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
  return way === "descending" ? -order : order;
}

/** Order the rows by a column; `none` is the order they came in. */
function sort(body, rows, column, way) {
  const key = (row) => row.cells[column].dataset.key;
  body.append(...(way === "none" ? rows : [...rows].sort((a, b) => compared(key(a), key(b), way))));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      const way = NEXT[head.getAttribute("aria-sort") ?? "none"];
      for (const each of heads) each.removeAttribute("aria-sort");
      if (way !== "none") head.setAttribute("aria-sort", way);
      sort(body, rows, column, way);
    });
    head.append(button);
  });
}

/** What a link leads to is open when it is reached, in browsers too that do not see to that. */
function reveal() {
  const details = document.getElementById(location.hash.slice(1))?.closest("details");
  if (details) details.open = true;
}
addEventListener("hashchange", reveal);
reveal();
