import type { Context } from "hono";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { Env } from "../http/environment.ts";
import type { View } from "./page.tsx";

/**
 * The page after a form that leads to another page, perhaps of another site. A form may not lead to another site, not even by redirects (`form-action`);
 * the page that follows may.
 */
export function onwards(
  hono: Context<Env>,
  to: string,
  { title, heading, body }: { title: string; heading: string; body: JSX.Element },
): View {
  hono.header("Refresh", `0;url=${to}`);
  return {
    title,
    body: (
      <section class="narrow">
        <h1>{heading}</h1>
        <p>{body}</p>
      </section>
    ),
  };
}
