/** The page of this deployment's console on which a person accepts an invitation. */
export const acceptUrl = (origin: string, org: string, id: string) => `${origin}/${encodeURIComponent(org)}/~/invites/${id}`;

/** The name of an invitation in logs. The whole id would let every reader of a log join. */
export const shortId = (id: string) => `${id.slice(0, 8)}…`;
