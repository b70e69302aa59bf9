/**
 * A place is one of the databases of a deployment, by its number. Place 1 is the binding `DB`, the directory: it has all people, and every
 * organization of a deployment that has one database. Place n is the optional binding `DB_n`: it has whole organizations with their machine tokens,
 * and no people. Ids and values of tokens name their place, so nothing looks a place up, and an organization never moves (docs/scale.md).
 */
export const DIRECTORY = 1;
/** Maximum number of databases of a deployment: as many places fit into the check digits of a token's value (`newTokenValue`). */
export const MOST_PLACES = 50;

/**
 * A new id of an organization, or of something in it whose Durable Object finds its database by the id alone. Outside the directory it is a
 * UUID of version 8 (RFC 9562), whose first three free digits are the place.
 */
export function newIdAt(place: number): string {
  const id = crypto.randomUUID();
  return place === DIRECTORY ? id : `${id.slice(0, 14)}8${place.toString(16).padStart(3, "0")}${id.slice(18)}`;
}

/** The place of such an id, or of the name of a stack's object, which begins with the id of its organization. */
export const placeOf = (id: string): number => parseInt(/^[0-9a-f]{8}-[0-9a-f]{4}-8([0-9a-f]{3})-/.exec(id)?.[1] ?? "1", 16);
