/** How much the tests repeat what they do at random or in bulk. `vitest.shared.ts` chooses the numbers; a test reads them with `inject("sizes")`. */
export interface Sizes {
  /** How many times as often as in `npm test` a property is tried: `numRuns: 200 * inject("sizes").runs`. */
  runs: number;
  /** Rounds of 84 deletions that race with a use of the token, for each kind of use. */
  deletionRounds: number;
  /** Audit events of test/audit/faults.test.ts. */
  auditEvents: number;
  /** Sequences of calls of test/updates/protocol.property.test.ts. */
  fuzzRuns: number;
  /** Faults in the end of an update, of test/coordinator/endFaults.property.test.ts. */
  endFaults: number;
  /** Trees of credentials of test/lineage/trees.property.test.ts. */
  trees: number;
  /** Worlds of roles, teams and grants, of test/access/worlds.property.test.ts. */
  worlds: number;
  /** Policies and claims of test/oidc/evaluate.property.test.ts. */
  policies: number;
  /** Calls of each half of a search of test/access/sequences.test.ts. */
  sequenceCalls: number;
  /** Kills of a server or of the CLI in the middle of an update. */
  kills: number;
  /** Servers that are killed at the same time. */
  lanes: number;
  /** Races of two CLIs. */
  races: number;
  /** Kills of a server whose queue holds audit events. */
  auditKills: number;
  /** Stacks that come from a folder and go out to another one. */
  folderStacks: number;
  /** Requests of SCIM with a part that is replaced by anything. */
  scimMutations: number;
  /** Responses of SAML with a random change. */
  samlMutations: number;
  /** Races of a deactivation against writes of the person. */
  scimRaces: number;
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Whether this is the long form: `it.runIf(inject("long"))` is for what repeats at length what another test shows. */
    long: boolean;
    sizes: Sizes;
    /** Random choices begin with it: with the seed that a run printed, they are made again. */
    seed: number;
  }
}
