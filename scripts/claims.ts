/**
 * Keeps docs/security.md true: each file and each test that it names exists, and each claim has a mutant. A mutant is a small patch that
 * breaks the claim. `npm run test:claims` (`scripts/mutants.ts`) applies each of them and expects the claim's test to fail.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Edit, type Mutant, editsOf, mutants } from "../test/claims/mutants.ts";
import { root } from "./wrangler.ts";

export interface Claim {
  name: string;
  /** The file and the title of the test that proves the claim. */
  file: string;
  test: string;
}

type Read = (file: string) => string | undefined;

const readFile: Read = (file) => (existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : undefined);

/** The rows of the page's tables that start with the name of a claim: name, sentence, `file › title of the test`. */
export const claimsIn = (page: string): Claim[] =>
  [...page.matchAll(/^\| `([\w-]+)` \| [^|]+ \| `(test\/[^`›]+?) › ([^`]+)` \|$/gm)].map(([, name, file, test]) => ({
    name: name!,
    file: file!,
    test: test!,
  }));

export const readClaims = (): Claim[] => claimsIn(readFile("docs/security.md") ?? "");

/** @returns the faults of the page and its mutants, one sentence each */
export function claimFaults(): string[] {
  const page = readFile("docs/security.md") ?? "";
  return [...pointerFaults(page, readFile), ...mutantFaults(claimsIn(page), mutants, readFile)];
}

/** Every file in a code span exists, and every `file › title` is a test. */
export function pointerFaults(page: string, read: Read): string[] {
  const tests = [...page.matchAll(/`(test\/[^`›]+?) › ([^`]+)`/g)].map(([, file, title]) => ({ file: file!, title: title! }));
  const files = [...page.matchAll(/`((?:src|test|scripts|docs|public)\/[\w./-]+\.\w+)`/g)].map(([, file]) => file!);
  return [
    ...files.filter((file) => read(file) === undefined).map((file) => `${file} does not exist`),
    ...tests.filter(({ file, title }) => !hasTest(read(file), title)).map(({ file, title }) => `${file} has no test "${title}"`),
  ];
}

/** A title is in quotes before the test's body. */
const hasTest = (source: string | undefined, title: string): boolean =>
  source !== undefined &&
  ['"', "`", "'"].some(
    (quote) =>
      source.includes(`${quote}${quote === '"' ? title.replaceAll('"', '\\"') : title}${quote},`) ||
      source.includes(`${quote}${title}${quote})(`),
  );

/** Every claim has a mutant, every mutant has a claim, and the text that a mutant replaces occurs exactly once. */
export function mutantFaults(claims: Claim[], list: Mutant[], read: Read): string[] {
  const names = claims.map(({ name }) => name);
  if (names.length === 0) return ["docs/security.md has no claims"];
  return [
    ...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `docs/security.md has two claims "${name}"`),
    ...names.filter((name) => !list.some(({ claim }) => claim === name)).map((name) => `the claim "${name}" has no mutant`),
    ...list.flatMap((mutant) => faultsOf(mutant, read, names).map((fault) => `the mutant of "${mutant.claim}": ${fault}`)),
  ];
}

function faultsOf(mutant: Mutant, read: Read, names: string[]): string[] {
  const edits = editsOf(mutant);
  const count = ({ file, find }: Edit) => (read(file)?.split(find).length ?? 1) - 1;
  return [
    ...(names.includes(mutant.claim) ? [] : ["docs/security.md has no claim of that name"]),
    ...edits
      .filter((edit) => count(edit) !== 1)
      .map((edit) => `${edit.file} must contain its text once, but contains it ${count(edit)} times: ${edit.find}`),
    ...edits.filter(({ find, replace }) => find === replace).map(({ file }) => `it changes nothing in ${file}`),
  ];
}
