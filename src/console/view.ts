import type { JSX } from "hono/jsx/jsx-runtime";
import type { NavigationItem } from "./document.tsx";
import type { PageStatus, Problem } from "./problem.ts";

/** The result of a handler: a page, or a redirect. */
export type Answer = View | Redirect | Response;

export interface View {
  title: string;
  body: JSX.Element;
  status?: PageStatus;
  /**
   * What is wrong with the form that was sent. The browser is redirected to the page with the form, whose handler finds the problem in
   * `ctx.page`. Set it only if that handler shows it.
   */
  problem?: Problem | undefined;
  /** The page's place in the organization's navigation. */
  at?: NavigationItem;
  /** Further origins that a form of this page may redirect to, for `form-action`. */
  formAction?: string;
}

export interface Redirect {
  /** A path of this site. */
  to: string;
  /** A sentence about the change that the form made. The next page shows it once. */
  said?: string | null;
}

/** A redirect after a form. It must say what was done; null if the next page says it. */
export type Said = Redirect & { said: string | null };

/** The result of a form. */
export type Done = View | Said | Response;
