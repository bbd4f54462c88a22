// Makes the form of a report pleasant: it asks by itself, and rows are added, moved and taken away.
// Without it, the form asks by its button, and has a blank row at the end of each list.
(() => {
  const form = document.getElementById("asks");
  if (!form) return;
  // What was shown is asked anew on the way back: nothing of a report is kept in the browser.
  window.htmx.config.historyCacheSize = 0;
  window.htmx.config.refreshOnHistoryMiss = true;
  window.htmx.config.attributesToSettle = [];  // the page allows no styles, as a chart's before it

  let timer;
  const ask = (wait = 0) => {
    clearTimeout(timer);
    timer = setTimeout(() => form.requestSubmit(), wait);
  };

  const made = (text, label, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "mini";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    return button;
  };

  // lists of selects: dimensions, and steps of a funnel
  const isBlank = (pick) => !pick.querySelector("select").value;
  const dress = (pick) => {
    pick.querySelectorAll(".mini").forEach((each) => each.remove());
    if (isBlank(pick)) return;
    const name = pick.querySelector("select").selectedOptions[0].textContent;
    if (pick.previousElementSibling?.matches(".pick")) {
      pick.append(made("‹", `Move ${name} forward`, () => {
        const before = pick.previousElementSibling;
        before.before(pick);
        [pick, before].forEach(dress);
        pick.querySelector("select").focus();
        ask();
      }));
    }
    pick.append(made("✕", `Take ${name} away`, () => {
      const list = pick.parentElement;
      pick.remove();
      extend(list);
      list.querySelector("select").focus();
      ask();
    }));
  };
  const most = Number(form.dataset.most);
  const extend = (list) => {
    const picks = [...list.querySelectorAll(".pick")];
    const last = picks[picks.length - 1];
    if (!isBlank(last) && picks.length < most) {
      const next = last.cloneNode(true);
      next.querySelectorAll("select, input").forEach((each) => { each.value = ""; });
      next.querySelector("select").setAttribute("aria-label", `then, ${picks.length + 1}`);
      const first = next.querySelector("option[value='']");
      if (first) first.textContent = list.id === "by" ? "then by …" : "then …";
      last.after(next);
    }
    list.querySelectorAll(".pick").forEach(dress);
  };

  // conditions
  const fit = (row) => {
    const [, field, operator] = row.querySelectorAll("select");
    const value = row.querySelector("[name=value]");
    const isNumber = !!field.selectedOptions[0]?.closest("[data-numbers]");
    for (const option of operator.options) option.hidden = isNumber && !("number" in option.dataset);
    if (operator.selectedOptions[0]?.hidden) operator.value = "at_least";
    value.hidden = ["empty", "filled"].includes(operator.value);
    value.inputMode = isNumber ? "decimal" : "";
    row.toggleAttribute("data-blank", !field.value);
    if (field.value && !row.querySelector(".mini")) {
      row.append(made("✕", "Take this condition away", () => {
        const list = row.parentElement;
        row.remove();
        list.querySelector("[name=field]").focus();
        ask();
      }));
    }
  };
  const grow = (list) => {
    const rows = [...list.querySelectorAll(".condition")];
    const all = [...list.querySelectorAll("[name=field]")].find((each) => each.options.length > 2);
    rows.forEach((row) => {  // those that were set have their own field alone
      const field = row.querySelector("[name=field]");
      if (!all || field.options.length > 2) return;
      const { value } = field;
      const own = [...field.options];
      field.replaceChildren(...[...all.children].map((each) => each.cloneNode(true)));
      if (![...field.options].some((each) => each.value === value)) field.append(own[1]);
      field.value = value;
    });
    rows.forEach(fit);
    if (rows.some((row) => !row.querySelector("[name=field]").value)) return;
    const next = rows[rows.length - 1].cloneNode(true);
    next.querySelectorAll(".mini").forEach((each) => each.remove());
    next.querySelector("[name=field]").value = "";
    next.querySelector("[name=op]").value = "is";
    next.querySelector("[name=value]").value = "";
    list.append(next);
    fit(next);
  };
  const isWhole = (row) => {
    const value = row.querySelector("[name=value]");
    return !row.querySelector("[name=field]").value || value.hidden || value.value.trim();
  };

  form.querySelectorAll("#by, #steps").forEach(extend);
  form.querySelectorAll(".conditions").forEach(grow);
  form.querySelector(".main").classList.add("quiet");

  document.addEventListener("change", (event) => {
    if (event.target.form !== form) return;
    if (event.target.matches("[data-whole]")) { form.submit(); return; }
    if (event.target.id === "range") {
      const isOwn = event.target.value === "custom";
      form.querySelectorAll("[data-dates]").forEach((each) => { each.hidden = !isOwn; });
      if (isOwn) { document.getElementById("start").focus(); return; }
    }
    const list = event.target.closest("#by, #steps");
    if (list) extend(list);
    const row = event.target.closest(".condition");
    if (row) {
      grow(row.parentElement);
      if (!isWhole(row)) { row.querySelector("[name=value]").focus(); return; }
    }
    const columns = event.target.closest("#columns");
    if (columns) {
      const count = columns.querySelectorAll(":checked").length;
      columns.querySelector(".number").textContent = count;
    }
    ask(columns ? 400 : 0);
  });

  // what a condition may ask for is offered where its value is typed
  let offered = "";
  form.addEventListener("focusin", async (event) => {
    if (!event.target.matches(".condition [name=value]")) return;
    event.target.setAttribute("list", "values");
    const field = event.target.closest(".condition").querySelector("[name=field]");
    const isNumber = !!field.selectedOptions[0]?.closest("[data-numbers]");
    const asked = new URLSearchParams(new FormData(form));
    ["join", "field", "op", "value", "was"].forEach((name) => asked.delete(name));
    asked.append("of", isNumber ? "" : field.value);
    if (offered === `${asked}`) return;
    offered = `${asked}`;
    const list = document.getElementById("values");
    list.replaceChildren();
    if (isNumber || !field.value) return;
    const answer = await fetch(`/app/reports/values?${asked}`);
    if (answer.ok && offered === `${asked}`) list.innerHTML = await answer.text();
  });

  // what went wrong is told above; the report that is shown stays
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status !== 422) return;
    event.detail.selectOverride = ".note";
    event.detail.swapOverride = "innerHTML";
    window.scrollTo({ top: 0 });
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "answer") return;
    const answer = document.getElementById("answer");
    document.getElementById("announced").textContent = answer.dataset.told;
    if (!document.getElementById("chart")) return;
    const again = document.createElement("script");  // it draws the chart that is there
    again.src = "/app/static/chart.js";
    document.body.append(again);
    again.addEventListener("load", () => again.remove());
  });
})();
