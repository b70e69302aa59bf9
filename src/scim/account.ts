import { invalidValue, notUnique } from "./fault.ts";
import type { UserAttributes } from "./user.ts";

/** A member whom a SCIM user may mean, and by what. */
export interface Candidate {
  userId: string;
  login: string;
  bySubject: boolean;
  byLogin: boolean;
  isLastAdmin: boolean;
}

/**
 * The member of the organization whom a new SCIM user means: by the subject of a sign-in through the organization's own connection, else by
 * login, else by e-mail address. Undefined: none. It is never an account outside of the organization.
 * @throws 409 if several members have the address
 */
export function chooseMember(candidates: Candidate[], userName: string): Candidate | undefined {
  const bySubject = candidates.filter((candidate) => candidate.bySubject);
  const byLogin = candidates.filter((candidate) => candidate.byLogin);
  const [first, ...others] = bySubject.length > 0 ? bySubject : byLogin.length > 0 ? byLogin : candidates;
  if (others.length > 0)
    throw notUnique(
      `Several members of the organization match "${userName}". Use the login of one of them as the userName, or change an address.`,
    );
  return first;
}

/** The addresses of a user, folded: an address of the user name counts. */
export const addressesOf = ({ userName, profile: { emails } }: UserAttributes): string[] => [
  ...new Set([userName, ...emails.map(({ value }) => value)].map((address) => address.toLowerCase())),
];

/** The name and address that an account shows. */
export function shownAs({ userName, profile: { displayName, name, emails } }: UserAttributes): { name: string; email: string } {
  const parts = [name.givenName, name.familyName].filter((part) => part !== undefined).join(" ");
  const [main] = [...emails.filter(({ primary }) => primary), ...emails];
  return { name: displayName ?? name.formatted ?? (parts || userName), email: main?.value ?? (userName.includes("@") ? userName : "") };
}

const LONGEST = 32;

/** Logins for a new account, the best first. @param random hex digits, which make the last candidate unique */
export function loginsFor(userName: string, random: string): string[] {
  const [local = ""] = userName.split("@");
  const legal = local
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9_-]+/g, "-")
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "")
    .slice(0, LONGEST)
    .replace(/[^A-Za-z0-9]+$/, "");
  const base = legal.length >= 3 ? legal : `user${legal && `-${legal}`}`;
  return [base, ...Array.from({ length: 8 }, (_, index) => `${base}-${index + 2}`), `${base.slice(0, 27)}-${random.slice(0, 12)}`];
}

/** Names for the team of a new group, the best first (identity-facts C-32). */
export function teamNamesFor(displayName: string, random: string): string[] {
  const slug = displayName
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9_.-]+/g, "-")
    .slice(0, 80)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  const base = slug || "group";
  return [base, ...Array.from({ length: 8 }, (_, index) => `${base}-${index + 2}`), `${base}-${random.slice(0, 12)}`];
}

/** The first candidate that nobody has. */
export function firstFree(candidates: string[], taken: string[]): string {
  const used = new Set(taken.map((name) => name.toLowerCase()));
  const free = candidates.find((candidate) => !used.has(candidate.toLowerCase()));
  if (free === undefined) throw invalidValue("No name is free for this resource.");
  return free;
}
