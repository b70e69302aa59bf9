import type { RequestContext } from "../context.ts";
import { streamOf } from "../http/stream.ts";
import type { Values } from "../http/values.ts";
import { logError } from "../log.ts";

/** The JSON around the results, and of one of them. */
export interface Shape {
  open: string;
  item: (result: string, key: string | undefined) => Iterable<string>;
  close: string;
  /** Results are found by their value, so one is enough for values that are alike. */
  isKeyed?: true;
}

/**
 * Works on values and answers with the results, in their order. A body of any length needs the memory of one group of values. The first group,
 * which is all of most bodies, is worked on before the answer begins, so what is wrong with it is a refusal. What is wrong with a later one
 * cuts the answer off: it is then no JSON, and no client takes it for complete.
 * @param work on a group; `part` is its number when there are several
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
      // The next group needs the memory.
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
  /** Their values, where results are found by them. */
  keys: string[];
}

/** Characters of a string that are written at a time: what is longer would be copied as a whole. */
const PIECE = 32 * 1024;

/** A string of JSON, of base64 and so without anything that has to be escaped. */
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
