/** The form in which R2 keeps the journal of an update that ended with the state from before it. The operator's scripts read it too. */
import type { KeptJournal } from "../updates/table.ts";

/** Prefix of the keys of such a journal. */
export const keptUnder = (updateId: string) => `journals/${updateId}/`;
export const manifestKey = (updateId: string) => `${keptUnder(updateId)}run.json`;

/** The data with which `npm run journal` computes the state that the update would have made. It is written last, after all parts. */
export interface KeptManifest {
  updateId: string;
  /** `organization/project/stack` at the time of the update. */
  stack: string;
  /** Version that the update would have made. */
  version: number;
  why: KeptJournal;
  /** Milliseconds since 1970. */
  endedAt: number;
  /** Key of the state that the update started from; null for the empty state. */
  baseKey: string | null;
  baseIsAliasFree: boolean;
  cliVersion: string;
  /** `journal`: batches of entries. `checkpoint`: the last full checkpoint. */
  form: "journal" | "checkpoint";
  /** Names of the parts, in the order of their arrival. The client compressed the parts whose names end with `.gz`. */
  files: string[];
}
