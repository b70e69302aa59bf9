import type { OrganizationRef } from "../context.ts";
import type { Credential } from "./authenticate.ts";
import { warningFor } from "./limits.ts";

/** Older clients ask twice for the default organization, and do not say in which command. Milliseconds. */
const SAME_COMMAND = 2_000;
const REMEMBERED = 1_000;

/** When this isolate last warned, by token. */
const warned = new Map<string, number>();

/** What the holder of a good token should know before it ends, or undefined; to a client that does not name its command once in a while. */
export function warningTo({ actor }: Credential, userAgent: string, now: number): string | undefined {
  const what = actor.kind === "user" ? "personal token" : nameOfToken(actor.kind, actor.token.name, actor.org);
  const warning = warningFor(what, actor.limits, actor.kind === "user" ? actor.memberships : [actor], now);
  if (!warning || userAgent.includes("cmd=")) return warning;
  const last = warned.get(actor.token.id) ?? 0;
  if (warned.size >= REMEMBERED) warned.clear();
  warned.set(actor.token.id, now);
  return now - last < SAME_COMMAND ? undefined : warning;
}

export const nameOfToken = (kind: string, name: string, org: OrganizationRef | undefined) =>
  `${kind} token ${name} of ${org?.name ?? "its organization"}`;
