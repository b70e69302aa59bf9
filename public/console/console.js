/** What the pages can do without, and is nicer with: the reader's own time zone, copying, complaints as one types. */

const units = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function ago(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return Math.abs(seconds) < 45 ? relative.format(0, "second") : relative.format(Math.round(seconds / size), unit);
}

function dress(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    const utc = time.dataset.utc ?? (time.dataset.utc = time.title);
    time.title = `${local.format(date)} (${utc})`;
    time.textContent = time.dataset.relative === undefined ? local.format(date) : ago(date);
  }
  for (const text of root.querySelectorAll("[data-copy]:not([data-ready])")) {
    text.dataset.ready = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent.trim());
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    text.parentElement.querySelector("figcaption")?.append(button);
  }
  for (const input of root.querySelectorAll("input[data-complaint]")) {
    input.addEventListener("input", () => {
      input.setCustomValidity("");
      input.setCustomValidity(input.validity.patternMismatch ? input.dataset.complaint : "");
      input.reportValidity();
    });
  }
}

dress(document);

/** `/` goes to the search, unless the reader is typing. */
const find = document.querySelector('form[role="search"] input');
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!find || event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  find.focus();
  find.select();
});

/** A page that changes says so itself: its live part is fetched again until it says no more. Who is in it with the keyboard stays there. */
for (const live of document.querySelectorAll("[data-live]")) {
  const stops = () => [...live.querySelectorAll("a, button, pre")];
  let shown = "";
  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => undefined);
    if (answer?.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(live.id);
      if (fresh && fresh.innerHTML !== shown) {
        shown = fresh.innerHTML;
        const at = stops().indexOf(document.activeElement);
        live.replaceChildren(...fresh.childNodes);
        dress(live);
        stops()[at]?.focus({ preventScroll: true });
      }
      if (fresh && fresh.dataset.live === undefined) return;
    }
    setTimeout(refresh, 2000);
  };
  setTimeout(refresh, 2000);
}
