/** `npm run deploy -- --check`: compares what runs with the checkout, and changes nothing. */
import { globSync } from "node:fs";
import { basename } from "node:path";
import { CONFIG, configuration, root } from "../configuration.ts";
import { mustHaveAccount } from "../preflight.ts";
import { bindingDifferences, databaseDifferences, queueDifferences } from "./differences.ts";
import { ownRelease, releaseDifference, releaseOf } from "./release.ts";
import { readConsumers, readDatabase, readVersions } from "./running.ts";

/** @param saml whether the second Worker belongs to the deployment. @returns the exit code: 1 when something differs */
export function check(saml: boolean): number {
  mustHaveAccount();
  const config = configuration(CONFIG, { saml });
  const versions = readVersions();
  if (versions.length === 0)
    return report([`There is no Worker ${config.name} in this account: \`npm run deploy\` makes the first deployment.`]);
  const own = ownRelease();
  const differences = versions.flatMap((version) => {
    const code = releaseDifference(releaseOf(version.tag), own);
    return [...(code === undefined ? [] : [code]), ...bindingDifferences(config, version)].map((text) =>
      versions.length === 1 ? text : `Of the version that answers ${version.share} % of the requests: ${text}`,
    );
  });
  const databases = config.d1_databases ?? [];
  const migrations = globSync("migrations/*.sql", { cwd: root })
    .map((file) => basename(file))
    .sort();
  differences.push(
    ...databases.flatMap(({ binding = "", database_name: name = "" }) => {
      const database = readDatabase(binding, name);
      if (!database) return [`The database ${name} does not exist.`];
      const found = databaseDifferences(database, binding, versions, migrations, Date.now());
      return databases.length === 1 ? found : found.map((text) => `Of the database ${binding}: ${text}`);
    }),
    ...queueDifferences(config, readConsumers),
  );
  return report(differences, config.name);
}

function report(differences: string[], name = ""): number {
  for (const text of differences) console.log(`- ${text}`);
  if (differences.length === 0) {
    console.log(
      `${name} runs the code and the settings of this checkout. Its migrations are applied, its queues are consumed, and its cron runs.`,
    );
    return 0;
  }
  console.log(
    `\nDifferences: ${differences.length}. \`npm run deploy\` brings the code, the migrations and the settings of this checkout.`,
  );
  return 1;
}
