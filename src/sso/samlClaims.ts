import type { SamlFacts } from "../samlService.ts";
import { type Person, addressOf, mappedBy } from "./claims.ts";
import type { Provider } from "./provider.ts";

/** Names of attributes, as common providers send them; the first that has a value counts. */
const CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
const emailNames = [
  "email",
  "mail",
  "emailAddress",
  "emailaddress",
  "Email",
  `${CLAIMS}/emailaddress`,
  "urn:oid:0.9.2342.19200300.100.1.3",
];
const displayNames = [
  "displayName",
  "name",
  "http://schemas.microsoft.com/identity/claims/displayname",
  "urn:oid:2.16.840.1.113730.3.1.241",
  "cn",
  "urn:oid:2.5.4.3",
];
const userNames = [
  "username",
  "userName",
  "preferred_username",
  "uid",
  "urn:oid:0.9.2342.19200300.100.1.1",
  "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
  `${CLAIMS}/name`,
];

const MOST_NAME = 100;

/**
 * The person of a verified assertion. SAML has no claim that confirms an address: the word of the provider counts, unless it says that the address is not
 * verified. An address makes somebody a member only if the organization has proved its domain (`mayJoin`), and it finds no account. Pure.
 */
export function personOf(provider: Pick<Provider, "groupClaim" | "groupMappings">, facts: SamlFacts): Person {
  const attributes = new Map(facts.attributes);
  const first = (names: string[]) => names.flatMap((name) => attributes.get(name) ?? []).find((value) => value !== "") ?? "";
  const short = (value: string) => (value.length <= MOST_NAME ? value : "");
  const isAddress = facts.nameIdFormat === "emailAddress";
  const email = addressOf(first(emailNames)) || (isAddress ? addressOf(facts.nameId) : "");
  const groups = provider.groupClaim === "" ? undefined : attributes.get(provider.groupClaim);
  return {
    // Providers write the same address with different capitals.
    subject: isAddress ? facts.nameId.toLowerCase() : facts.nameId,
    email,
    isVerified: email !== "" && !/^(?:false|0|no)$/i.test(first(["email_verified", "emailVerified"])),
    name: short(first(displayNames)),
    userName: short(first(userNames)) || email,
    session: "",
    mapped: mappedBy(provider.groupMappings, groups ? new Set(groups) : null),
    ...(facts.sessionEndsAt !== null && { sessionEndsAt: facts.sessionEndsAt }),
  };
}
