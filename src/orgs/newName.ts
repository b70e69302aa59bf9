/** A login or organization is an owner in stack names: cli-protocol §3.2. */
export const owner = /^[a-zA-Z0-9][a-zA-Z0-9-_]{1,38}[a-zA-Z0-9]$/;

/** First parts of the paths of this server: an organization of such a name would have no pages. */
export const ownPaths = ["api", "cli-login", "console", "healthz", "login", "scim", "setup", "signin", "signout", "user", "welcome"];

/** The reason why the name of a new organization or person is refused, as the rest of a sentence; undefined for a good name. Pure. */
export function newNameFault(name: string | undefined): string | undefined {
  if (!name) return "is needed.";
  if (owner.test(name)) return undefined;
  if (name.length < 3 || name.length > 40) return `"${name.slice(0, 100)}" has ${name.length} characters: a name has 3 to 40.`;
  const [strange] = /[^a-zA-Z0-9_-]/u.exec(name) ?? [];
  if (strange === "@") return `"${name}" is an address: a login is a short name like ada, of letters, digits, - and _.`;
  if (strange) return `"${name}" contains "${strange}": a name has letters, digits, - and _ only.`;
  return `"${name}" begins or ends with - or _: a name begins and ends with a letter or digit.`;
}

/** The reason why the name of a new organization is refused, as the rest of a sentence; undefined for a good name. */
export const newOrgNameFault = (name: string | undefined): string | undefined =>
  newNameFault(name) ??
  (ownPaths.includes(name!.toLowerCase()) ? `"${name}" is the name of pages of this server: choose another name.` : undefined);
