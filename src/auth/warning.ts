import { type OrganizationRef, type UserActor, acceptedOf } from "../context.ts";
import type { Credential } from "./authenticate.ts";
import { warningFor } from "./limits.ts";

/** Older clients ask twice for the default organization, and do not send the name of their command. Milliseconds. */
const SAME_COMMAND = 2_000;
const MOST_TOKENS = 1_000;

/** When this isolate last warned, by token. */
const warned = new Map<string, number>();

/**
 * The warning for the holder of a valid token that ends soon, or undefined. A client that does not send the name of its command gets it
 * only once in a while.
 */
export function warningTo({ actor }: Credential, userAgent: string, now: number, origin: string): string | undefined {
  const what = actor.kind === "user" ? "personal token" : nameOfToken(actor.kind, actor.token.name, actor.org);
  const warning = warningFor(what, actor.limits, actor.kind === "user" ? acceptedOf(actor) : [actor], now);
  // Only one command prints this warning: an organization that adds people must not be able to put text into their other commands.
  if (!warning && userAgent.includes("cmd=whoami") && actor.kind === "user") return consentWarning(actor, origin);
  if (!warning || userAgent.includes("cmd=")) return warning;
  const last = warned.get(actor.token.id) ?? 0;
  if (warned.size >= MOST_TOKENS) warned.clear();
  warned.set(actor.token.id, now);
  return now - last < SAME_COMMAND ? undefined : warning;
}

function consentWarning({ memberships }: UserActor, origin: string): string | undefined {
  const [first, ...others] = memberships.filter(({ isAccepted }) => !isAccepted);
  if (!first) return undefined;
  const by = first.addedBy && ` by ${first.addedBy}`;
  const more = others.length > 0 ? `, and to ${others.length} more` : "";
  return `you were added to ${first.org.name}${by}${more}: accept or leave at ${origin}/user/settings/organizations`;
}

export const nameOfToken = (kind: string, name: string, org: OrganizationRef | undefined) =>
  `${kind} token ${name} of ${org?.name ?? "its organization"}`;
