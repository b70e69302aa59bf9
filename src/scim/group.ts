import { invalid, invalidValue } from "./fault.ts";
import { isObject, membersOf } from "./members.ts";
import { type Change, noPath } from "./operations.ts";
import { requiredText, textOf } from "./values.ts";

/** The attributes of a group, without its members. */
export interface GroupAttributes {
  displayName: string;
  externalId: string | null;
}

/**
 * A change of the members of a group, in the form in which its rows are written: the list is never read, changed and saved (identity-facts
 * C-41). If it is the whole list, the members that it does not add are removed.
 */
export interface MemberChange {
  isWhole: boolean;
  add: string[];
  remove: string[];
}

export const noMemberChange: MemberChange = { isWhole: false, add: [], remove: [] };

/** Maximum number of members of a group (identity-facts C-39). */
export const MOST_MEMBERS = 8000;
const MOST_ID = 200;

export const tooManyMembers = () => invalidValue(`A group has at most ${MOST_MEMBERS} members. Nothing was changed.`);

/** Attributes that a client may send, and that are not kept or cannot be changed. */
const unkept = new Set(["schemas", "meta"]);

/** Reads the group of a POST or PUT. A group without `members` is empty (identity-facts C-34). @throws 400 */
export function readGroup(body: unknown): { group: GroupAttributes; members: MemberChange } {
  if (!isObject(body)) throw invalid("invalidSyntax", "The body must be a JSON object with the attributes of a group.");
  const members = membersOf(body);
  const ids = readIds(members.get("members"));
  return {
    group: {
      displayName: requiredText("displayName", members.get("displayname")),
      externalId: textOf("externalId", members.get("externalid")),
    },
    members: { isWhole: true, add: [...new Set(ids)], remove: [] },
  };
}

function readIds(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MOST_MEMBERS) throw tooManyMembers();
  return list.map((item) => {
    const members = isObject(item) ? membersOf(item) : new Map([["value", item]]);
    const id = members.get("value");
    if (typeof id !== "string" || id === "" || id.length > MOST_ID || !id.isWellFormed())
      throw invalidValue("Each of the members must have the id of a user as its value.");
    if (String(members.get("type")).toLowerCase() === "group") throw invalidValue("A group cannot be a member of a group.");
    return id;
  });
}

/** Applies the changes of a PATCH to a group. @throws 400, and nothing is changed */
export function patchGroup(group: GroupAttributes, changes: Change[], id: string): { group: GroupAttributes; members: MemberChange } {
  const patched = { ...group };
  const list = { isWhole: false, add: new Set<string>(), remove: new Set<string>() };
  for (const change of changes) {
    const { op, target } = change;
    const value = op === "remove" ? null : change.value;
    if (target.attribute === "members") changeMembers(list, change);
    else if (unkept.has(target.attribute) || target.attribute.startsWith("urn:")) continue;
    else if (target.sub !== undefined || target.among !== undefined) throw noPath(target.attribute);
    else if (target.attribute === "displayname") patched.displayName = requiredText("displayName", value);
    else if (target.attribute === "externalid") patched.externalId = textOf("externalId", value);
    else if (target.attribute !== "id") throw noPath(target.attribute);
    // Okta sends the id with every change (identity-facts C-9).
    else if (value !== id) throw invalid("mutability", "The id of a resource cannot be changed.");
  }
  return { group: patched, members: { isWhole: list.isWhole, add: [...list.add], remove: [...list.remove] } };
}

function changeMembers(
  list: { isWhole: boolean; add: Set<string>; remove: Set<string> },
  { op, target: { among, sub }, value }: Change,
): void {
  if (sub !== undefined && sub !== "value") throw noPath(`members.${sub}`);
  if (among !== undefined) {
    const [only, ...others] = among;
    if (op !== "remove" || others.length > 0 || only?.attribute !== "value" || typeof only.value !== "string")
      throw noPath('members[…] other than members[value eq "…"] of a member to remove');
    return removeFrom(list, [only.value]);
  }
  if (op === "remove" && value === undefined) {
    // Without a value it means all members (identity-facts C-7).
    list.isWhole = true;
    list.add.clear();
    list.remove.clear();
    return;
  }
  if (value === null) throw invalidValue("The value of members is a list.");
  const ids = readIds(value);
  if (op === "remove") return removeFrom(list, ids);
  if (op === "replace") {
    list.isWhole = true;
    list.add.clear();
    list.remove.clear();
  }
  for (const id of ids) {
    list.remove.delete(id);
    list.add.add(id);
  }
  if (list.add.size > MOST_MEMBERS) throw tooManyMembers();
}

function removeFrom(list: { add: Set<string>; remove: Set<string> }, ids: string[]): void {
  for (const id of ids) {
    list.add.delete(id);
    list.remove.add(id);
  }
}
