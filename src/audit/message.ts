import * as z from "zod/mini";

/** Replaces text that SQLite does not return as it was written: a hash must be over the stored text. */
const text = z.pipe(
  z.string(),
  z.transform((value) => value.toWellFormed().replaceAll("\0", "\uFFFD")),
);

const Event = z.object({
  id: text,
  orgId: text,
  at: z.int(),
  event: text,
  description: text,
  sourceIp: text,
  userLogin: text,
  userName: text,
  tokenId: text,
  tokenName: text,
  stack: text,
  /** Absent in messages of an older release. */
  openedWith: z.pipe(z._default(z.string(), ""), text),
  reqOrgAdmin: z.boolean(),
  reqStackAdmin: z.boolean(),
  authFailure: z.boolean(),
});

/** Parses an event from a message of the queue, a row of the outbox or a dead letter. @returns undefined when the text is not an event */
export function readEvent(body: unknown): z.infer<typeof Event> | undefined {
  try {
    return Event.parse(JSON.parse(String(body)));
  } catch {
    return undefined;
  }
}
