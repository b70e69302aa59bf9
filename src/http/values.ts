/** A group is complete when its values have so many characters: most bodies are one group. */
const GROUP = 4 * 1024 * 1024;
/** What a value takes beside its characters. */
const OVERHEAD = 256;

/** The values of a body, which may have any number of them. */
export interface Values {
  /** The first ones: all of them, unless there are `more`. */
  first: string[];
  /** The others, in groups that are as large. They are read while they are asked for. */
  more: AsyncGenerator<string[]> | undefined;
}

/** Reads the first values, so that they can be worked on more than once. */
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
