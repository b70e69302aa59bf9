import type { AuditEvent } from "../../audit/record.ts";
import type { StackPath } from "../../stacks/path.ts";
import type { Attempts } from "../attempts.ts";
import type { KeptJournal, UpdateKind } from "../../updates/table.ts";
import type { Tables } from "./schema.ts";

/** The way in which a run ended or is ending. */
export type Ending = "succeeded" | "failed" | "cancelled" | "expired" | "aborted";

/** The reason for an abort: the token ended or was leaked, its owner lost the right, or the maximum drain time has passed. */
export type AbortedFor = "token" | "leak" | "rights" | "drain";

/**
 * An update or preview in its stack's object, from its start until the object forgets it.
 * `running`: it continues while its lease is valid. `finishing`: its ending is decided, and an attempt to end it has failed. `done`: it has
 * ended and is kept for a while, so that a repeated call gets the right answer.
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
  /** R2 key of the deployment that the update started from. It is pinned, because positions in the journal refer to it. */
  baseKey: string | null;
  baseAliasFree: boolean;
  /** The state that it started from refers to no other stack. Absent if that is not known. */
  baseRefersToNone?: true;
  cliVersion: string;
  /** The caller that started it. Audit events of the run have this name. */
  who: Pick<AuditEvent, "userLogin" | "userName" | "tokenId" | "tokenName">;
  address: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  expiresAt: number;
  endedAt: number;
  /** The run is aborted: its writes are refused, and the alarm ends it. */
  aborted?: true;
  abortedFor?: AbortedFor;
  /** Since `since` the caller that started it has lost the right to it; it may continue until `until`. Milliseconds. */
  drain?: { since: number; until: number };
  /** A renewal was refused because of its network, and the audit log has a record of it. */
  refusedNetwork?: true;
  /** A cancellation was sent to D1 and its outcome is unknown. No write is accepted before it is known. */
  cancelling?: true;
  /** The stack was moved during this preview. The object of the new path does not have it, so its events must be in R2 when it ends. */
  moved?: true;
  /** Number of the last full checkpoint that is completely stored; null before the first. */
  checkpoint: number | null;
  /** The attempts to end it, until one succeeds; afterwards the attempts to copy its journal to R2. */
  attempts?: Attempts;
  /** The reason for which the run ended with the state from before it. Its journal is kept. */
  journalKept?: KeptJournal;
  /** The run's journal is not in R2 yet: the object keeps it until then. */
  journalDue?: true;
}

/** The runs of one stack, in its object's own storage, with a copy in memory. */
export class Runs {
  readonly #tables: Tables;
  readonly #byId = new Map<string, Run>();

  constructor(tables: Tables) {
    this.#tables = tables;
    for (const { body } of tables.read<{ body: string }>("SELECT body FROM runs")) {
      const run = JSON.parse(body) as Run;
      this.#byId.set(run.updateId, run);
    }
  }

  get(updateId: string): Run | undefined {
    return this.#byId.get(updateId);
  }

  all(): Run[] {
    return [...this.#byId.values()];
  }

  /** The run that holds the stack, if any. A preview never does. */
  holder(): Run | undefined {
    return this.all().find((run) => !run.dryRun && run.phase !== "done");
  }

  save(run: Run): void {
    this.#tables.write("INSERT OR REPLACE INTO runs (update_id, body) VALUES (?, ?)", run.updateId, JSON.stringify(run));
    this.#byId.set(run.updateId, run);
  }

  forget(updateId: string): void {
    this.#tables.write("DELETE FROM runs WHERE update_id = ?", updateId);
    this.#byId.delete(updateId);
  }
}
