import { type Person, domainOf } from "./claims.ts";
import type { Provider } from "./provider.ts";
import type { GroupMapping } from "./table.ts";

/**
 * Whether the provider may make the person a member of its organization, or give the person a new account. The provider must confirm the address, the
 * administrators must have allowed its domain, and the organization must have proved that the domain is its own: otherwise the administrator of one
 * organization could claim the addresses of another (identity-facts O-2). The operator vouches for the domains of the deployment's providers. Pure.
 * @param proven the domains that the organization has proved
 */
export function mayJoin(
  provider: Pick<Provider, "org" | "allowedDomains">,
  person: Pick<Person, "email" | "isVerified">,
  proven: string[],
): boolean {
  const domain = domainOf(person.email);
  return (
    person.isVerified && domain !== "" && provider.allowedDomains.includes(domain) && (provider.org === null || proven.includes(domain))
  );
}

/** The teams and the role that a person's groups give; undefined if the groups are unknown, so that nothing changes. Pure. */
export function givenByGroups(mappings: GroupMapping[], mapped: number[] | null): { teamIds: string[]; isAdmin: boolean } | undefined {
  if (mapped === null) return undefined;
  const given = mapped.flatMap((i) => mappings[i] ?? []);
  return {
    teamIds: [...new Set(given.flatMap((mapping) => ("teamId" in mapping ? [mapping.teamId] : [])))],
    isAdmin: given.some((mapping) => "role" in mapping),
  };
}

const OWNER = /^[a-zA-Z0-9][a-zA-Z0-9-_]{1,38}[a-zA-Z0-9]$/;

/** A login from the name at the provider, made of the characters that an owner of stacks may have (identity-facts O-26). Pure. */
export function loginFrom(userName: string): string {
  const [local = ""] = userName.normalize("NFKD").replaceAll(/\p{M}/gu, "").split("@");
  const made = local
    .replaceAll(/[^a-zA-Z0-9-_]+/g, "-")
    .replaceAll(/^[-_]+/g, "")
    .slice(0, 30)
    .replaceAll(/[-_]+$/g, "");
  return OWNER.test(made) ? made : `user-${made}`.replaceAll(/[-_]+$/g, "");
}
