import type { Child } from "hono/jsx";
import { latestUpdates } from "../history/latestUpdates.ts";
import { cut } from "../http/pageText.ts";
import { searchMembers } from "../orgs/searchMembers.ts";
import { COUNTED, type Hits, hits, searchStacks, stackOfUrn } from "../stacks/search.ts";
import { searchTokens } from "../tokens/search.ts";
import { Empty } from "./components.tsx";
import { type PageContext, definePage } from "./page.tsx";
import { placePath, projectPath, resourcePath, segment, stackPath, stacksPath } from "./paths.ts";
import { LONGEST_URN, nameIn, typeIn } from "./stacks/resourceTabs.tsx";

/** Maximum number of characters that are searched for, and number of stacks whose resources the page offers to search. */
const LONGEST = 100;
const OFFERED = 5;

type Context = PageContext<"organization:read">;

/** Searches what the database knows by name. Resources are in the states of stacks, so only a whole URN leads to one; see docs/decisions/0026. */
export const searchPage = definePage("GET", "/:orgName/~/search", "organization:read", async (ctx) => {
  const asked = (ctx.page.query.get("q") ?? "").trim();
  const text = asked.slice(0, LONGEST);
  const groups = text === "" ? [] : await (asked.startsWith("urn:") ? urnGroups(ctx, asked.slice(0, LONGEST_URN)) : nameGroups(ctx, text));
  const isEmpty = groups.every((its) => its === undefined);
  return {
    title: text ? `Search for ${cut(text, 100)}` : "Search",
    body: (
      <section class="results">
        <h1>Search</h1>
        <form class="filters" method="get">
          <div class="field">
            <label for="q">Search for</label>
            <input id="q" name="q" type="search" value={asked.slice(0, LONGEST_URN)} autocomplete="off" spellcheck={false} />
          </div>
          <button class="quiet">Search</button>
        </form>
        {text === "" ? (
          <p class="faint">A part of the name of a stack, a project, a token or a person, or the whole URN of a resource.</p>
        ) : (
          isEmpty && (
            <Empty>
              <p>Nothing has this in its name. Try a shorter part of it.</p>
            </Empty>
          )
        )}
        {groups}
      </section>
    ),
  };
});

/** @returns undefined for a group without a match */
async function nameGroups(ctx: Context, text: string): Promise<(Child | undefined)[]> {
  const { page, org } = ctx;
  const mayList = page.may("stack:list");
  const [found, tokens, people] = await Promise.all([
    mayList ? searchStacks(ctx, text) : undefined,
    page.may("org_token:read") ? searchTokens(ctx, text, COUNTED + 1) : [],
    page.may("org_member:read") ? searchMembers(ctx, text, COUNTED + 1) : [],
  ]);
  const search = `?search=${segment(text)}`;
  const tokenList = `${placePath(org.name, "tokens")}${search}&filter=all`;
  const memberList = placePath(org.name, "members");
  return [
    found &&
      group("Stacks", found.stacks, stacksPath(org.name) + search, ({ project, stack }) => (
        <a href={stackPath(org.name, project, stack)}>
          {project}/{stack}
        </a>
      )),
    found &&
      group("Projects", found.projects, stacksPath(org.name) + search, ({ project }) => (
        <a href={projectPath(org.name, project)}>{project}</a>
      )),
    group("Access tokens", hits(tokens), tokenList, ({ id, name, description }) => (
      <>
        <a href={placePath(org.name, "tokens", id)}>{name}</a>
        {description && <div class="hint">{cut(description, 150)}</div>}
      </>
    )),
    group("People", hits(people), memberList, ({ login, name }) => (
      <>
        <a href={page.may("org_member:update") ? placePath(org.name, "members", login, "role") : memberList}>{login}</a>
        {name && name !== login && <div class="hint">{cut(name, 150)}</div>}
      </>
    )),
    found && (await resourcesGroup(ctx, text, found.stacks.shown)),
  ];
}

/** Offers to search the resources of single stacks: those that match, or else those that were updated last. */
async function resourcesGroup(ctx: Context, text: string, matching: { project: string; stack: string }[]) {
  const offered = (matching.length > 0 ? matching : (await latestUpdates(ctx)).recent).slice(0, OFFERED);
  if (offered.length === 0) return undefined;
  return (
    <section>
      <h2>Resources</h2>
      <p class="faint">Resources are searched in one stack at a time. The whole URN of a resource leads to it directly.</p>
      <ul class="lines">
        {offered.map(({ project, stack }) => (
          <li>
            <a href={`${stackPath(ctx.org.name, project, stack)}/resources?filter=${segment(text)}`}>
              Search the resources of {project}/{stack}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

async function urnGroups(ctx: Context, urn: string): Promise<(Child | undefined)[]> {
  const stack = ctx.page.may("stack:list") ? await stackOfUrn(ctx, urn) : undefined;
  if (!stack) return [undefined];
  const path = stackPath(ctx.org.name, stack.project, stack.stack);
  return [
    <section>
      <h2>Resources</h2>
      <ul class="lines">
        <li>
          <a href={resourcePath(path, urn)}>{cut(nameIn(urn), 300)}</a>
          <div class="hint">
            {cut(typeIn(urn), 300)} in {stack.project}/{stack.stack}
          </div>
        </li>
      </ul>
      <a href={path}>
        The stack {stack.project}/{stack.stack}
      </a>
    </section>,
  ];
}

/** @returns undefined without a match */
function group<T>(title: string, { shown, count, isCut }: Hits<T>, all: string, line: (one: T) => Child): Child | undefined {
  if (shown.length === 0) return undefined;
  return (
    <section>
      <h2>
        {title}{" "}
        <span class="faint">
          {count}
          {isCut && "+"}
        </span>
      </h2>
      <ul class="lines">
        {shown.map((one) => (
          <li>{line(one)}</li>
        ))}
      </ul>
      {count > shown.length && <a href={all}>All of them</a>}
    </section>
  );
}
