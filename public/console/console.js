/** Adds what the pages also work without: how long ago something was, buttons that copy, and messages while the reader types. */

const units = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

function ago(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return Math.abs(seconds) < 45 ? relative.format(0, "second") : relative.format(Math.round(seconds / size), unit);
}

function dress(root) {
  for (const time of root.querySelectorAll("time[data-relative]")) time.textContent = ago(new Date(time.dateTime));
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  for (const input of root.querySelectorAll("input[data-zone]")) input.value = timeZone;
  for (const button of root.querySelectorAll("button[data-zone]")) {
    button.value = timeZone;
    button.textContent = `Use ${timeZone}`;
    button.hidden = false;
  }
  for (const input of root.querySelectorAll("input[type=password]:not([data-ready])")) {
    input.dataset.ready = "";
    const label = document.createElement("label");
    label.className = "plain option";
    const box = document.createElement("input");
    box.type = "checkbox";
    box.addEventListener("change", () => (input.type = box.checked ? "text" : "password"));
    label.append(box, " Show");
    input.after(label);
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

/** An answer to a form gets the address of the page with the form: going back or reloading then never asks to send the form again. */
const { form } = document.getElementById("main").dataset;
if (form) history.replaceState(null, "", form);

/**
 * The live part of a page that changes is fetched again until the server says that it is final. If the keyboard focus is in it, the part is
 * left alone.
 */
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
