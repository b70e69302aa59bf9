import type { Child } from "hono/jsx";
import { cut } from "../../http/pageText.ts";
import type { AccessToken } from "../../tokens/openapi.ts";
import { Badge, Time } from "../components.tsx";
import { LastUse } from "./lastUse.tsx";

interface Props {
  token: AccessToken;
  now: number;
  /** The page of the token, if it has one. */
  href?: string;
  /** Cells after the name, and after the state. */
  afterName?: Child;
  afterState?: Child;
}

/** A row of a table of access tokens: name, creation, last use, expiry and state. */
export const TokenRow = ({ token, now, href, afterName, afterState }: Props) => (
  <tr>
    <th scope="row">
      {href ? <a href={href}>{token.name}</a> : token.name}
      {token.description && <div class="hint">{cut(token.description, 255)}</div>}
    </th>
    {afterName}
    <td>
      <Time at={Date.parse(token.created)} />
      <div class="hint">by {token.createdBy}</div>
    </td>
    <td>
      <LastUse token={token} />
    </td>
    <td>
      <Time at={token.expires === 0 ? null : token.expires * 1000} exact />
      <EndsSoon token={token} now={now} />
    </td>
    <td>
      <State token={token} />
    </td>
    {afterState}
  </tr>
);

const DAY = 86_400;
/** An expiry within so many days is marked. */
const SOON = 14;

/** Says how near the end of a token is, while there is time to rotate it. @param now milliseconds since 1970 */
const EndsSoon = ({ token: { status, expires }, now }: { token: AccessToken; now: number }) => {
  const days = Math.floor((expires - now / 1000) / DAY);
  if (status !== "active" || expires === 0 || days >= SOON) return null;
  return (
    <div>
      <Badge kind="warning">{days < 1 ? "within a day" : `in ${days} day${days === 1 ? "" : "s"}`}</Badge>
    </div>
  );
};

const kinds = { active: "good", expired: undefined, disabled: "warning", rotated: undefined, deleted: "bad" } as const;

export const State = ({ token }: { token: AccessToken }) => {
  const kind = kinds[token.status];
  const overlapping = token.status === "active" && token.overlapEnds !== undefined;
  return <Badge {...(overlapping ? { kind: "warning" as const } : kind && { kind })}>{overlapping ? "being rotated" : token.status}</Badge>;
};
