/** `npm run dev [-- --port N --persist-to DIR --verbose --saml]`: creates and starts a complete local server. */
import { join, resolve } from "node:path";
import { fail } from "./fail.ts";
import { readOptions } from "./options.ts";
import { root } from "./wrangler.ts";
import { portFault } from "./dev/port.ts";

const options = readOptions({
  port: { type: "string", default: "8787" },
  "persist-to": { type: "string", default: join(root, ".wrangler/state") },
  /** The Worker's own log in JSON, and wrangler's log. */
  verbose: { type: "boolean", default: false },
  /** Replaces a variable of `wrangler.toml`: NAME:VALUE. */
  var: { type: "string", multiple: true, default: [] },
  /** Starts the second Worker, for SAML, as well. It takes a second or two. */
  saml: { type: "boolean", default: false },
  /** Port for the developer tools of a browser. */
  "inspector-port": { type: "string" },
});
const directory = resolve(options["persist-to"]);
const port = Number(options.port);
const url = `http://localhost:${port}`;
const fault = await portFault(options.port);
if (fault) fail(fault);

// Wrangler reports its own steps in terms that only its users know.
if (!options.verbose) process.env["WRANGLER_LOG"] = "error";

// Wrangler and its libraries take a second to load, so they are imported here.
console.log("Stackpass is preparing its database (the first start takes some seconds)…");
const { prepare, secretsFile } = await import("./prepare.ts");
const { organizations } = await prepare(directory, url, (line) => console.log(line));

console.log("Starting the server…");
const { startServer } = await import("./dev/server.ts");
const server = await startServer({
  port,
  directory,
  secretsFile: secretsFile(directory),
  vars: Object.fromEntries(options.var.map((setting) => setting.split(/:(.*)/s).slice(0, 2) as [string, string])),
  verbose: options.verbose,
  saml: options.saml,
  inspectorPort: options["inspector-port"],
});

console.log(`
Stackpass runs at ${url}

  Console:      ${url} — sign in with ada's token
  Pulumi CLI:   export PULUMI_BACKEND_URL=${url} PULUMI_CONSOLE_DOMAIN=localhost:${port}

  who   is                        personal access token
  ada   administrator of acme     ${organizations["acme"]?.["admin"]}
  mel   member of acme            ${organizations["acme"]?.["member"]}
  gus   administrator of globex   ${organizations["globex"]?.["admin"]}

The tokens are also in ${join(directory, "stackpass-dev.json")}
Press Ctrl-C to stop.${options.verbose ? "" : " Each request is one line below; --verbose shows the whole log."}
`);

// A test that started this server has ended without stopping it.
process.once("disconnect", () => process.exit(1));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // Libraries exit the process at once, but the server's files must be closed first.
  process.removeAllListeners(signal);
  process.once(signal, () => {
    void server.stop().finally(() => {
      console.log("\nStackpass has stopped. The next start uses the same data.");
      process.exit(0);
    });
  });
}
