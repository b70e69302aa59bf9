import { missingIn } from "../../auth/right.ts";
import { cut } from "../../http/pageText.ts";
import { listOrgTokens } from "../../tokens/list.ts";
import type { AccessToken } from "../../tokens/openapi.ts";
import { ListOrgTokensQuery } from "../../tokens/schema.ts";
import { readQuery } from "../attempt.ts";
import { Bars } from "../charts.tsx";
import { Choice, Empty, Field, More, Notice, Table } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { TokenRow } from "./row.tsx";

/** Rows of a page, so that no page is over 100 KB. */
const PAGE_SIZE = "100";

export const tokenListPage = definePage("GET", "/:orgName/~/tokens", "org_token:read", async (ctx) => {
  const { page, org } = ctx;
  const asked = {
    filter: page.query.get("filter") || undefined,
    search: page.query.get("search") || undefined,
    continuationToken: page.query.get("continuationToken") || undefined,
    maxResults: PAGE_SIZE,
  };
  const { tokens, continuationToken } = await listOrgTokens(ctx, readQuery(ListOrgTokensQuery, asked), null);
  const mayCreate = page.may("org_token:create");
  const missing = missingIn(ctx, "org_token:create");
  return {
    title: "Access tokens",
    at: "tokens",
    body: (
      <section>
        <div class="heading">
          <h1>Access tokens</h1>
          {mayCreate && (
            <a class="button" href={placePath(org.name, "tokens", "new")}>
              Create token
            </a>
          )}
        </div>
        <p class="faint">
          Credentials for machines. They belong to {org.name}, not to a person, so they stay valid when their creator leaves.
        </p>
        {missing && <Notice kind="info">{missing.message}</Notice>}
        <form class="filters" method="get">
          <Field name="search" label="Search" value={asked.search ?? ""} placeholder="Name or description" type="search" maxlength={100} />
          <Choice
            name="filter"
            label="Show"
            value={asked.filter ?? "active"}
            options={[
              ["active", "Active"],
              ["expired", "Expired and rotated"],
              ["all", "All"],
            ]}
          />
          <button class="quiet">Filter</button>
        </form>
        {tokens.length === 0 ? (
          <NoTokens filtered={asked.search !== undefined || asked.filter !== undefined} create={mayCreate} orgName={org.name} />
        ) : (
          <>
            <Table caption="Access tokens" head={["Name", "Permissions", "Created", "Last used", "Expires", "State"]}>
              {tokens.map((token) => (
                <TokenRow
                  token={token}
                  now={ctx.now}
                  href={placePath(org.name, "tokens", token.id)}
                  afterName={<Permissions token={token} />}
                />
              ))}
            </Table>
            <More url={page.url} continuationToken={continuationToken} />
            <ByLastUse tokens={tokens} now={ctx.now} />
          </>
        )}
      </section>
    ),
  };
});

const NoTokens = ({ filtered, create, orgName }: { filtered: boolean; create: boolean; orgName: string }) => (
  <Empty>
    {filtered ? (
      <p>No tokens match these filters.</p>
    ) : (
      <>
        <p>No tokens yet. A CI system needs one to deploy without a person's credentials.</p>
        {create && <a href={placePath(orgName, "tokens", "new")}>Create the first token</a>}
      </>
    )}
  </Empty>
);

/** The rights of a token in short. */
const Permissions = ({ token }: { token: AccessToken }) => (
  <td>
    {cut(token.role?.name ?? "Member", 100)}
    {token.stacks && <div class="hint">some stacks</div>}
  </td>
);

/** Counts the tokens of this page by last use: unused tokens can be deleted. */
const ByLastUse = ({ tokens, now }: { tokens: AccessToken[]; now: number }) => {
  const day = 86_400;
  const bounds: [string, number][] = [
    ["today", day],
    ["this week", 7 * day],
    ["this month", 30 * day],
    ["90 days", 90 * day],
    ["earlier", Infinity],
  ];
  const counts = bounds.map(() => 0);
  let never = 0;
  for (const { lastUsed } of tokens) {
    if (lastUsed === 0) never++;
    else counts[bounds.findIndex(([, bound]) => now / 1000 - lastUsed < bound)]!++;
  }
  const bars = [...bounds.map(([label], i) => ({ label, count: counts[i]! })), { label: "never", count: never }];
  return (
    <section aria-label="Tokens by last use">
      <h2>By last use</h2>
      <Bars bars={bars} />
    </section>
  );
};
