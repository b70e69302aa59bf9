import type { ChainRecord } from "../audit/chain.ts";
import { displayNameOf } from "../audit/events.ts";
import type { WebhookFilter } from "./filters.ts";
import { type EndedUpdate, type Message, doer, organizationOf, short } from "./message.ts";
import type { WebhookDigest } from "./table.ts";

/** Digests: what a webhook sends once a day or once a week in place of its events. Pure. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Digests are sent at this hour (UTC), the weekly ones on Monday. */
const AT = 8 * HOUR;
/** A token that was not used for so many days is in a digest. */
export const UNUSED_DAYS = 90;
/** A token that expires within so many days is in a digest. */
export const EXPIRING_DAYS = 14;

/** The last time, at `now` or before, at which such digests are sent. */
export function lastDue(every: WebhookDigest, now: number): number {
  const day = Math.floor((now - AT) / DAY);
  // 1970 began on a Thursday.
  const daysSinceMonday = (((day + 3) % 7) + 7) % 7;
  return (every === "daily" ? day : day - daysSinceMonday) * DAY + AT;
}

/** The first time after `since` at which such digests are sent. */
export const nextDue = (every: WebhookDigest, since: number): number => lastDue(every, since) + (every === "daily" ? DAY : 7 * DAY);

/** The parts of a digest that are collected from the log. */
export const digestParts = ["refusals", "failedUpdates", "newTokens", "newMembers"] as const;
export type DigestPart = (typeof digestParts)[number];

/** The entry that a record adds to a digest. Entries with equal labels are counted. */
export interface DigestItem {
  seq: number;
  part: DigestPart;
  label: string;
}

const failures = new Set<WebhookFilter>(["update_failed", "refresh_failed", "destroy_failed", "import_failed"]);
const partOf: Partial<Record<WebhookFilter, DigestPart>> = {
  token_created: "newTokens",
  member_added: "newMembers",
  member_joined: "newMembers",
};

/** @param filter the event of webhooks that the record is, if it is one */
export function digestItemOf(
  record: ChainRecord,
  filter: WebhookFilter | undefined,
  update: Pick<EndedUpdate, "kind"> | undefined,
  org: string,
): DigestItem | undefined {
  const { seq } = record;
  const who = doer(record, org);
  if (record["authFailure"] === true) return { seq, part: "refusals", label: short(`${who}: ${displayNameOf(String(record["event"]))}`) };
  if (!filter) return undefined;
  if (update)
    return failures.has(filter)
      ? { seq, part: "failedUpdates", label: short(`${update.kind} of ${org}/${String(record["stack"])} by ${who}`) }
      : undefined;
  const part = partOf[filter];
  return part && { seq, part, label: short(String(record["description"] ?? "").replace(/\.$/, "")) };
}

/** Items of one part: how many there are, and the first ones. */
export interface Counted<T> {
  count: number;
  first: T[];
}
export type Collected = Record<DigestPart, Counted<{ what: string; count: number }>>;

export interface TokenRef {
  id: string;
  name: string;
  kind: string;
  /** When it was last used, or expires. Seconds since 1970; null: it was never used. */
  at: number | null;
}

export interface DigestContent extends Collected {
  tokensUnused: Counted<TokenRef>;
  tokensExpiring: Counted<TokenRef>;
}

interface Digest {
  every: WebhookDigest;
  org: string;
  /** The address of this deployment, `https://…`. */
  origin: string;
  /** Milliseconds since 1970. */
  from: number;
  until: number;
  content: DigestContent;
}

const dayOf = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10);

export function digestMessage({ every, org, origin, from, until, content }: Digest): Message {
  const { tokensUnused, tokensExpiring, ...collected } = content;
  const seconds = (ms: number) => Math.floor(ms / 1000);
  const refs = ({ count, first }: Counted<TokenRef>, name: string) => ({
    count,
    first: first.map(({ at, ...ref }) => ({ ...ref, [name]: at })),
  });
  const inLine = <T>({ count, first }: Counted<T>, show: (one: T) => string) =>
    count === 0 ? "none" : short(`${count}: ${first.map(show).join(", ")}`);
  const times = (what: { what: string; count: number }) => (what.count === 1 ? what.what : `${what.what} (${what.count} times)`);
  const { refusals, failedUpdates } = collected;
  return {
    kind: "digest",
    raw: JSON.stringify({
      organization: organizationOf(org),
      digest: every,
      from: seconds(from),
      until: seconds(until),
      tokensUnused: refs(tokensUnused, "lastUsed"),
      tokensExpiring: refs(tokensExpiring, "expires"),
      ...collected,
    }),
    title: `${every === "daily" ? "Daily" : "Weekly"} digest of ${org}, ${dayOf(seconds(from))} to ${dayOf(seconds(until))}`,
    facts: [
      [`Tokens unused for ${UNUSED_DAYS} days`, inLine(tokensUnused, ({ name }) => name)],
      [
        `Tokens that expire within ${EXPIRING_DAYS} days`,
        inLine(tokensExpiring, ({ name, at }) => `${name} (${at === null ? "" : dayOf(at)})`),
      ],
      ["Refusals", inLine(refusals, times)],
      ["Failed updates", inLine(failedUpdates, times)],
      ["New tokens", inLine(collected.newTokens, times)],
      ["New members", inLine(collected.newMembers, times)],
    ],
    url: `${origin}/${encodeURIComponent(org)}/~/audit`,
    tone: refusals.count + failedUpdates.count + tokensExpiring.count > 0 ? "bad" : "plain",
  };
}
