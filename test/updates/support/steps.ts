import * as fc from "fast-check";

/** One call, or one event that happens to the service. `at` chooses one of the existing updates, and may be any number. */
export type Step =
  | { do: "create"; dryRun: boolean; kind: "update" | "refresh" | "destroy" | "preview"; token: "person" | "machine" }
  | { do: "start"; at: number; journaling: boolean; token: "person" | "machine" }
  | { do: "journal"; at: number; resources: number; how: "send" | "hold back" | "send what was held" | "repeat" }
  | { do: "checkpoint"; at: number; resources: number }
  | { do: "events"; at: number }
  | { do: "renew"; at: number; seconds: number }
  | { do: "complete"; at: number; status: "succeeded" | "failed" }
  | { do: "cancel"; at: number }
  | { do: "import"; resources: number }
  | { do: "rename" }
  | { do: "remove" }
  | { do: "wrong lease"; at: number; of: number; call: "journalentries" | "complete" | "renew_lease" }
  | { do: "delete token" }
  | { do: "late" }
  | { do: "alarm" }
  | { do: "evict" };

/** Some calls at the same moment, or a single one. */
export type Moment = Step[];

// Most steps concern the newest update, so that more happens.
const at = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5) });
const resources = fc.integer({ min: 1, max: 3 });
const token = fc.constantFrom("person", "machine");
const step = <T extends Step>(weight: number, shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => ({
  weight,
  arbitrary: fc.record(shape) as unknown as fc.Arbitrary<Step>,
});
const named = <T extends Step["do"]>(name: T) => fc.constant(name);

const calls = [
  step<Extract<Step, { do: "create" }>>(5, {
    do: named("create"),
    dryRun: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    kind: fc.constantFrom("update", "update", "update", "refresh", "destroy", "preview"),
    token,
  }),
  step<Extract<Step, { do: "start" }>>(8, { do: named("start"), at, journaling: fc.boolean(), token }),
  step<Extract<Step, { do: "journal" }>>(10, {
    do: named("journal"),
    at,
    resources,
    how: fc.constantFrom("send", "send", "send", "hold back", "send what was held", "repeat"),
  }),
  step<Extract<Step, { do: "checkpoint" }>>(5, { do: named("checkpoint"), at, resources }),
  step<Extract<Step, { do: "events" }>>(1, { do: named("events"), at }),
  step<Extract<Step, { do: "renew" }>>(2, { do: named("renew"), at, seconds: fc.constantFrom(300, 60, 0, -1, 301) }),
  step<Extract<Step, { do: "complete" }>>(5, { do: named("complete"), at, status: fc.constantFrom("succeeded", "failed") }),
  step<Extract<Step, { do: "cancel" }>>(2, { do: named("cancel"), at }),
  step<Extract<Step, { do: "import" }>>(2, { do: named("import"), resources }),
  step<Extract<Step, { do: "rename" }>>(1, { do: named("rename") }),
  step<Extract<Step, { do: "remove" }>>(1, { do: named("remove") }),
  step<Extract<Step, { do: "wrong lease" }>>(1, {
    do: named("wrong lease"),
    at,
    of: fc.nat(5),
    call: fc.constantFrom("journalentries", "complete", "renew_lease"),
  }),
];

/** Steps that wait for earlier calls, so each of them is sent alone. */
const alone = [
  step<Extract<Step, { do: "delete token" }>>(1, { do: named("delete token") }),
  step<Extract<Step, { do: "late" }>>(1, { do: named("late") }),
  step<Extract<Step, { do: "alarm" }>>(2, { do: named("alarm") }),
  step<Extract<Step, { do: "evict" }>>(3, { do: named("evict") }),
];

const one: fc.Arbitrary<Moment> = fc.oneof(...calls, ...alone).map((single) => [single]);
/** Two calls that create an update and start it, so that most sequences have a running update. */
const begin: fc.Arbitrary<Moment[]> = fc
  .tuple(calls[0]!.arbitrary, calls[1]!.arbitrary)
  .map(([create, start]) => [[create], [Object.assign(start, { at: 0 })]]);

export const sequences = (maxLength: number): fc.Arbitrary<Moment[]> =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: one.map((moment) => [moment]) },
        { weight: 2, arbitrary: begin },
        { weight: 2, arbitrary: fc.array(fc.oneof(...calls), { minLength: 2, maxLength: 4 }).map((moment) => [moment]) },
      ),
      { minLength: 4, maxLength },
    )
    .map((moments) => moments.flat());
