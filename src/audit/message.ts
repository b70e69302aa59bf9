import * as z from "zod/mini";

/** SQLite does not return every text as it was written, so such text is replaced first: a hash must be over the stored text. */
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
  /** Absent in messages of a release before it. */
  openedWith: z.pipe(z._default(z.string(), ""), text),
  reqOrgAdmin: z.boolean(),
  reqStackAdmin: z.boolean(),
  authFailure: z.boolean(),
});

/** An event as a message of the queue, a row of the outbox or a dead letter holds it. @returns undefined when the text is no event */
export function readEvent(body: unknown): z.infer<typeof Event> | undefined {
  try {
    return Event.parse(JSON.parse(String(body)));
  } catch {
    return undefined;
  }
}
