/**
 * Implements the checks that the CLI makes when it reads a state (cli-protocol §5.4). A violation blocks every operation on the stack. The
 * service does not make these checks; the tests apply them to what the service writes.
 */
import { parse } from "../../src/state/json/json.ts";
import { magicOf } from "../../src/state/replay/members.ts";
import { readLinks, type Links } from "../../src/state/resource.ts";
import { splitDeployment, type SplitOptions } from "../../src/state/json/split.ts";

/**
 * The first violation found in an untyped deployment, as a sentence; undefined when there is none. Keeps the URNs in memory. Throws
 * StateError when the text is malformed.
 */
export async function findIntegrityError(chunks: AsyncIterable<Uint8Array>, options: SplitOptions = {}): Promise<string | undefined> {
  const check = new IntegrityCheck();
  for await (const parts of splitDeployment(chunks, options)) {
    for (const part of parts) {
      if (part.at === "resource") check.resource(part.text);
      else if (part.at === "deployment" && part.key === "manifest") await check.manifest(part.text);
      else if (part.at === "deployment" && part.key === "snippets") check.snippets(part.text);
    }
  }
  return check.finish();
}

/** The members may have any type, because this checks data that other programs wrote. */
type Flag = "type" | "custom" | "id" | "delete" | "pendingReplacement";
type Loose<Key extends string> = { [key in Key]?: unknown };

class IntegrityCheck {
  #error: string | undefined;
  /** By URN, the number of resources that are not marked for deletion. */
  readonly #alive = new Map<string, number>();
  readonly #providers = new Set<string>();

  resource(text: Uint8Array): void {
    const links = readLinks(text);
    this.#error ??= this.#problemOf(parse(text) as Loose<Flag>, links);
  }

  #problemOf(flags: Loose<Flag>, links: Links): string | undefined {
    const { urn } = links;
    if (urn === "") return "a resource has no urn";
    const [type, id] = [textOf(flags.type), textOf(flags.id)];
    if (type === "") return `resource ${urn} has no type`;
    if (!flags.custom && id) return `resource ${urn} has an id but is not custom`;
    if (type.startsWith("pulumi:providers:")) this.#providers.add(`${urn}::${id}`);
    if (links.provider && !this.#providers.has(links.provider) && !flags.pendingReplacement)
      return `resource ${urn} refers to unknown provider ${links.provider}`;
    const { parent, deletedWith, replaceWith, dependencies, propertyDependencies } = links;
    const references = [parent, deletedWith, ...replaceWith, ...dependencies, ...propertyDependencies.flatMap(([, urns]) => urns)];
    const missing = references.find((other) => other !== "" && !this.#alive.has(other));
    if (missing !== undefined) return `resource ${urn} refers to ${missing}, which is missing or comes after it`;
    const alive = (this.#alive.get(urn) ?? 0) + (flags.delete ? 0 : 1);
    this.#alive.set(urn, alive);
    return undefined;
  }

  async manifest(text: Uint8Array): Promise<void> {
    const { version, magic } = (parse(text) ?? {}) as Loose<"version" | "magic">;
    if (textOf(magic) !== (await magicOf(textOf(version)))) this.#error ??= "the manifest's magic does not fit its version";
  }

  snippets(text: Uint8Array): void {
    const list = parse(text);
    const uuids = Array.isArray(list) ? list.map((snippet: Loose<"uuid"> | null) => snippet?.uuid) : [];
    if (uuids.some((uuid) => !uuid)) this.#error ??= "a snippet has no uuid";
    if (new Set(uuids).size < uuids.length) this.#error ??= "two snippets have the same uuid";
  }

  finish(): string | undefined {
    if (this.#error) return this.#error;
    for (const [urn, alive] of this.#alive) if (alive > 1) return `resource ${urn} is there twice and not marked for deletion`;
    return undefined;
  }
}

const textOf = (value: unknown) => (typeof value === "string" ? value : "");
