// The mapping panel: pills go where the cursor was; within an expression they go in without braces.
(() => {
  let last = document.querySelector("textarea.template");
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("textarea.template")) last = event.target;
  });
  const isInside = (text) => text.lastIndexOf("{{") > text.lastIndexOf("}}");
  const put = (field, start, end, text, back) => {
    field.focus();
    field.setRangeText(text, start, end, "end");
    field.selectionStart = field.selectionEnd = field.selectionEnd - back;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  document.addEventListener("click", (event) => {
    const pill = event.target.closest(".pill");
    if (!pill || !last) return;
    if (pill.dataset.word) {
      const field = pill.closest(".field").querySelector("textarea");
      put(field, Number(pill.dataset.start), field.selectionEnd, pill.dataset.word, 0);
      return;
    }
    const inside = isInside(last.value.slice(0, last.selectionStart));
    const bare = pill.dataset.call || pill.dataset.insert.slice(2, -2);
    if (inside) put(last, last.selectionStart, last.selectionEnd, bare, 0);
    else put(last, last.selectionStart, last.selectionEnd, pill.dataset.insert, pill.dataset.call ? 2 : 0);
  });
  document.addEventListener("htmx:configRequest", (event) => {
    const field = event.detail.elt;
    if (!field.matches("textarea.template")) return;
    const { parameters } = event.detail;
    const kept = { field: parameters.field, structured: parameters.structured };
    for (const name of Object.keys(parameters)) delete parameters[name];
    Object.assign(parameters, kept, { [kept.field]: field.value, cursor: field.selectionEnd });
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("textarea.template")) {
      event.target.rows = Math.min(event.target.value.split("\n").length, 12);
    }
    if (!event.target.dataset.filter) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const each of document.querySelectorAll(event.target.dataset.filter)) {
      each.hidden = !each.dataset.name.includes(wanted);
    }
    for (const family of document.querySelectorAll(".family")) {
      const any = family.querySelector(".function:not([hidden])");
      family.hidden = !any;
      family.open = !!wanted && !!any;
    }
  });
})();
