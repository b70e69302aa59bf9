/** Number of characters after which a group of values is complete. Most bodies are one group. */
const GROUP = 4 * 1024 * 1024;
/** Overhead of one value, in characters. */
const OVERHEAD = 256;

/** The values of a body, in any number. */
export interface Values {
  /** The first group: all values, unless there are `more`. */
  first: string[];
  /** The remaining groups, read on demand. */
  more: AsyncGenerator<string[]> | undefined;
}

/** Reads the first group, so that it can be used more than once. */
export async function readValues(strings: AsyncIterable<string[]>): Promise<Values> {
  const groups = groupsOf(strings);
  const { value } = await groups.next();
  const { values, isLast } = value as Group;
  return { first: values, more: isLast ? undefined : onwards(groups) };
}

interface Group {
  values: string[];
  isLast: boolean;
}

async function* groupsOf(arriving: AsyncIterable<string[]>): AsyncGenerator<Group, void> {
  let values: string[] = [];
  let size = 0;
  for await (const some of arriving) {
    for (const value of some) {
      if (size >= GROUP) {
        yield { values, isLast: false };
        values = [];
        size = 0;
      }
      values.push(value);
      size += value.length + OVERHEAD;
    }
  }
  yield { values, isLast: true };
}

async function* onwards(groups: AsyncGenerator<Group, void>): AsyncGenerator<string[], void> {
  for await (const { values } of groups) yield values;
}
