import { SESSION_NAME } from "../../sessions/open.ts";

/** Personal tokens have no name: this part of the id identifies one. */
export const tokenLabel = (name: string | undefined, id: string) => name || `personal token ${id.slice(0, 8)}`;

/**
 * Whether a token of the organization caused the event. Its login is then the organization's name, but a person may have the same login, so
 * the name of the token decides: personal tokens have none, and sessions have a fixed one.
 */
export const isMachine = (login: string, tokenName: string | undefined, orgName: string) =>
  login === orgName && Boolean(tokenName) && tokenName !== SESSION_NAME;
