import * as z from "zod/mini";
import { missingIn } from "../../auth/right.ts";
import { cut } from "../../http/pageText.ts";
import { text } from "../../http/bounded.ts";
import type { AccessToken } from "../../tokens/openapi.ts";
import {
  SOON_DAYS,
  type TokenFilter,
  type TokenSort,
  UNUSED_DAYS,
  overviewTokens,
  tokenFilters,
  tokenSorts,
} from "../../tokens/overview.ts";
import { readQuery } from "../attempt.ts";
import { Choice, Empty, Field, Notice, Pages, Table, pageIn } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { TokenRow } from "./row.tsx";

/** Maximum number of rows of a page, so that no page is over 100 KB. */
const PAGE_SIZE = 100;

const INVALID = "invalid query parameter";
const ListQuery = z.object({
  filter: z._default(z.enum(tokenFilters, INVALID), "active"),
  sort: z._default(z.enum(tokenSorts, INVALID), "created"),
  search: z.optional(text(100)),
});

const filterLabels: Record<TokenFilter, string> = {
  active: "Active",
  soon: `Expires within ${SOON_DAYS} days`,
  never: "Never used",
  unused: `Unused for ${UNUSED_DAYS} days`,
  admin: "Admin",
  disabled: "Disabled",
  expired: "Expired and rotated",
  all: "All",
};

const sortLabels: Record<TokenSort, string> = {
  created: "Newest",
  name: "Name",
  used: "Used last",
  unused: "Unused longest",
  expires: "Expires first",
};

export const tokenListPage = definePage("GET", "/:orgName/~/tokens", "org_token:read", async (ctx) => {
  const { page, org } = ctx;
  const { query } = page;
  const asked = readQuery(ListQuery, {
    filter: query.get("filter") || undefined,
    sort: query.get("sort") || undefined,
    search: query.get("search") || undefined,
  });
  const at = pageIn(query);
  const { tokens, counts } = await overviewTokens(ctx, { ...asked, search: asked.search, page: at, size: PAGE_SIZE });
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
        <nav class="questions" aria-label="Filters">
          <ul>
            {tokenFilters.map((filter) => (
              <li>
                <a
                  href={`?${String(new URLSearchParams({ filter, sort: asked.sort, ...(asked.search && { search: asked.search }) }))}`}
                  aria-current={filter === asked.filter ? "true" : undefined}
                >
                  {filterLabels[filter]}
                </a>{" "}
                <span class="faint">{counts[filter]}</span>
              </li>
            ))}
          </ul>
        </nav>
        <form class="filters" method="get">
          <input type="hidden" name="filter" value={asked.filter} />
          <Field name="search" label="Search" value={asked.search ?? ""} placeholder="Name or description" type="search" maxlength={100} />
          <Choice name="sort" label="Sort by" value={asked.sort} options={tokenSorts.map((sort) => [sort, sortLabels[sort]] as const)} />
          <button class="quiet">Show</button>
        </form>
        {tokens.length === 0 ? (
          <NoTokens filtered={asked.search !== undefined || counts.all > 0} create={mayCreate} orgName={org.name} />
        ) : (
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
        )}
        <Pages url={page.url} at={at} count={Math.ceil(counts[asked.filter] / PAGE_SIZE)} name="page" />
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
