/** The claims of a token, after the check of its signature. */
export type Claims = Record<string, unknown>;

/** A value with more characters matches no rule, so that a rule has a bounded cost. */
const MOST_CHARACTERS = 1024;

const part = String.raw`(?:"[^"]+"|[^".]+)`;
const path = new RegExp(String.raw`^${part}(?:\.${part})*$`);

/** The names in the path of a claim. A name with dots is quoted, for example `"kubernetes.io".pod.name`. Undefined for an invalid path. */
export function namesIn(claimPath: string): string[] | undefined {
  if (!path.test(claimPath)) return undefined;
  return [...claimPath.matchAll(/"([^"]+)"|([^".]+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

/** The texts of a claim: one for a text, number or boolean, one for each of these in a list, and none for anything else. */
export function textsOf(claims: Claims, claimPath: string): string[] {
  let value: unknown = claims;
  for (const name of namesIn(claimPath) ?? []) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return [];
    value = (value as Claims)[name];
  }
  return (Array.isArray(value) ? value : [value]).filter(isScalar).map(String);
}

const isScalar = (value: unknown): value is string | number | boolean =>
  (typeof value === "string" && value.length <= MOST_CHARACTERS) || typeof value === "number" || typeof value === "boolean";

/** The text of a claim that has exactly one, else "". */
export function textOf(claims: Claims, claimPath: string): string {
  const [first = "", ...others] = textsOf(claims, claimPath);
  return others.length === 0 ? first : "";
}
