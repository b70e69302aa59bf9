import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Program, editProgram, hasStash, nodeProject, yamlProject } from "./programs.ts";
import type { Random } from "./random.ts";

const SIZE = 10;

/**
 * A program whose update takes long without a timer: it has two chains of resources, and each resource is made only after the one before
 * it. Every edition changes some resources, renames some, and leaves the others unchanged; one is secret.
 */
export class Chains {
  readonly folder: string;
  readonly #name: string;
  readonly #values: { name: string; value: string }[];
  #edition = 0;

  constructor(name: string) {
    this.#name = name;
    this.folder = hasStash() ? yamlProject(name) : nodeProject(name, { things: [] });
    this.#values = Array.from({ length: SIZE }, (_, i) => ({ name: `r${i}`, value: "first" }));
    this.#write();
  }

  /** The next edition of the program. */
  edit(random: Random): void {
    this.#edition++;
    for (const [i, resource] of this.#values.entries()) {
      const change = random.pick({ none: 3, value: 4, name: 2 });
      if (change !== "none") resource.value = `edition ${this.#edition}`;
      if (change === "name") resource.name = `r${i}of${this.#edition}`;
    }
    this.#write();
  }

  #write(): void {
    const before = (i: number) => (i < 2 ? [] : [this.#values[i - 2]!.name]);
    if (!hasStash()) {
      const program: Program = {
        things: this.#values.map(({ name, value }, i) => ({ name, dependsOn: before(i), props: { note: value, takes: 30 } })),
      };
      return editProgram(this.folder, program);
    }
    const resources = this.#values.map(({ name, value }, i) => [
      name,
      {
        type: "pulumi:index:Stash",
        properties: { input: i === 3 ? { "fn::secret": value } : value },
        options: { dependsOn: before(i).map((other) => `\${${other}}`) },
      },
    ]);
    writeFileSync(
      join(this.folder, "Pulumi.yaml"),
      JSON.stringify({ name: this.#name, runtime: "yaml", resources: Object.fromEntries(resources) as object }, null, 2),
    );
  }
}
