/** Finds the public OpenAPI document of Pulumi Cloud. It is not part of this repository; docs/reference/README.md explains how to get it. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const places = [join(root, ".contract/openapi.json"), join(root, "../shared/pulumi-cloud/openapi.json")];

export const NO_CONTRACT = "the public contract is absent, see docs/reference/README.md";

/**
 * @returns the file that `PULUMI_CONTRACT` names, or the first of the default places that exists; undefined when there is none
 * @throws when `PULUMI_CONTRACT` names a file that does not exist, so that a wrong path does not skip tests
 */
export function contractFile(): string | undefined {
  const named = process.env["PULUMI_CONTRACT"];
  if (!named) return places.find((place) => existsSync(place));
  if (!existsSync(named)) throw new Error(`PULUMI_CONTRACT names ${named}, which does not exist`);
  return named;
}
