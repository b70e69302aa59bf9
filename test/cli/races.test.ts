import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { StartingGate } from "./support/startingGate.ts";
import { Terminal } from "./support/terminal.ts";

const { races: RACES } = inject("sizes");
const BUSY = "[409] Conflict: Another update is currently in progress.";

let gate: StartingGate;
let runners: Terminal[];
beforeAll(async () => {
  gate = await StartingGate.before(inject("url"));
  const token = (await newOrgToken("races")).value;
  const project = yamlProject("races");
  runners = ["one", "other"].map(() => new Terminal({ project, token, url: gate.url }));
  await runners[0]!.pulumi("stack", "init", "acme/races/dev");
  await runners[0]!.pulumi("config", "set", "--secret", "password", newSecret());
});
afterAll(() => gate.close());

it(
  `of two CLIs that start an update of a stack at the same moment exactly one wins, ${RACES} times`,
  { timeout: RACES * 60_000 },
  async () => {
    for (let race = 1; race <= RACES; race++) {
      const results = await Promise.all(runners.map((runner) => runner.run("up", "--yes", "--skip-preview", "--stack", "acme/races/dev")));
      const told = results.map(({ code, stdout, stderr }) => `ended with ${code}\n${stdout}\n${stderr}`).join("\n---\n");
      const [winner, loser] = results[0]!.code === 0 ? results : results.toReversed();
      expect(winner!.code, `race ${race}\n${told}`).toBe(0);
      expect(loser!.code, `race ${race}\n${told}`).not.toBe(0);
      expect(`${loser!.stdout}${loser!.stderr}`).toContain(BUSY);
      expect(await runners[0]!.json("stack", "history", "--json", "--stack", "acme/races/dev", "--page-size", "1")).toMatchObject([
        { version: race, result: "succeeded" },
      ]);
    }
  },
);
