import { Choice } from "./components.tsx";
import { keepDisplay, themes } from "./display.ts";
import { definePage } from "./page.tsx";
import { DISPLAY, ownPath } from "./paths.ts";
import { timeText, zones } from "./zone.ts";

/** Colors and time zone of this browser. The pages are for everybody: the sign-in page has these settings, too. */
export const displayPages = [
  definePage("GET", DISPLAY, "public", async ({ now, page: { display, query } }) => {
    const next = ownPath(query.get("next"));
    return {
      title: "Display",
      body: (
        <section class="narrow">
          <h1>Display</h1>
          <p class="faint">These settings are kept in this browser. They apply to every page, and to the times in filters.</p>
          <form method="post" action={DISPLAY}>
            <input type="hidden" name="next" value={next} />
            <Choice name="theme" label="Colors" value={display.theme} options={themes.map((theme) => [theme, theme] as const)} />
            <Choice
              name="zone"
              label="Time zone"
              value={display.zone}
              options={zones().map((zone) => [zone, zone.replaceAll("_", " ")] as const)}
              hint={`Now it is ${timeText(now, display.zone)}.`}
            />
            <p class="actions">
              <button>Save</button> <a href={next}>Cancel</a>
            </p>
          </form>
          <form method="post" action={DISPLAY}>
            <input type="hidden" name="next" value={next} />
            <button class="quiet" name="zone" data-zone="" hidden>
              Use the zone of this browser
            </button>
          </form>
        </section>
      ),
    };
  }),
  definePage("POST", DISPLAY, "public", async ({ page: { form, hono } }) => {
    keepDisplay(hono, form);
    return { to: ownPath(form["next"]), said: "The display was changed." };
  }),
];
