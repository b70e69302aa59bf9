/** Tokens of people have no name: enough of the id to tell one from another. */
export const tokenLabel = (name: string | undefined, id: string) => name || `personal token ${id.slice(0, 8)}`;
