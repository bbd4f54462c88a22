// Goes to places by keys, two one after the other, and lists them. Not while somebody types, and not
// with a modifier: those keys are the browser's and the screen reader's.
(() => {
  const list = document.getElementById("keys-list");
  if (!list) return;
  const search = list.querySelector("input");
  const places = [...list.querySelectorAll("[data-keys]")];
  const SECONDS = 1.5;  // between two keys
  let first = "", at = 0, from = null;

  const find = () => {
    const words = search.value.trim().toLowerCase().split(/\s+/);
    places.forEach((each) => {
      const text = each.textContent.toLowerCase();
      each.parentElement.hidden = !words.every((word) => text.includes(word));
    });
    const seen = places.filter((each) => !each.parentElement.hidden);
    places.forEach((each) => each.classList.toggle("first", each === seen[0]));
    list.querySelector("[role=status]").textContent = seen.length ? "" : "No place is called so.";
    return seen;
  };
  const open = () => {
    from = document.activeElement;
    search.value = "";
    find();
    list.showModal();
    search.focus();
  };

  list.addEventListener("close", () => { if (from && from.isConnected) from.focus(); });
  list.addEventListener("click", (event) => { if (event.target === list) list.close(); });
  search.addEventListener("input", find);
  list.addEventListener("keydown", (event) => {
    const seen = places.filter((each) => !each.parentElement.hidden);
    const now = seen.indexOf(document.activeElement);
    if (event.key === "Enter" && event.target === search && seen.length) {
      event.preventDefault();
      seen[0].click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? now + 1 : now - 1;
      (next < 0 ? search : seen[Math.min(next, seen.length - 1)] || search).focus();
    }
  });
  document.querySelectorAll("[data-open-keys]").forEach((each) => each.addEventListener("click", open));

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if ((event.ctrlKey || event.metaKey) && event.key === "k" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (list.open) list.close(); else open();
      return;
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || list.open) return;
    if (event.key === "?") {
      event.preventDefault();
      open();
    } else if (first && Date.now() - at < SECONDS * 1000) {
      const place = places.find((each) => each.dataset.keys === `${first} ${event.key}`);
      first = "";
      if (place) { event.preventDefault(); place.click(); }
    } else {
      first = places.some((each) => each.dataset.keys.startsWith(`${event.key} `)) ? event.key : "";
      at = Date.now();
    }
  });
})();
