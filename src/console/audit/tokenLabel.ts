import { SESSION_NAME } from "../../sessions/open.ts";

/** Tokens of people have no name: enough of the id to tell one from another. */
export const tokenLabel = (name: string | undefined, id: string) => name || `personal token ${id.slice(0, 8)}`;

/**
 * Whether a token of the organization did it. Then the login is the organization's name; but a person may have that too, so what counts
 * is the token: only a machine's has a name that is no session's.
 */
export const isMachine = (login: string, tokenName: string | undefined, orgName: string) =>
  login === orgName && Boolean(tokenName) && tokenName !== SESSION_NAME;
