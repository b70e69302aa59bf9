import type { OrgContext } from "../context.ts";
import { type CompareLimits, type Comparison, compareStates } from "../state/compare.ts";
import type { StackPath } from "./path.ts";
import { readState, takeStates } from "./stateAt.ts";

/** Bounds of what a comparison reads and keeps in memory: a Worker has 128 MB. */
const limits: CompareLimits = { resources: 20_000, shown: 100, urns: 8_000_000, bytes: 2_000_000 };

/** Compares the states after two updates. It is audited as one export. @throws 404 when there is no such version */
export async function compareVersions(ctx: OrgContext, path: StackPath, from: number, to: number): Promise<Comparison> {
  const [before, after] = await takeStates(ctx, path, from, to);
  return compareStates(
    () => readState(ctx, path, before),
    () => readState(ctx, path, after),
    limits,
  );
}
