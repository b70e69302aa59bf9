import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { cut, fill, pageBytes } from "../../http/pageText.ts";
import type { Issuer, TestResult } from "../../oidc/openapi.ts";
import { Badge, Notice, Table, Time } from "../components.tsx";
import type { IssuerContext } from "./frame.tsx";
import { lifetime } from "./list.tsx";
import { nearClaim, nearMiss } from "./nearMiss.ts";
import { withoutTokens } from "./pastedToken.ts";
import { stackText } from "./policyFields.tsx";
import { namesOfRoles } from "./roleNames.ts";

type Outcome = TestResult["policies"][number];
type Rule = Outcome["rules"][number];

/** Maximum number of bytes of the claims and of the policies on the page. */
export const ROOM_FOR_CLAIMS = 20_000;
const ROOM_FOR_POLICIES = 40_000;

/** The result of a dry run: what would happen, each policy beside the claims, and near misses. */
export async function Result({ ctx, issuer, result }: { ctx: IssuerContext; issuer: Issuer; result: TestResult }): Promise<JSX.Element> {
  const { claims, policies, wouldIssue } = result;
  const names = pathsIn(claims);
  const nameOf = await namesOfRoles(ctx, [wouldIssue?.roleID]);
  const shown = fill(
    policies.map((one, at) => ({ one, at })),
    ROOM_FOR_POLICIES,
    ({ one }) => 400 + one.rules.reduce((sum, rule) => sum + bytesOf(rule), 0),
  );
  return (
    <>
      <h2 id="result">Result</h2>
      {result.allowed ? (
        <Notice kind="good">It would be allowed.</Notice>
      ) : (
        <Notice kind="error">It would be refused: {cut(refusalOf(result, issuer), 3000)}.</Notice>
      )}
      <dl>
        <dt>Pasted</dt>
        <dd>
          {result.token === "not checked"
            ? "claims, so no signature was checked"
            : result.token === "valid"
              ? "a valid token of this issuer"
              : `a token that is not valid: ${cut(result.token, 900)}`}
        </dd>
        <dt>Audience</dt>
        <dd>{result.audienceMatches ? "accepted" : "not accepted"}</dd>
        {result.allowed && wouldIssue && (
          <>
            <dt>Token that would be issued</dt>
            <dd>
              {cut(wouldIssue.name, 600)}: {wouldIssue.tokenType} token
              {wouldIssue.roleID !== undefined && ` with the role ${cut(nameOf(wouldIssue.roleID), 300)}`}
              {wouldIssue.stacks && `, on the stacks ${cut(wouldIssue.stacks.map(stackText).join(", ") || "none", 3000)} only`}, valid for{" "}
              {lifetime(wouldIssue.expiresIn)}
            </dd>
          </>
        )}
      </dl>
      <div class="beside">
        <div>
          <h2>Policies</h2>
          {shown.shown.map(({ one, at }) => (
            <PolicyOutcome one={one} at={at} claims={names} />
          ))}
          {shown.more > 0 && <p class="hint">{shown.more} more policies do not fit on this page.</p>}
        </div>
        <Claims claims={claims} />
      </div>
    </>
  );
}

function refusalOf({ token, reason, allowed }: TestResult, issuer: Issuer): string {
  if (token !== "valid" && token !== "not checked") return token;
  if (!allowed && reason === undefined && issuer.disabled) return "the identity provider is disabled";
  return (reason ?? "").replace(/\.$/, "");
}

/** Maximum number of bytes of a value in a table. */
const VALUE = 600;
const bytesOf = ({ claim, pattern, values }: Rule) =>
  Math.min(pageBytes(claim), VALUE) * 2 + Math.min(pageBytes(pattern), VALUE) * 2 + Math.min(pageBytes(values.join()), VALUE) * 2 + 200;

/**
 * A policy is close if few of its rules do not match. Only then is it worth looking for mistakes in writing, and only in the first
 * policies.
 */
const CLOSE = 3;
const MOST_JUDGED = 20;

const PolicyOutcome = ({ one, at, claims }: { one: Outcome; at: number; claims: string[] }) => {
  const isClose = at < MOST_JUDGED && one.applies && one.rules.filter(({ matches }) => !matches).length <= CLOSE;
  return (
    <>
      <h3>
        Policy {at + 1} <Badge kind={one.decision === "allow" ? "good" : "bad"}>{one.decision}</Badge>{" "}
        {one.applies ? (
          <Badge kind={one.matches ? "info" : "warning"}>{one.matches ? "matches" : "does not match"}</Badge>
        ) : (
          <Badge>not looked at</Badge>
        )}
      </h3>
      {!one.applies ? (
        <p class="faint">It is about another kind of token.</p>
      ) : one.rules.length === 0 ? (
        <p class="faint">It has no rules.</p>
      ) : (
        <Table caption={`Rules of policy ${at + 1}`} head={["Claim", "The rule wants", "The token has", "Result"]}>
          {one.rules.map((rule) => (
            <>
              <tr>
                <th scope="row">
                  <code>{cut(rule.claim, VALUE)}</code>
                </th>
                <td class="anywhere">
                  <code>{cut(rule.pattern, VALUE)}</code>
                </td>
                <td class="anywhere">
                  {rule.values.length === 0 ? (
                    <span class="faint">nothing</span>
                  ) : (
                    <code>{cut(rule.values.map(withoutTokens).join(", "), VALUE)}</code>
                  )}
                </td>
                <td>
                  {rule.matches ? (
                    <Badge kind="good">matches</Badge>
                  ) : (
                    <Badge kind={one.decision === "allow" ? "bad" : "info"}>does not match</Badge>
                  )}
                </td>
              </tr>
              {!rule.matches && isClose && one.decision === "allow" && <Near rule={rule} claims={claims} />}
            </>
          ))}
        </Table>
      )}
    </>
  );
};

/** Names the likely mistake behind a rule that does not match: a value or a claim that is almost the same. */
const Near = ({ rule: { claim, pattern, values }, claims }: { rule: Rule; claims: string[] }) => {
  const value = nearMiss(pattern, values);
  const other = values.length === 0 ? nearClaim(claim, claims) : undefined;
  const said: Child =
    value !== undefined ? (
      <>
        <code>{cut(claim, VALUE)}</code> is {cut(withoutTokens(value), VALUE)}, the rule wants {cut(pattern, VALUE)}.
      </>
    ) : other !== undefined ? (
      <>
        The token has no <code>{cut(claim, VALUE)}</code>, but <code>{cut(other, VALUE)}</code>.
      </>
    ) : undefined;
  return said === undefined ? (
    <></>
  ) : (
    <tr>
      <td colspan={4} class="anywhere">
        <Badge kind="warning">near miss</Badge> {said}
      </td>
    </tr>
  );
};

const Claims = ({ claims }: { claims: TestResult["claims"] }) => {
  const all = [...flat(claims)].map(([path, text]) => [path, withoutTokens(text)] as const);
  const { shown, more } = fill(
    all,
    ROOM_FOR_CLAIMS,
    ([path, text]) => Math.min(pageBytes(path), VALUE) + Math.min(pageBytes(text), VALUE) + 80,
  );
  return (
    <div>
      <h2>Claims</h2>
      {all.length === 0 ? (
        <p class="faint">There are none.</p>
      ) : (
        <Table caption="Claims" head={["Claim", "Value"]}>
          {shown.map(([path, text]) => (
            <tr>
              <th scope="row">
                <code>{cut(path, VALUE)}</code>
              </th>
              <td class="anywhere">
                {cut(text, VALUE)}
                {times.has(path) && isTime(text) && (
                  <div class="hint">
                    <Time at={Number(text) * 1000} exact />
                  </div>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {more > 0 && <p class="hint">{more} more claims do not fit on this page.</p>}
    </div>
  );
};

const times = new Set(["exp", "iat", "nbf", "auth_time"]);
const isTime = (text: string) => /^\d{1,12}(\.\d+)?$/.test(text);

/** Maximum number of levels of claims that a page takes apart. Deeper ones are shown as JSON. */
const MOST_LEVELS = 8;

/** Each claim by the path that a rule has for it. */
function* flat(claims: Record<string, unknown>, before = "", level = 1): Generator<[path: string, text: string]> {
  for (const [name, value] of Object.entries(claims)) {
    const path = before + (/^[^".]+$/.test(name) ? name : `"${name}"`);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject && level < MOST_LEVELS) yield* flat(value as Record<string, unknown>, `${path}.`, level + 1);
    else yield [path, typeof value === "string" ? value : (JSON.stringify(value) ?? "")];
  }
}

/** Maximum number of claims with which a rule is compared. */
const MOST_COMPARED = 100;
const pathsIn = (claims: TestResult["claims"]) => [...flat(claims)].slice(0, MOST_COMPARED).map(([path]) => path);
