import type { Sizes } from "./test/support/sizes.ts";

/** `LONG=1` asks for the long form of every test: `npm run test:long` sets it. */
export const long = process.env["LONG"] === "1";

/** Each size of `npm test`, and of `npm run test:long`. The variable of that name sets one size alone: `RACES=50 npm run test:cli -- races`. */
const size = (name: string, short: number, longer: number): number => Number(process.env[name] ?? (long ? longer : short));

const sizes: Sizes = {
  runs: size("RUNS", 1, 10),
  deletionRounds: size("DELETION_ROUNDS", 1, 4),
  auditEvents: size("AUDIT_EVENTS", 2000, 100_000),
  fuzzRuns: size("FUZZ_RUNS", 8, 200),
  endFaults: size("END_FAULTS", 30, 2000),
  trees: size("TREES", 12, 1000),
  worlds: size("WORLDS", 20, 2000),
  policies: size("POLICIES", 500, 10_000),
  sequenceCalls: size("SEQUENCE_CALLS", 40, 4000),
  kills: size("KILLS", 4, 150),
  lanes: size("LANES", 2, 4),
  scimMutations: size("SCIM_MUTATIONS", 100, 1000),
  samlMutations: size("SAML_MUTATIONS", 150, 5000),
  scimRaces: size("SCIM_RACES", 5, 1000),
  races: size("RACES", 3, 100),
  auditKills: size("AUDIT_KILLS", 3, 100),
  folderStacks: size("FOLDER_STACKS", 0, 50),
};

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

/** What every configuration of the tests has. */
export const shared = {
  // What a test logs is shown when it fails.
  silent: "passed-only",
  // A test that fails before it restores its spies must not break the tests after it.
  restoreMocks: true,
  // A failure names the values of a list: "Array(1)" says nothing in a summary.
  chaiConfig: { truncateThreshold: 1000 },
  // The defaults of vitest are one second and ten, which a loaded machine exceeds.
  expect: { poll: { timeout: 30_000, interval: 20 } },
  hookTimeout: 120_000,
  provide: { long, sizes, seed },
} as const;
