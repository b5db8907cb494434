"use strict";
// The page says everything without this; here it learns to sort and filter.
// What is chosen stands in the address, so that it can be passed on.
(function () {
  const table = document.getElementById("matrix");
  const body = table.tBodies[0];
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const rows = Array.from(body.rows);
  const fields = ["q", "kind", "outcome", "setting"];
  let sort = { by: "position", descending: false };

  function cellsOf(row) { return Array.from(row.querySelectorAll("details[data-outcome]")); }

  function fits(cell, want) {
    const outcome = !want.outcome
      || (want.outcome === "unexpected" ? cell.classList.contains("surprise")
        : want.outcome === "gained" ? true : cell.dataset.outcome === want.outcome);
    return outcome && (!want.setting || cell.dataset.setting === want.setting);
  }

  function apply() {
    const want = {};
    for (const name of fields) { want[name] = form.elements[name].value.trim().toLowerCase(); }
    let count = 0;
    for (const row of rows) {
      const cells = cellsOf(row);
      for (const cell of cells) { cell.hidden = Boolean(want.setting) && cell.dataset.setting !== want.setting; }
      for (const left of row.querySelectorAll("details.left")) {
        left.hidden = !left.querySelector("details:not([hidden])");
        left.open = Boolean(want.setting) || want.outcome === "not run";
      }
      const visible = (!want.q || row.dataset.text.includes(want.q))
        && (!want.kind || row.dataset.kind === want.kind)
        && (want.outcome !== "gained" || row.dataset.gained === "yes")
        && (!(want.outcome || want.setting) || cells.some(function (cell) { return fits(cell, want); }));
      row.hidden = !visible;
      if (visible) { count += 1; }
    }
    shown.textContent = count + " of " + rows.length + " rows";
    remember(want);
  }

  function remember(want) {
    const address = new URLSearchParams();
    for (const name of fields) { if (want[name]) { address.set(name, want[name]); } }
    if (sort.by !== "position") { address.set("sort", (sort.descending ? "-" : "") + sort.by); }
    const text = address.toString();
    try { history.replaceState(null, "", text ? "#" + text : location.pathname); } catch (error) { /* a browser that forbids it for files */ }
  }

  function order() {
    const sign = sort.descending ? -1 : 1;
    const key = function (row) { return row.dataset[sort.by]; };
    const numeric = sort.by !== "name" && sort.by !== "kind";
    const sorted = rows.slice().sort(function (one, other) {
      const way = numeric ? Number(key(one)) - Number(key(other)) : key(one).localeCompare(key(other));
      return sign * way || Number(one.dataset.position) - Number(other.dataset.position);
    });
    for (const row of sorted) { body.appendChild(row); }
    for (const head of table.tHead.rows[0].cells) {
      const mine = head.dataset.sort === sort.by;
      head.setAttribute("aria-sort", mine ? (sort.descending ? "descending" : "ascending") : "none");
    }
  }

  function start() {
    const address = new URLSearchParams(location.hash.slice(1));
    for (const name of fields) { if (address.has(name)) { form.elements[name].value = address.get(name); } }
    const by = address.get("sort");
    if (by) { sort = { by: by.replace("-", ""), descending: by.startsWith("-") }; order(); }
    const cell = address.get("cell") ? document.getElementById(address.get("cell")) : null;
    apply();
    if (cell) {
      for (let one = cell; one; one = one.parentElement.closest("details")) { one.open = true; }
      cell.scrollIntoView();
    }
  }

  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  table.tHead.addEventListener("click", function (event) {
    const head = event.target.closest("th");
    if (!head || !head.dataset.sort) { return; }
    sort = { by: head.dataset.sort, descending: sort.by === head.dataset.sort ? !sort.descending : false };
    order();
    apply();
  });
  start();
}());
