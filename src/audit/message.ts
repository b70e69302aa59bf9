import type { AuditEvent } from "./record.ts";

/** The members that are text. A message of an older release has no `openedWith`. */
const texts = [
  "id",
  "orgId",
  "event",
  "description",
  "sourceIp",
  "userLogin",
  "userName",
  "tokenId",
  "tokenName",
  "stack",
  "openedWith",
] as const;
const flags = ["reqOrgAdmin", "reqStackAdmin", "authFailure"] as const;

type Read = Record<(typeof texts)[number], string> & Record<(typeof flags)[number], boolean> & { at: number };

/**
 * Parses an event from a message of the queue, a row of the outbox or a dead letter. It uses no schema, because each isolate parses an
 * event soon after its start, and a schema would have to be built first. @returns undefined when the text is not an event
 */
export function readEvent(body: unknown): AuditEvent | undefined {
  const given = parsed(body);
  if (!given || !Number.isSafeInteger(given["at"]) || flags.some((name) => typeof given[name] !== "boolean")) return undefined;
  const members = { openedWith: "", ...given } as Record<string, unknown>;
  if (texts.some((name) => typeof members[name] !== "string")) return undefined;
  const read: Read = Object.fromEntries([
    ["at", members["at"]],
    ...flags.map((name) => [name, members[name]]),
    ...texts.map((name) => [name, storable(members[name] as string)]),
  ]);
  return read;
}

function parsed(body: unknown): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(String(body));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces characters that SQLite would not return as they were written, because the hash must be that of the stored text. */
const storable = (text: string) => text.toWellFormed().replaceAll("\0", "\uFFFD");
