import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { createContext } from "hono/jsx";
import { UTC, zoneNamed } from "./zone.ts";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** How a reader wants the pages: the colors, and the one time zone of all times and filters. */
export interface Display {
  theme: Theme;
  zone: string;
  /** Whether the reader has chosen the zone, or their browser has named it. */
  isChosen: boolean;
}

/** The choice is in a cookie of this browser: it works without an account and without scripts. */
const NAME = "__Host-stackpass-display";
const YEAR = 365 * 86_400;

export function displayOf(c: Context): Display {
  const kept = new URLSearchParams((getCookie(c, NAME) ?? "").slice(0, 200));
  const zone = zoneNamed(kept.get("zone"));
  return { theme: themeNamed(kept.get("theme")), zone: zone ?? UTC, isChosen: zone !== undefined };
}

/** @param change a theme or a zone that is unknown is ignored */
export function keepDisplay(c: Context, change: { theme?: string | undefined; zone?: string | undefined }): void {
  const now = displayOf(c);
  const zone = zoneNamed(change.zone) ?? (now.isChosen ? now.zone : "");
  const theme = change.theme === undefined ? now.theme : themeNamed(change.theme);
  setCookie(c, NAME, String(new URLSearchParams({ theme, zone })), {
    httpOnly: true,
    secure: true,
    sameSite: "Lax",
    path: "/",
    maxAge: YEAR,
  });
}

const themeNamed = (name: string | null | undefined): Theme => themes.find((theme) => theme === name) ?? "system";

/** The zone in which a page shows times. */
export const Zone = createContext(UTC);
