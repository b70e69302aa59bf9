import type { Provider } from "./provider.ts";

/** The claims of a provider about the person who signs in, after its answer was verified. */
export interface Person {
  /** The key of the identity, together with the connection and the issuer. It never is an address or a name. */
  subject: string;
  /** In lower case; "" if the provider sends none that is valid. */
  email: string;
  /** Whether the provider confirms that the address is the person's. */
  isVerified: boolean;
  name: string;
  /** The name that the person has at the provider, to derive a login from. */
  userName: string;
  /** The id (`sid`) of the session at the provider; "" if the provider sends none. */
  session: string;
  /** Indexes of the group mappings that apply to the person; null: the provider did not say which groups the person is in. */
  mapped: number[] | null;
  /** When the provider wants the session to end, at the latest. Milliseconds since 1970. */
  sessionEndsAt?: number | undefined;
}

type Claims = Record<string, unknown>;

const MOST_NAME = 100;
const text = (value: unknown, most = MOST_NAME) => (typeof value === "string" && value.length <= most ? value.trim() : "");

const ADDRESS = /^[^\s@<>"(),:;\\[\]]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/;

/** The address in lower case, or "". */
export function addressOf(value: unknown): string {
  const address = typeof value === "string" && value.length <= 254 ? value.toLowerCase() : "";
  return ADDRESS.test(address) ? address : "";
}

export const domainOf = (address: string): string => address.slice(address.lastIndexOf("@") + 1);

const isEntra = (issuer: string) => /^https:\/\/(?:login\.microsoftonline\.(?:com|us)|sts\.windows\.net)\//.test(issuer);
const isGoogle = (issuer: string) => issuer === "https://accounts.google.com";

/**
 * The person of an ID token. The address and its confirmation are taken from one document (identity-facts O-5): from the ID token, or from the answer of
 * UserInfo if the ID token has no address.
 * @returns undefined without a usable subject
 */
export function personIn(
  provider: Pick<Provider, "issuer" | "groupClaim" | "groupMappings">,
  idToken: Claims,
  userInfo: Claims | undefined,
): Person | undefined {
  const { issuer, groupClaim } = provider;
  // The `sub` of Entra is different in each application, and SCIM sends the `oid` (identity-facts O-1).
  const subject = isEntra(issuer) ? idToken["oid"] : idToken["sub"];
  if (typeof subject !== "string" || !/^[\x20-\x7e]{1,255}$/.test(subject)) return undefined;
  const about: Claims = idToken["email"] === undefined && userInfo ? userInfo : idToken;
  const email = addressOf(about["email"]);
  const groups = groupClaim === "" ? null : (groupsIn(idToken[groupClaim]) ?? groupsIn(userInfo?.[groupClaim]));
  return {
    subject,
    email,
    isVerified: email !== "" && isVerified(issuer, about, email),
    name: text(idToken["name"]) || text(userInfo?.["name"]),
    userName: text(idToken["preferred_username"]) || text(userInfo?.["preferred_username"]) || email,
    session: sessionIn(idToken["sid"]) ?? "",
    mapped: mappedBy(provider.groupMappings, groups),
  };
}

/** An id of a session at a provider; undefined for another value. */
export const sessionIn = (sid: unknown): string | undefined =>
  typeof sid === "string" && /^[\x20-\x7e]{1,255}$/.test(sid) ? sid : undefined;

/** Only the value `true` confirms: a text such as "false" would be true as well (identity-facts O-6, O-7). */
function isVerified(issuer: string, about: Claims, email: string): boolean {
  if (isEntra(issuer)) return about["xms_edov"] === true || about["xms_edov"] === 1 || about["xms_edov"] === "1";
  if (isGoogle(issuer) && about["hd"] !== domainOf(email)) return false;
  return about["email_verified"] === true;
}

const MOST_GROUPS = 10_000;

/**
 * The groups of a claim; null if the claim is absent or has another shape, which does not mean that there are none (identity-facts O-14).
 */
export function groupsIn(claim: unknown): Set<string> | null {
  if (typeof claim === "string") return new Set([claim]);
  if (!Array.isArray(claim) || claim.length > MOST_GROUPS) return null;
  const groups = new Set<string>();
  for (const group of claim as unknown[]) {
    // Cloudflare Access sends the groups of some providers as objects (identity-facts S-8).
    const names = typeof group === "object" && group !== null ? [(group as Claims)["id"], (group as Claims)["name"]] : [group];
    for (const name of names) if (typeof name === "string") groups.add(name);
  }
  return groups;
}

export const mappedBy = (mappings: { group: string }[], groups: Set<string> | null): number[] | null =>
  groups && mappings.flatMap(({ group }, i) => (groups.has(group) ? [i] : []));
