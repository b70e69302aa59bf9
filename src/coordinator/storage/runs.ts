import type { AuditEvent } from "../../audit/record.ts";
import type { StackPath } from "../../stacks/path.ts";
import type { Attempts } from "../attempts.ts";
import type { KeptJournal, UpdateKind } from "../../updates/table.ts";

/** How a run ended, or is ending. */
export type Ending = "succeeded" | "failed" | "cancelled" | "expired" | "aborted";

/** Why a run was aborted: its token has ended, or was found in the open; its starter lost the right; its longest drain is over. */
export type AbortedFor = "token" | "leak" | "rights" | "drain";

/**
 * An update or preview that was started and not yet forgotten, as its stack's object knows it.
 * `running`: the lease decides. `finishing`: its end is settled but could not be carried out yet. `done`: kept for a while, so
 * that a repeated call is understood.
 */
export interface Run {
  updateId: string;
  phase: "running" | "finishing" | "done";
  ending: Ending | null;
  kind: UpdateKind;
  dryRun: boolean;
  journaling: boolean;
  orgId: string;
  path: StackPath;
  stackId: string;
  version: number;
  /** R2 key of the deployment that the update started from, pinned: positions in the journal refer to it. */
  baseKey: string | null;
  baseAliasFree: boolean;
  cliVersion: string;
  /** Who started it; what it does is done in that name. */
  who: Pick<AuditEvent, "userLogin" | "userName" | "tokenId" | "tokenName">;
  address: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  expiresAt: number;
  endedAt: number;
  /** Its token has ended, and the organization wants it to end too: nothing more is taken, and the alarm ends it. */
  aborted?: true;
  abortedFor?: AbortedFor;
  /** Its starter could not start it any more since then, and it may go on until then. Milliseconds. */
  drain?: { since: number; until: number };
  /** A renewal was refused for the network that it came from, and is in the log. */
  refusedNetwork?: true;
  /** A cancellation was sent to D1 and its outcome is not known: no write is taken before it is. */
  cancelling?: true;
  /** The stack has another path now, whose object knows nothing of this preview: its events are to be in R2 at its end. */
  moved?: true;
  /** Number of the last full checkpoint that is wholly here; null before the first. */
  checkpoint: number | null;
  /** Attempts to end it, as long as none succeeded; afterwards, of keeping its journal. */
  attempts?: Attempts;
  /** It has ended with the state before it, and why; what it had written is kept. */
  journalKept?: KeptJournal;
  /** What it had written is not in R2 yet: it stays here until R2 takes it. */
  journalDue?: true;
}

/** The runs of one stack, in its object's own storage, with a copy in memory. */
export class Runs {
  readonly #sql: SqlStorage;
  readonly #byId = new Map<string, Run>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    for (const row of sql.exec<{ body: string }>("SELECT body FROM runs")) {
      const run = JSON.parse(row.body) as Run;
      this.#byId.set(run.updateId, run);
    }
  }

  get(updateId: string): Run | undefined {
    return this.#byId.get(updateId);
  }

  all(): Run[] {
    return [...this.#byId.values()];
  }

  /** The run that has the stack to itself, if any. Previews never do. */
  holder(): Run | undefined {
    return this.all().find((run) => !run.dryRun && run.phase !== "done");
  }

  save(run: Run): void {
    this.#sql.exec("INSERT OR REPLACE INTO runs (update_id, body) VALUES (?, ?)", run.updateId, JSON.stringify(run));
    this.#byId.set(run.updateId, run);
  }

  forget(updateId: string): void {
    this.#sql.exec("DELETE FROM runs WHERE update_id = ?", updateId);
    this.#byId.delete(updateId);
  }
}
