import type { Child } from "hono/jsx";
import { listAuditEvents } from "../auditlogs/list.ts";
import { displayNameOf } from "../audit/events.ts";
import { type LatestUpdate, latestUpdates } from "../history/latestUpdates.ts";
import { cut } from "../http/pageText.ts";
import { newMembers } from "../orgs/newMembers.ts";
import { builtInRoles } from "../roles/builtIn.ts";
import { noteworthyTokens, ownExpiringTokens } from "../tokens/noteworthy.ts";
import { SOON_DAYS } from "../tokens/overview.ts";
import { auditPath } from "./audit/query.ts";
import { isMachine, tokenLabel } from "./audit/tokenLabel.ts";
import { Copyable, Empty, Time } from "./components.tsx";
import { type PageContext, definePage } from "./page.tsx";
import { placePath, stackPath, stacksPath, updatePath } from "./paths.ts";
import { Status, titleOf } from "./stacks/entries.tsx";
import { streamWarning } from "./streams/warning.tsx";

/** People and tokens that are not older than so many days are listed. */
const NEW = 7;
/** Refusals of the last day are listed. */
const DAY = 86_400_000;
const REFUSALS = 5;

type Context = PageContext<"organization:read">;

/** The first page of an organization. Each of its parts is shown to those who may see the page that the part links to. */
export const organizationHomePage = definePage("GET", "/:orgName", "organization:read", async (ctx) => {
  const { org } = ctx;
  const [warning, stacks, tokens, refusals, people] = await Promise.all([
    streamWarning(ctx),
    stacksPart(ctx),
    tokensPart(ctx),
    refusalsPart(ctx),
    peoplePart(ctx),
  ]);
  return {
    title: "Home",
    at: "home",
    body: (
      <section>
        <h1>{org.name}</h1>
        {warning}
        <div class="beside home">
          {stacks && <div>{stacks}</div>}
          <div>
            {tokens}
            {refusals}
            {people}
          </div>
        </div>
      </section>
    ),
  };
});

interface PartProps {
  title: string;
  /** The sentence that is shown if there are no lines. */
  none: Child;
  lines: Child[];
  /** A link to all of them, and its text. */
  more?: { href: string; text: string } | false | undefined;
}

const Part = ({ title, none, lines, more }: PartProps) => (
  <section>
    <h2>{title}</h2>
    {lines.length === 0 ? (
      <p class="faint">{none}</p>
    ) : (
      <ul class="lines">
        {lines.map((line) => (
          <li>{line}</li>
        ))}
      </ul>
    )}
    {more && <a href={more.href}>{more.text}</a>}
  </section>
);

async function stacksPart(ctx: Context) {
  const { page, org } = ctx;
  if (!page.may("stack:list")) return undefined;
  const { running, failed, recent, hasStacks } = await latestUpdates(ctx);
  const all = { href: stacksPath(org.name), text: "All stacks" };
  if (!hasStacks)
    return (
      <>
        <h2>Stacks</h2>
        <Empty>
          <p>No stacks yet. Sign in with the CLI, go to your program's folder, and create one:</p>
          <Copyable label="Shell" text={`pulumi stack init ${org.name}/PROJECT/STACK`} />
        </Empty>
      </>
    );
  const lines = (updates: LatestUpdate[]) => updates.map((update) => <Update orgName={org.name} update={update} />);
  return (
    <>
      <Part
        title="Running now"
        none="No update is running."
        lines={lines(running.shown)}
        more={running.more && { href: `${stacksPath(org.name)}?status=running`, text: "All running updates" }}
      />
      <Part
        title="Failed"
        none="No stack's latest update failed."
        lines={lines(failed.shown)}
        more={failed.more && { href: `${stacksPath(org.name)}?status=failed`, text: "All failed stacks" }}
      />
      <Part
        title="Recent updates"
        none={
          <>
            No update has run yet. Run <code>pulumi up</code> in your program's folder.
          </>
        }
        lines={lines(recent)}
        more={all}
      />
    </>
  );
}

const Update = ({ orgName, update }: { orgName: string; update: LatestUpdate }) => (
  <>
    <a href={updatePath(stackPath(orgName, update.project, update.stack), update.version ?? 0)}>
      {update.project}/{update.stack}
    </a>{" "}
    <Status status={update.status} />
    <div class="hint">
      {titleOf({ ...update, dryRun: false })} by {update.requestedBy}
      {update.tokenName && `, token ${update.tokenName}`}, <Time at={update.endedAt ?? update.startedAt} />
    </div>
    {update.message && <div class="hint">{cut(update.message, 120)}</div>}
  </>
);

async function tokensPart(ctx: Context) {
  const { page, org } = ctx;
  const mayRead = page.may("org_token:read");
  const [own, theirs] = await Promise.all([
    ownExpiringTokens(ctx, SOON_DAYS),
    mayRead ? noteworthyTokens(ctx, { expireWithin: SOON_DAYS, createdWithin: NEW }) : undefined,
  ]);
  const href = placePath(org.name, "tokens");
  const soon = { href: `${href}?filter=soon&sort=expires`, text: "Access tokens that expire soon" };
  const expiring = [
    ...(theirs?.expiring.shown ?? []).map(({ id, name, expiresAt }) => (
      <>
        <a href={placePath(org.name, "tokens", id)}>{name}</a>
        <div class="hint">
          expires <Time at={expiresAt} />
        </div>
      </>
    )),
    ...own.shown.map(({ id, description, expiresAt }) => (
      <>
        <a href="/user/settings/tokens">{cut(description, 100) || tokenLabel("", id)}</a>
        <div class="hint">
          your personal token, expires <Time at={expiresAt} />
        </div>
      </>
    )),
  ];
  return (
    <>
      <Part
        title="Tokens that expire soon"
        none={`No token expires within ${SOON_DAYS} days.`}
        lines={expiring}
        more={
          mayRead
            ? theirs?.expiring.shown.length
              ? soon
              : { href, text: "All access tokens" }
            : { href: "/user/settings/tokens", text: "Your tokens" }
        }
      />
      {theirs && (
        <Part
          title="New tokens"
          none={
            <>
              No access token was created in the last {NEW} days.
              {page.may("org_token:create") && (
                <>
                  {" "}
                  A CI system needs one: <a href={placePath(org.name, "tokens", "new")}>create a token</a>.
                </>
              )}
            </>
          }
          lines={theirs.created.shown.map(({ id, name, createdAt, createdBy }) => (
            <>
              <a href={placePath(org.name, "tokens", id)}>{name}</a>
              <div class="hint">
                created by {createdBy}, <Time at={createdAt} />
              </div>
            </>
          ))}
          more={theirs.created.more && { href, text: "All access tokens" }}
        />
      )}
    </>
  );
}

async function refusalsPart(ctx: Context) {
  const { page, org } = ctx;
  if (!page.may("audit_logs:read")) return undefined;
  const from = ctx.now - DAY;
  const { auditLogEvents, continuationToken } = await listAuditEvents(ctx, { refused: true, from, size: REFUSALS });
  const all = auditPath(org.name, { refusalsOnly: "true", startTime: String(Math.floor(from / 1000)) });
  return (
    <Part
      title="Refused in the last day"
      none="Nothing was refused in the last 24 hours."
      lines={auditLogEvents.map(({ timestamp, event, description, user, tokenID, tokenName, sequence }) => (
        <>
          <a href={sequence === undefined ? all : placePath(org.name, "audit", String(sequence))}>{displayNameOf(event)}</a>
          <div class="hint">{cut(description, 200)}</div>
          <div class="hint">
            {isMachine(user.githubLogin, tokenName, org.name) || !user.githubLogin
              ? tokenLabel(tokenName, tokenID ?? "")
              : user.githubLogin}
            , <Time at={timestamp * 1000} />
          </div>
        </>
      ))}
      more={
        continuationToken === undefined
          ? { href: placePath(org.name, "audit"), text: "Audit log" }
          : { href: all, text: "All refusals of the last day" }
      }
    />
  );
}

async function peoplePart(ctx: Context) {
  const { page, org } = ctx;
  if (!page.may("org_member:read")) return undefined;
  const { shown, more } = await newMembers(ctx, NEW);
  const href = placePath(org.name, "members");
  return (
    <Part
      title="New people"
      none={
        <>
          Nobody joined in the last {NEW} days.
          {page.may("invites:create") && (
            <>
              {" "}
              <a href={placePath(org.name, "members", "invites")}>Invite somebody</a>.
            </>
          )}
        </>
      }
      lines={shown.map(({ login, role, acceptedAt, joined }) => (
        <>
          <a href={page.may("org_member:update") ? placePath(org.name, "members", login, "role") : href}>{login}</a>
          <div class="hint">
            {acceptedAt === null ? "added, not accepted yet" : builtInRoles[role].name}, <Time at={joined} />
          </div>
        </>
      ))}
      more={more && { href, text: "All members" }}
    />
  );
}
