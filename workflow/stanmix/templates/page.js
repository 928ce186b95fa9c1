// Only a help: without it every table stands in its own order, and every figure and number on the page.
(() => {
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  // Tables: a click on the head of a column sorts by it, and once more the other way round.
  const value = cell => {
    const text = cell.textContent.trim().replace(/[,%]/g, "");
    return text === "\u2013" || text === "" ? null : isNaN(text) ? text : Number(text);
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
  document.querySelectorAll("table").forEach(table => {
    const body = table.tBodies[0], rows = [...body.rows], heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
    if (rows.length < 3) return;
    heads.forEach((head, column) => {
      const button = make("button", "", "sort");
      button.type = "button";
      button.setAttribute("aria-label", `Sort by ${head.textContent}`);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending", sign = down ? -1 : 1;
        heads.forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        body.append(...[...rows].sort((first, second) => {
          const a = value(first.cells[column]), b = value(second.cells[column]);
          return a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b);
        }));
      });
    });
  });

  // One dialog: a figure as large as the screen, or where a number stands.
  const dialog = make("dialog", ""), inside = make("div", "", "inside"), close = make("button", "Close");
  dialog.setAttribute("aria-label", "Details");
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  dialog.append(close, inside);
  document.body.append(dialog);
  const show = (...content) => {
    inside.replaceChildren(...content);
    dialog.classList.toggle("wide", content[0].tagName === "svg");
    dialog.showModal();
  };
  document.querySelectorAll(".picture").forEach(picture => {
    const button = make("button", "Enlarge", "enlarge");
    button.type = "button";
    button.addEventListener("click", () => show(picture.firstElementChild.cloneNode(true)));
    picture.parentElement.querySelector(".files").prepend(button, " ");
  });

  const from = element => {
    const cell = element.closest("[data-from]");
    if (!cell) return null;
    if (cell.tagName !== "TABLE") return cell.dataset.from;
    const row = element.closest("tr"), column = element.closest("td");
    const key = column && cell.tHead && cell.tHead.rows[0].cells[column.cellIndex].dataset.key;
    return key && row.dataset.row ? `${cell.dataset.from}${cell.dataset.from.endsWith("#") ? "" : "/"}${row.dataset.row}/${key}` : null;
  };
  document.addEventListener("click", event => {
    if (event.target.closest("a, button, dialog, summary, label")) return;
    const address = from(event.target);
    if (!address || String(getSelection())) return;
    const cut = address.lastIndexOf("#"), line = /^L(\d+)\/(.*)$/.exec(address.slice(cut + 1));
    show(
      make("p", event.target.textContent.trim()),
      make("p", `stands in ${address.slice(0, cut)}, ${line ? `line ${line[1]}, column ${line[2]}` : `at ${address.slice(cut + 1)}`}.`),
    );
  });
})();
