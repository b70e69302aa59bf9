/** The claims of a token, after the check of its signature. */
export type Claims = Record<string, unknown>;

/** A value with more characters is not compared, so that a rule has a bounded cost. */
const MOST_CHARACTERS = 1024;

const part = String.raw`(?:"[^"]+"|[^".]+)`;
const path = new RegExp(String.raw`^${part}(?:\.${part})*$`);

/** The names in the path of a claim. A name with dots is quoted, for example `"kubernetes.io".pod.name`. Undefined for an invalid path. */
export function namesIn(claimPath: string): string[] | undefined {
  if (!path.test(claimPath)) return undefined;
  return [...claimPath.matchAll(/"([^"]+)"|([^".]+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

/** The texts of a claim: one for a text, number or boolean, one for each of these in a list, and none for anything else. */
export const textsOf = (claims: Claims, claimPath: string): string[] =>
  scalarsOf(claims, claimPath)
    .filter((value) => !isBeyond(value))
    .map(String);

/** Whether a claim has a value that is not compared. */
export const hasBeyond = (claims: Claims, claimPath: string): boolean => scalarsOf(claims, claimPath).some(isBeyond);

type Scalar = string | number | boolean;

function scalarsOf(claims: Claims, claimPath: string): Scalar[] {
  let value: unknown = claims;
  for (const name of namesIn(claimPath) ?? []) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return [];
    value = (value as Claims)[name];
  }
  return (Array.isArray(value) ? value : [value]).filter(isScalar);
}

const isScalar = (value: unknown): value is Scalar => ["string", "number", "boolean"].includes(typeof value);

/** A text is too long, or a number has lost digits, so that two ids could have one text. */
const isBeyond = (value: Scalar): boolean =>
  (typeof value === "string" && value.length > MOST_CHARACTERS) || (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER);

/** The text of a claim that has exactly one, else "". */
export function textOf(claims: Claims, claimPath: string): string {
  const [first = "", ...others] = textsOf(claims, claimPath);
  return others.length === 0 ? first : "";
}
