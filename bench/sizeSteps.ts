/** All operations on a whole state. After each step except `update` and `rename` the state is that of `asImported`. */
import { Readable } from "node:stream";
import { type BigClient, entry, expectResources, same, secrets } from "./bigClient.ts";
import { type Big, afterUpdate, asImported, deployment, elements, resourceText, shown } from "./bigState.ts";

export interface Work {
  client: BigClient;
  big: Big;
  /** Runs and measures some work under a name. */
  measure: (name: string, work: () => Promise<unknown>) => Promise<void>;
}

const PROJECT_PATH = "/api/stacks/acme/size";

/** The steps in their order; `refresh` reverts the changes of `update`. */
export const steps = { import: importState, update, refresh, noop, full, rename };
export type Step = keyof typeof steps;

async function importState({ client, big, measure }: Work): Promise<void> {
  await client.send("POST", PROJECT_PATH, client.token, { stackName: big.stack });
  await measure("import", () =>
    client.send("POST", `${PROJECT_PATH}/${big.stack}/import`, client.token, Readable.from(deployment(big, asImported(big)))),
  );
}

async function update({ client, big, measure }: Work): Promise<void> {
  const S = `${PROJECT_PATH}/${big.stack}`;
  await measure("update of 10", async () => {
    const running = await client.start(S);
    const entries = touchedOf(big).flatMap((i, k) => same(k, i, state(big, i, 1)));
    await running.write("journalentries", { entries: [secrets, ...entries] });
    await running.complete();
  });
  const get = (path: string) => client.send("GET", S + path, client.token);
  await measure("export", async () => expectResources(await get("/export"), elements(big, afterUpdate(big, touchedOf(big), 1))));
  await measure("export of version 1", async () => expectResources(await get("/export/1"), elements(big, asImported(big))));
  await measure("resources of version 1", async () => expectResources(await get("/resources/1"), elements(big, asImported(big), shown)));
}

/** Runs after `update`, so the first ten resources are those that `update` changed. */
async function refresh({ client, big, measure }: Work): Promise<void> {
  await measure("refresh of 10", async () => {
    const running = await client.start(`${PROJECT_PATH}/${big.stack}`);
    const entries = touchedOf(big).map((i, k) => entry(k + 2, 3, k + 1, { isRefresh: true, removeOld: k, state: state(big, i, 0) }));
    await running.write("journalentries", { entries: [secrets, ...entries] });
    await running.complete();
  });
}

/** An `up` without changes. Its journal has entries for every resource. */
async function noop(work: Work): Promise<void> {
  const { client, big, measure } = work;
  const running = await client.start(`${PROJECT_PATH}/${big.stack}`);
  await measure("no-op: journal", async () => {
    let entries: object[] = [secrets];
    for (let i = 0; i < big.resources; i++) {
      entries.push(...same(i, i, state(big, i, 0)));
      if (entries.length < 100 && i < big.resources - 1) continue;
      await running.write("journalentries", { entries });
      entries = [];
    }
  });
  await measure("no-op: complete", () => running.complete());
  await expectState(work);
}

/** A client that does not journal sends the whole state. */
async function full(work: Work): Promise<void> {
  const { client, big, measure } = work;
  const running = await client.start(`${PROJECT_PATH}/${big.stack}`, false);
  await measure("full checkpoint", () => running.write("checkpoint", Readable.from(deployment(big, asImported(big)))));
  await measure("full checkpoint: complete", () => running.complete());
  await expectState(work);
}

/** Renames the stack, which changes all URNs. */
async function rename({ client, big, measure }: Work): Promise<void> {
  const other = { ...big, stack: "renamed" };
  await measure("rename", () => client.send("POST", `${PROJECT_PATH}/${big.stack}/rename`, client.token, { newName: other.stack }));
  await expectState({ client, big: other });
}

async function expectState({ client, big }: Pick<Work, "client" | "big">): Promise<void> {
  await expectResources(await client.send("GET", `${PROJECT_PATH}/${big.stack}/export`, client.token), elements(big, asImported(big)));
}

const touchedOf = ({ resources }: Big) => Array.from({ length: 10 }, (_, i) => 1 + Math.floor((i * (resources - 1)) / 10));

const state = (big: Big, i: number, edition: number) => JSON.parse(resourceText(big, i, edition)) as object;
