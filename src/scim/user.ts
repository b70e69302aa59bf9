import { invalid, invalidValue } from "./fault.ts";
import type { Comparison } from "./filter.ts";
import { isObject, membersOf } from "./members.ts";
import { type Change, type Target, noPath } from "./operations.ts";
import type { Email, PersonName, Profile } from "./table.ts";
import { booleanOf, requiredText, textOf } from "./values.ts";

/** The attributes of a SCIM user that are kept. */
export interface UserAttributes {
  userName: string;
  externalId: string | null;
  active: boolean;
  profile: Profile;
}

export const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user";

const MOST_EMAILS = 20;
const MOST_ADDRESS = 320;

const nameParts: Record<string, keyof PersonName> = { formatted: "formatted", familyname: "familyName", givenname: "givenName" };

/** Attributes of the core and enterprise schemas that are not kept. A client may send them (identity-facts C-11, C-12). */
const unkept = new Set(
  `addresses costcenter department division employeenumber entitlements groups ims locale manager meta nickname organization password
  phonenumbers photos preferredlanguage profileurl roles schemas timezone title usertype x509certificates`.split(/\s+/),
);
const unkeptNameParts = new Set(["middlename", "honorificprefix", "honorificsuffix"]);

/** Reads the user of a POST or PUT. Unknown attributes are ignored, and a missing `active` is true (identity-facts C-34). @throws 400 */
export function readUser(body: unknown): UserAttributes {
  if (!isObject(body)) throw invalid("invalidSyntax", "The body must be a JSON object with the attributes of a user.");
  const members = membersOf(body);
  const active = members.get("active");
  return {
    userName: requiredText("userName", members.get("username")),
    externalId: textOf("externalId", members.get("externalid")),
    active: active === undefined || active === null ? true : booleanOf("active", active),
    profile: {
      displayName: textOf("displayName", members.get("displayname")),
      name: readName(members.get("name")),
      emails: readEmails(members.get("emails")),
    },
  };
}

function readName(value: unknown): PersonName {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalidValue("name is a JSON object.");
  const members = membersOf(value);
  const name: PersonName = {};
  for (const [key, part] of Object.entries(nameParts)) setPart(name, part, members.get(key));
  return name;
}

function setPart(name: PersonName, part: keyof PersonName, value: unknown): void {
  const text = textOf(`name.${part}`, value);
  if (text === null) delete name[part];
  else name[part] = text;
}

function readEmails(value: unknown): Email[] {
  if (value === undefined || value === null) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MOST_EMAILS) throw invalidValue(`A user has at most ${MOST_EMAILS} emails.`);
  return onePrimary(list.map(readEmail));
}

function readEmail(value: unknown): Email {
  // A list of texts does not conform to SCIM, but it can mean only one thing.
  const members = isObject(value) ? membersOf(value) : new Map([["value", value]]);
  const address = textOf("emails.value", members.get("value"), MOST_ADDRESS);
  if (address === null) throw invalidValue("Each of the emails has a value.");
  const type = textOf("emails.type", members.get("type"));
  const primary = members.get("primary") ?? undefined;
  return {
    value: address,
    ...(type !== null && { type }),
    ...(primary !== undefined && { primary: booleanOf("emails.primary", primary) }),
  };
}

/** At most one address is the primary one: the last that was marked. */
function onePrimary(emails: Email[]): Email[] {
  const last = emails.findLastIndex(({ primary }) => primary === true);
  return emails.map((email, index) => (email.primary && index !== last ? { ...email, primary: false } : email));
}

/** Applies the changes of a PATCH to a copy of a user. @param id the user's own id @throws 400, and nothing is changed */
export function patchUser(user: UserAttributes, changes: Change[], id: string): UserAttributes {
  const patched = structuredClone(user);
  for (const change of changes) applyTo(patched, change, id);
  return patched;
}

function applyTo(user: UserAttributes, change: Change, id: string): void {
  const { op, target } = change;
  const { attribute, sub, among } = target;
  const value = op === "remove" ? null : change.value;
  if (attribute === "emails") return changeEmails(user.profile, change);
  if (attribute === "name" && among === undefined) return changeName(user.profile.name, target, value);
  const known = attribute.startsWith(`${ENTERPRISE}:`) ? attribute.slice(ENTERPRISE.length + 1) : attribute;
  if (unkept.has(known) || attribute === ENTERPRISE) return;
  if (sub !== undefined || among !== undefined) throw noPath(`${attribute}${among ? "[]" : ""}${sub === undefined ? "" : `.${sub}`}`);
  switch (attribute) {
    case "username":
      user.userName = requiredText("userName", value);
      return;
    case "externalid":
      user.externalId = textOf("externalId", value);
      return;
    case "displayname":
      user.profile.displayName = textOf("displayName", value);
      return;
    case "active":
      // After the removal of `active` its default would apply, which gives access.
      if (op === "remove") throw invalid("mutability", "active cannot be removed: replace it by true or false.");
      user.active = booleanOf("active", value);
      return;
    case "id":
      if (value !== id) throw invalid("mutability", "The id of a resource cannot be changed.");
      return;
    default:
      throw noPath(attribute);
  }
}

function changeName(name: PersonName, { sub }: Target, value: unknown): void {
  if (sub !== undefined) {
    const part = Object.hasOwn(nameParts, sub) ? nameParts[sub] : undefined;
    if (part) setPart(name, part, value);
    else if (!unkeptNameParts.has(sub)) throw noPath(`name.${sub}`);
    return;
  }
  if (value === null || value === undefined) {
    for (const part of Object.values(nameParts)) delete name[part];
    return;
  }
  if (!isObject(value)) throw invalidValue("name is a JSON object.");
  for (const [key, part] of membersOf(value)) changeName(name, { attribute: "name", among: undefined, sub: key }, part);
}

function changeEmails(profile: Profile, { op, target: { among, sub }, value }: Change): void {
  const before = profile.emails;
  if (among === undefined && sub === undefined) {
    if (op === "remove") profile.emails = value === undefined || value === null ? [] : without(before, readEmails(value));
    else if (op === "replace") profile.emails = readEmails(value);
    else {
      const added = readEmails(value);
      profile.emails = onePrimary([...without(before, added), ...added]);
    }
  } else {
    const isMeant = (email: Email) => (among ?? []).every((comparison) => holds(email, comparison));
    const others = before.filter((email) => !isMeant(email));
    if (op === "remove" && sub === undefined) profile.emails = others;
    else if (op === "remove") profile.emails = before.flatMap((email) => (isMeant(email) ? changed(email, sub, undefined) : [email]));
    else if (before.some(isMeant)) profile.emails = before.flatMap((email) => (isMeant(email) ? changed(email, sub, value) : [email]));
    // A client names the address of a type before there is one.
    else profile.emails = [...before, ...changed(fromComparisons(among ?? []), sub, value)];
    profile.emails = onePrimary(profile.emails);
  }
  if (profile.emails.length > MOST_EMAILS) throw invalidValue(`A user has at most ${MOST_EMAILS} emails.`);
}

const without = (emails: Email[], others: Email[]) =>
  emails.filter(({ value, type }) => !others.some((other) => other.value === value && (other.type === undefined || other.type === type)));

function holds(email: Email, { attribute, value }: Comparison): boolean {
  if (attribute === "primary") return (email.primary ?? false) === (value === true);
  if (attribute === "type" || attribute === "value") return email[attribute]?.toLowerCase() === String(value).toLowerCase();
  throw noPath(`emails[${attribute}]`);
}

/** The address that the comparisons describe; its value follows. */
function fromComparisons(comparisons: Comparison[]): Email {
  const email: Email = { value: "" };
  for (const { attribute, value } of comparisons) {
    if (attribute === "type") email.type = String(value);
    else if (attribute === "value") email.value = String(value);
    else if (value === true) email.primary = true;
  }
  return email;
}

/** The address with a changed part. It is gone when it has no value any more. */
function changed(email: Email, sub: string | undefined, value: unknown): Email[] {
  const members = new Map<string, unknown>(Object.entries(email));
  if (sub === undefined)
    for (const [name, part] of isObject(value) ? membersOf(value) : [["value", value] as const]) members.set(name, part);
  else if (["value", "type", "primary"].includes(sub)) members.set(sub, value);
  // The members `display` and `$ref` are accepted, but not stored.
  else if (sub !== "display" && sub !== "$ref") throw noPath(`emails.${sub}`);
  if (textOf("emails.value", members.get("value"), MOST_ADDRESS) === null) return [];
  return [readEmail(Object.fromEntries(members))];
}
