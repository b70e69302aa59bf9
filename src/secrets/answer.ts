import type { RequestContext } from "../context.ts";
import { streamOf } from "../http/stream.ts";
import type { Values } from "../http/values.ts";
import { logError } from "../log.ts";

/** How results are written as JSON. */
export interface Shape {
  open: string;
  item: (result: string, key: string | undefined) => Iterable<string>;
  close: string;
  /** The results are members of an object whose keys are the values, so equal values have one result. */
  isKeyed?: true;
}

/**
 * Processes values in groups and answers with the results, in their order. Only one group is in memory, whatever the length of the body.
 * The first group, which most bodies do not exceed, is processed before the answer begins, so its errors are normal refusals. An error in a
 * later group cuts the answer off: the answer is then invalid JSON, which no client accepts as complete.
 * @param work processes a group; `part` is the number of the group if there are several
 */
export async function answerValues(
  ctx: RequestContext,
  { first, more }: Values,
  { open, item, close, isKeyed }: Shape,
  work: (values: string[], part?: number) => Promise<string[]>,
): Promise<Response> {
  const groupOf = async (all: string[], part?: number): Promise<Group> => {
    const values = isKeyed ? [...new Set(all)] : all;
    return { results: await work(values, part), keys: isKeyed ? values : [] };
  };
  async function* pieces(group: Group | undefined): AsyncGenerator<string> {
    yield open;
    let comma = "";
    for (let part = 2; group; part++) {
      for (const [i, result] of group.results.entries()) {
        yield comma;
        yield* item(result, group.keys[i]);
        comma = ",";
      }
      // This releases the memory for the next group.
      group = undefined;
      const next = await more?.next();
      if (next && !next.done) group = await groupOf(next.value, part);
    }
    yield close;
  }
  const group = await groupOf(first, more && 1);
  first.length = 0;
  return streamOf(more ? logged(ctx, pieces(group)) : pieces(group));
}

interface Group {
  results: string[];
  /** The values, if they are keys of the answer. */
  keys: string[];
}

/** Number of characters of a string that are written at a time: a longer string would be copied as a whole. */
const PIECE = 32 * 1024;

/** A JSON string of base64, which needs no escapes. */
export function* quoted(base64: string): Generator<string> {
  yield '"';
  for (let at = 0; at < base64.length; at += PIECE) yield base64.slice(at, at + PIECE);
  yield '"';
}

async function* logged(ctx: RequestContext, pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    yield* pieces;
  } catch (error) {
    logError("answer cut off", error, { requestId: ctx.requestId });
    throw error;
  }
}
