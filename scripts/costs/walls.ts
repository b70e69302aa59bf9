/** Computes which limit one deployment reaches first, from the counted operations. docs/scale.md has the table that `wallsTable` makes. */
import { counted } from "./counted.ts";

/** Limits of Cloudflare, as its public pages "Limits" of D1 and Queues had them on 2026-11-29. */
const DATABASE_BYTES = 10e9;
const MESSAGES_A_SECOND = 5000;
/** D1 runs one statement after another, and its page computes with 1 ms for a statement. */
const STATEMENT_SECONDS = 0.001;

/** Statements of one `up` or preview with those of its audit events, as `npm run bench:many` counts them. */
export const STATEMENTS = 15;
/** The model assumes that an organization runs `up` so many times a day, each with a preview, and this part of them in the busiest hour. */
export const RUNS_A_DAY = 50;
export const BUSY_HOUR = 1 / 5;
/** Operations of a queue for one message: it is written, read and deleted. */
const OPERATIONS = 3;

/** The cron examines 5 parts of 1,000 records of the audit log in a minute (`checkChains`), and every whole log once a day. */
const CHECKED_A_DAY = 5 * 1000 * 60 * 24;
const DAYS_OF_A_YEAR = 365;

/** One run: an `up` and its preview. */
export const run = {
  bytes: counted.databaseBytes,
  statements: 2 * STATEMENTS,
  rowsWritten: counted.created["10"]!.databaseWritten! + counted.preview["10"]!.databaseWritten!,
  messages: (counted.created["10"]!.queue! + counted.preview["10"]!.queue!) / OPERATIONS,
};

/** Runs that one database holds, and runs in a second that it and a queue can take. */
export const most = {
  held: DATABASE_BYTES / run.bytes,
  stored: 1 / (run.statements * STATEMENT_SECONDS),
  told: MESSAGES_A_SECOND / run.messages,
};

export interface Walls {
  runsADay: number;
  /** Runs in a second of the busiest hour. */
  rate: number;
  /** Days until the 10 GB of one database are used. */
  daysUntilFull: number;
  /** Days until the whole audit log of one database is longer than what the cron examines in a day. */
  daysUntilLate: number;
  /** The part of one database's time that the busiest hour needs, and the part of one queue: above 1 the limit is exceeded. */
  writer: number;
  queue: number;
  /** Numbers of databases that the work of a year needs: because of their size, and because of the time of statements. */
  forSize: number;
  forTime: number;
}

export function walls(organizations: number): Walls {
  const runsADay = organizations * RUNS_A_DAY;
  const rate = (runsADay * BUSY_HOUR) / 3600;
  const writer = rate / most.stored;
  return {
    runsADay,
    rate,
    daysUntilFull: most.held / runsADay,
    daysUntilLate: CHECKED_A_DAY / (runsADay * run.messages),
    writer,
    queue: rate / most.told,
    forSize: Math.ceil((runsADay * DAYS_OF_A_YEAR) / most.held),
    forTime: Math.ceil(writer),
  };
}

const number = (value: number) => (value < 10 ? String(Number(value.toPrecision(2))) : Math.round(value).toLocaleString("en-US"));
const percent = (part: number) => `${number(part * 100)} %`;

/** The table of docs/scale.md. */
export const wallsTable = (): string =>
  [
    "| Organizations | Runs in a day | In a second of the busy hour | 10 GB are full after | The daily check is late after | Time of one database | Of one queue | Databases that a year needs, by size and by time |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...[10, 1000, 100_000].map((organizations) => {
      const { runsADay, rate, daysUntilFull, daysUntilLate, writer, queue, forSize, forTime } = walls(organizations);
      const days = [daysUntilFull, daysUntilLate].map((value) => `${number(value)} days`);
      const cells = [number(organizations), number(runsADay), number(rate), ...days, percent(writer), percent(queue)];
      return `| ${[...cells, `${number(forSize)}, ${number(forTime)}`].join(" | ")} |`;
    }),
  ].join("\n");
