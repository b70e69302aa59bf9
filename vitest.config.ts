import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { contractFile } from "./scripts/contract.ts";
import { startUpstream } from "./test/cli/support/upstream.ts";
import { startDocuments } from "./test/cli/support/documents.ts";
import { SAML_CONFIG, configuration } from "./scripts/configuration.ts";
import { samlWorker } from "./scripts/samlBundle.ts";
import { long, shared } from "./vitest.shared.ts";

/** Reads the public contract without its prose, or false when it is absent; see test/support/contract.ts. */
function readContract(): unknown {
  const file = contractFile();
  if (file === undefined) return false;
  const isProse = (key: string, value: unknown) => key.startsWith("x-") || (key === "description" && typeof value === "string");
  return JSON.parse(readFileSync(file, "utf8"), (key, value: unknown) => (isProse(key, value) ? undefined : value));
}

/** Its private half is in `test/support/scanner.ts`. */
const scannerKey = readFileSync(new URL("./test/support/scanner.pub.pem", import.meta.url), "utf8");

/** Everything that runs inside workerd, against real bindings. The real CLI has a configuration of its own. */
export default defineConfig(async () => {
  const migrations = await readD1Migrations(fileURLToPath(new URL("./migrations", import.meta.url)));
  const upstream = await startUpstream();
  const documents = await startDocuments();
  const queue = { maxBatchSize: 100, maxBatchTimeout: 0.005, maxRetries: 2, retryDelay: 0 };
  return {
    plugins: [
      cloudflareTest({
        main: "./test/support/main.ts",
        wrangler: { configPath: "./wrangler.toml" },
        miniflare: {
          bindings: {
            TEST_MIGRATIONS: migrations,
            PUBLIC_CONTRACT: readContract(),
            TOKEN_PEPPER: "the-pepper-of-these-tests-and-of-nothing-else",
            OPERATOR_TOKEN: "the-operator-of-these-tests-and-nobody-else",
            // The second key is there so that tests can rotate it away.
            ENCRYPTION_KEYS: "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,0:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA",
            LEASE_SECONDS: "300",
            REGISTRY_UPSTREAM: upstream.url,
            DOCUMENTS: documents,
            LOCAL_DEVELOPMENT: "true",
            AUDIT_EXPORT_STORE: "http://localhost:1",
            LEAK_SCANNER_SECRET: "the-scanner-of-these-tests-and-nobody-else",
            LEAK_SCANNER_KEYS: scannerKey,
            // Size of `npm run bench:lists`.
            LISTS_SCALE: process.env["LISTS_SCALE"] ?? "0.1",
          },
          // test/db/placement.test.ts gives the deployment this database as DB_2.
          d1Databases: { SECOND: "stackpass-tests-second" },
          serviceBindings: { SAML: configuration(SAML_CONFIG).name },
          workers: [samlWorker()],
          queueConsumers: {
            "stackpass-audit": { ...queue, deadLetterQueue: "stackpass-audit-dead" },
            "stackpass-audit-dead": queue,
          },
        },
      }),
    ],
    test: {
      ...shared,
      include: ["test/**/*.test.ts"],
      exclude: ["test/cli/**", "test/socket/**", "test/scripts/**", "test/console/browser/**"],
      // One Worker process serves all files and is emptied before each test. This isolates the tests as well, and is five times as fast.
      isolate: false,
      maxWorkers: 1,
      setupFiles: ["./test/support/setup.ts"],
      testTimeout: long ? 1_200_000 : 120_000,
    },
  };
});
