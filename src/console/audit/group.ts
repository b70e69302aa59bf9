/** Groups the events of one update, so that a page of the log is not filled by what every `pulumi up` does. */

export interface Groupable {
  event: string;
  description: string;
  /** Seconds since 1970. */
  timestamp: number;
  stack?: string | undefined;
  tokenID?: string | undefined;
  user: { githubLogin: string };
  authFailure?: boolean | undefined;
}

export interface Group<E> {
  /** Newest first. */
  events: E[];
  /** Ids of the updates that the events start or end. */
  updates: string[];
}

/** Fewer events are not worth a fold. */
const LEAST_EVENTS = 3;
/** Seconds between two events of the same update, unless its start is still to come. */
const LONGEST_GAP = 120;

const starts = "stack-update-started";
const ends = new Set(["stack-update-completed", "stack-update-canceled"]);

/** The id of the update that an event starts or ends. */
export const updateIn = ({ event, description }: Pick<Groupable, "event" | "description">): string | undefined =>
  event === starts || ends.has(event) ? /\(([0-9a-f-]{36})\)\./.exec(description)?.[1] : undefined;

/**
 * Joins what one token did on one stack around an update: its start and end, and reads of state and secrets before and between. A refusal
 * is never in a group, so that it is always seen. A group takes the place of its newest event in the list.
 * @param events newest first
 * @returns groups and single events
 */
export function grouped<E extends Groupable>(events: E[]): (E | Group<E>)[] {
  interface Open extends Group<E> {
    /** Updates whose end was read and whose start was not. */
    awaited: Set<string>;
  }
  const open = new Map<string, Open>();
  const groupOf = new Map<E, Open>();
  for (const event of events) {
    if (!event.stack || event.authFailure) continue;
    const key = JSON.stringify([event.tokenID ?? "", event.user.githubLogin, event.stack]);
    let group = open.get(key);
    const last = group?.events.at(-1);
    if (!group || !last || (group.awaited.size === 0 && last.timestamp - event.timestamp > LONGEST_GAP)) {
      group = { events: [], updates: [], awaited: new Set() };
      open.set(key, group);
    }
    group.events.push(event);
    groupOf.set(event, group);
    const id = updateIn(event);
    if (id === undefined) continue;
    if (!group.updates.includes(id)) group.updates.push(id);
    if (event.event === starts) group.awaited.delete(id);
    else group.awaited.add(id);
  }
  return events.flatMap((event): readonly (E | Group<E>)[] => {
    const group = groupOf.get(event);
    if (!group || group.updates.length === 0 || group.events.length < LEAST_EVENTS) return [event];
    return group.events[0] === event ? [{ events: group.events, updates: group.updates }] : [];
  });
}
