/**
 * The layers of `src/`, from the lowest to the highest. `npm run check` compares the imports, and the list in docs/develop.md, with this
 * list.
 */
import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { dirname, join, normalize, relative } from "node:path";
import { root } from "./wrangler.ts";

/** A layer is a folder of `src/`, or a file next to the folders. Files that are not listed belong to the lowest layer. */
const layers: [name: string, purpose: string][] = [
  ["*.ts", "The bindings, errors, limits, settings and log lines that every layer uses."],
  ["bytes", "Base64, UTF-8 and buffers."],
  ["db", "The client of D1: batches, and the limits of a statement."],
  ["metrics", "Counters for the operator, and the count of round trips to storage."],
  ["state", "The formats of Pulumi states and journals. It is pure: it uses neither HTTP nor storage."],
  ["access", "What custom roles grant: trees of permission descriptors, and the rules that they become."],
  ["context.ts", "The context of a request: its caller, the caller's organization, and the bindings."],
  ["audit", "Audit events on their way into the log, and the log's chain of hashes."],
  ["auth", "Authentication and authorization of callers."],
  ["http", "Common parts of routes: reading requests, bounds on input, and calls to other servers."],
  ["lineage", "The descent of credentials: everything created with a token, and its revocation."],
  ["dryRuns", "Whose rights a change would change, without making it."],
  ["stubs", "Operations of the public API that the CLI calls although Stackpass lacks the feature."],
  ["mail", "Hands mails over to the deployment's mail service."],
  ["registry", "Packages of a public registry."],
  ["users", "The caller's own account."],
  ["roles", "Roles and permission sets, built-in and custom."],
  ["orgs", "Organizations: members, invitations and settings."],
  ["tokens", "Access tokens: creation, rotation, limits, leaks and their end."],
  ["teams", "Teams: members, roles, tokens, and grants on stacks."],
  ["oidc", "Identity providers, and the exchange of their tokens for access tokens."],
  ["auditlogs", "Lists, exports and verification of the audit log."],
  ["rightsize", "The smallest role and limit that allow what a token did, by the audit log."],
  ["stacks", "Stacks: their names, tags, configuration, resources and objects in R2."],
  ["explain", "Why somebody has a right, and who has a right on a stack."],
  ["secrets", "Encryption of secret values under a stack's key."],
  ["identity", "The deployment's own signing keys, and the tokens by which it signs in to other services."],
  ["streams", "Streams that send the audit log to other systems, each from its own Durable Object."],
  ["webhooks", "Webhooks that send what happens to other systems and chats, from the audit log."],
  ["engineEvents", "The format of engine events, in requests and in R2."],
  ["coordinator", "The Durable Object that owns a stack while an update runs, and its client."],
  ["updates", "The Worker's side of an update: from its creation to its end, imports and renames."],
  ["history", "Reads what updates did: lists, summaries, timelines and engine events."],
  ["sweeps", "Bounded work of the cron: lost starts, and objects that no row names."],
  ["operator", "Health and metrics, for the operator of the deployment."],
  ["sessions", "Sign-in to the console and its sessions."],
  ["scim", "People and groups of an identity provider, which it creates, changes and deactivates (SCIM 2.0)."],
  ["sso", "Sign-in through identity providers, and what an organization requires of it."],
  ["setup", "The first organization of a deployment and its administrator."],
  ["console", "The web pages."],
  ["app", "Assembles the routes, and serves requests, queue messages and the cron."],
  ["index.ts", "The Worker's entry point."],
];

const names = layers.map(([name]) => name);

/** The layer of a file, by its path from `src/`. */
function layerOf(file: string): string {
  const [first = "", ...rest] = file.split("/");
  return rest.length > 0 || names.includes(first) ? first : "*.ts";
}

/** The files of `src/` that each file imports, types and `import()` included; paths from `src/`. */
async function importsOf(): Promise<Map<string, string[]>> {
  const src = join(root, "src");
  const imports = new Map<string, string[]>();
  for await (const file of glob("**/*.{ts,tsx}", { cwd: src })) {
    if (file.endsWith(".d.ts")) continue;
    const found = readFileSync(join(src, file), "utf8").matchAll(
      /^(?:import|export) [^;]*?from "(\.[^"]+)"|(?<=\bimport\(")(\.[^"]+)(?="\))/gm,
    );
    imports.set(
      file,
      [...found].map(([, path, later]) => normalize(join(dirname(file), path ?? later!))).filter((path) => !path.startsWith("..")),
    );
  }
  return imports;
}

/**
 * Checks that a file imports only from its own layer and lower ones, types included. Only a `table.ts` may be imported from everywhere,
 * because a table refers to other tables. An import cycle has at most two files.
 */
export async function importFaults(): Promise<string[]> {
  const imports = await importsOf();
  const upward = [...imports].flatMap(([file, paths]) =>
    paths.flatMap((path) => {
      const [from, to] = [names.indexOf(layerOf(file)), names.indexOf(layerOf(path))];
      if (from < 0 || to < 0) return [`${from < 0 ? file : path} is in no layer of scripts/layers.ts`];
      return to <= from || path.endsWith("table.ts") ? [] : [`${file} imports ${path}, which is in a higher layer`];
    }),
  );
  return [...upward, ...circles(imports).map((files) => `${files.length} files form an import cycle: ${files.join(", ")}`)];
}

/** The groups of more than two files that form a cycle. */
function circles(imports: Map<string, string[]>): string[][] {
  const reachable = (from: string): Set<string> => {
    const seen = new Set<string>();
    const open = [...(imports.get(from) ?? [])];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      open.push(...(imports.get(file) ?? []));
    }
    return seen;
  };
  const reach = new Map([...imports.keys()].map((file) => [file, reachable(file)]));
  const groups = [...imports.keys()].map((file) => [...(reach.get(file) ?? [])].filter((other) => reach.get(other)?.has(file)).sort());
  return groups.filter((group, i) => group.length > 2 && groups.findIndex((other) => other.join() === group.join()) === i);
}

/** The list in the format of docs/develop.md. */
const asTable = () =>
  ["| Layer | Purpose |", "| --- | --- |", ...layers.map(([name, purpose]) => `| \`${name}\` | ${purpose} |`)].join("\n") + "\n";

export function pageFault(): string | undefined {
  const page = join(root, "docs/develop.md");
  return readFileSync(page, "utf8").includes(asTable())
    ? undefined
    : `${relative(root, page)} does not have the layers of scripts/layers.ts:\n\n${asTable()}`;
}
