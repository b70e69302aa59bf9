/** Times in the time zone that a reader has chosen. */

export const UTC = "UTC";

/** The latest time that a date can represent, milliseconds since 1970. */
export const LAST = 8.64e15;

/** The zones that a reader can choose. UTC comes first. */
export const zones = (): string[] => [UTC, ...Intl.supportedValuesOf("timeZone").filter((name) => name !== UTC)];

let known: Set<string> | undefined;

/** @returns undefined for a text that is not the name of a zone */
export function zoneNamed(name: string | null | undefined): string | undefined {
  if (!name) return undefined;
  known ??= new Set(zones());
  if (known.has(name)) return name;
  // A browser may use an older name of a zone, such as Asia/Calcutta or Etc/UTC.
  return /^[A-Za-z][A-Za-z0-9+\-/_]{0,63}$/.test(name) ? aliasOf(name) : undefined;
}

function aliasOf(name: string): string | undefined {
  try {
    const zone = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
    return known!.has(zone) ? zone : undefined;
  } catch {
    return undefined;
  }
}

/** One format for each time zone that was used. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const kept = formats.get(zone);
  if (kept) return kept;
  const made = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "shortOffset",
  });
  formats.set(zone, made);
  return made;
}

interface Wall {
  /** `2026-01-31` */
  day: string;
  /** `23:59:59` */
  time: string;
  /** `GMT+1` */
  offset: string;
}

/** The date, the time of day and the offset in the zone. @param at milliseconds since 1970, at most `LAST` */
export function wallAt(at: number, zone: string): Wall {
  if (zone === UTC) {
    const [day = "", time = ""] = new Date(at).toISOString().split("T");
    return { day, time: time.slice(0, 8), offset: UTC };
  }
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const year = `${parts["era"] === "BC" ? "-" : ""}${parts["year"]!.padStart(4, "0")}`;
  return {
    day: `${year}-${parts["month"]}-${parts["day"]}`,
    time: `${parts["hour"]}:${parts["minute"]}:${parts["second"]}`,
    offset: /^GMT([+-]0)?$/.test(parts["timeZoneName"]!) ? UTC : parts["timeZoneName"]!,
  };
}

/** A time with its zone: `2026-01-31 23:59 UTC`, or with seconds. @param at milliseconds since 1970 */
export function timeText(at: number, zone: string, seconds = false): string {
  if (at > LAST) return "after all dates";
  const { day, time, offset } = wallAt(at, zone);
  return `${day} ${seconds ? time : time.slice(0, 5)} ${offset}`;
}

/**
 * The time at which the zone's clocks show this. Where they show it twice, one of both; where they skip it, a time within an hour.
 * @param text `2026-01-31`, `2026-01-31T23:59` or `2026-01-31T23:59:59`
 * @returns milliseconds since 1970; undefined for anything else
 */
export function instantOf(text: string, zone: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/.test(text)) return undefined;
  const wall = Date.parse(`${text.length === 10 ? `${text}T00:00` : text}Z`);
  if (Number.isNaN(wall)) return undefined;
  const first = wall - shiftAt(wall, zone);
  return wall - shiftAt(first, zone);
}

/** Milliseconds by which clocks of the zone are ahead of UTC. */
function shiftAt(at: number, zone: string): number {
  if (zone === UTC) return 0;
  const { day, time } = wallAt(at, zone);
  return Date.parse(`${day}T${time}Z`) - Math.floor(at / 1000) * 1000;
}
