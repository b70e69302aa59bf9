import { type Collected, type DigestItem, digestParts } from "./digest.ts";

/** Maximum number of labels of a part that are counted by themselves; further ones are counted together. */
const MOST_LABELS = 100;
/** Maximum number of labels of a part that a digest names. */
const MOST_NAMED = 20;
const OTHERS = "others";

interface State {
  /** The last record of the log that was collected. */
  through: number;
  /** The time of the last digest. */
  digested: number;
  /** When the next digest is due; null without digests. */
  next: number | null;
}

/** The events that a webhook has collected for its next digest, in the storage of its object. */
export class Digests {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.create();
  }

  /** Creates the tables. This is needed again after the storage was emptied, as with `Deliveries`. */
  create(): void {
    this.#sql.exec("CREATE TABLE IF NOT EXISTS digest_counts (part TEXT, label TEXT, count INTEGER NOT NULL, PRIMARY KEY (part, label))");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS digest_state (through INTEGER NOT NULL, digested INTEGER NOT NULL, next INTEGER)");
    this.#sql.exec("INSERT INTO digest_state SELECT 0, 0, NULL WHERE NOT EXISTS (SELECT 1 FROM digest_state)");
  }

  get state(): State {
    return this.#sql.exec("SELECT through, digested, next FROM digest_state").one() as unknown as State;
  }

  setNext(next: number | null): void {
    this.#sql.exec("UPDATE digest_state SET next = ?", next);
  }

  /** Counts items, each once: they arrive in the order of the log, and may arrive again. */
  collect(items: DigestItem[]): void {
    const { through } = this.state;
    for (const { seq, part, label } of items) {
      if (seq <= through) continue;
      const [row] = this.#sql
        .exec<{ n: number; known: number }>(
          "SELECT count(*) AS n, coalesce(max(label = ?), 0) AS known FROM digest_counts WHERE part = ?",
          label,
          part,
        )
        .toArray();
      this.#sql.exec(
        "INSERT INTO digest_counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
        part,
        row && row.n >= MOST_LABELS && row.known === 0 ? OTHERS : label,
      );
      this.#sql.exec("UPDATE digest_state SET through = ?", seq);
    }
  }

  read(): Collected {
    const parts = digestParts.map((part) => {
      const rows = this.#sql
        .exec<{ label: string; count: number }>("SELECT label, count FROM digest_counts WHERE part = ? ORDER BY count DESC, label", part)
        .toArray();
      const first = rows.slice(0, MOST_NAMED).map(({ label, count }) => ({ what: label, count }));
      return [part, { count: rows.reduce((sum, { count }) => sum + count, 0), first }] as const;
    });
    return Object.fromEntries(parts) as Collected;
  }

  /** A digest was made: what it has is not counted again. */
  close(at: number): void {
    this.clear();
    this.#sql.exec("UPDATE digest_state SET digested = ?", at);
  }

  clear(): void {
    this.#sql.exec("DELETE FROM digest_counts");
  }
}
