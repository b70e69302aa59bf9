/** `npm run dev [-- --port N --persist-to DIR …]`: a complete local server, from nothing. More options go to `wrangler dev`. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { prepare, secretsFile } from "./prepare.ts";
import { root, startWrangler } from "./wrangler.ts";

const { values, tokens } = parseArgs({
  options: { port: { type: "string", default: "8787" }, "persist-to": { type: "string", default: join(root, ".wrangler/state") } },
  strict: false,
  tokens: true,
});
const port = String(values.port);
const directory = resolve(String(values["persist-to"]));
const own = new Set(["port", "persist-to"]);
const others = tokens.flatMap((token) => {
  // The value of an option that only wrangler knows: `--var NAME:VALUE`.
  if (token.kind === "positional") return [token.value];
  if (token.kind !== "option" || own.has(token.name)) return [];
  return token.value === undefined ? [token.rawName] : [`${token.rawName}=${token.value}`];
});

const url = `http://localhost:${port}`;
const credentials = await prepare(directory, url);
const server = startWrangler([
  "dev",
  "--port",
  port,
  "--persist-to",
  directory,
  "--env-file",
  secretsFile(directory),
  "--show-interactive-dev-session=false",
  "--var",
  "LOCAL_DEVELOPMENT:true",
  ...others,
]);
server.on("exit", (code) => process.exit(code ?? 1));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.kill(signal));

await untilReady();
console.log(`
Stackpass runs at ${url}

  organization  who     personal access token
  acme          admin   ${credentials.organizations["acme"]?.["admin"]}
  acme          member  ${credentials.organizations["acme"]?.["member"]}
  globex        admin   ${credentials.organizations["globex"]?.["admin"]}

These are also in ${join(directory, "stackpass-dev.json")}
`);

async function untilReady(): Promise<void> {
  for (let i = 0; i < 600; i++) {
    try {
      if ((await fetch(`${url}/healthz`)).ok) return;
    } catch {
      // not yet
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  console.error("the server did not start within a minute");
  server.kill();
  process.exit(1);
}
