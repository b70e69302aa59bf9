import { cut } from "../../http/pageText.ts";
import type { RevocationReport } from "../../lineage/openapi.ts";
import type { TokenImpact } from "../../tokens/openapi.ts";
import { Notice } from "../components.tsx";
import type { Said, View } from "../page.tsx";
import { placePath } from "../paths.ts";

/** Maximum number of items on a page. */
const MOST_ITEMS = 200;

type Item = TokenImpact["created"]["items"][number];

const kinds: Record<Item["kind"], string> = {
  organization: "organization token",
  team: "team token",
  personal: "personal token",
  session: "console session",
  scim: "SCIM token",
  invitation: "invitation",
  issuer: "identity provider",
  stream: "audit stream",
  connection: "single sign-on connection",
  webhook: "webhook",
  member: "member",
};

const nameOf = ({ kind, name, id }: Item) => {
  if (kind === "invitation") return `as ${name}`;
  return name && kind !== "session" ? cut(name, 100) : (id ?? "").slice(0, 8);
};

/** Everything that descends from a credential, as a tree. */
export const Created = ({ created: { total, items }, withOrg = false }: { created: TokenImpact["created"]; withOrg?: boolean }) =>
  total === 0 ? (
    <p>Nothing in use was created with it: no token, invitation, member or session.</p>
  ) : (
    <section aria-label="Created with it">
      <h2>Created with it</h2>
      <Branches items={items.slice(0, MOST_ITEMS)} depth={1} withOrg={withOrg} />
      {total > shown(items) && <p class="faint">{total} in total; the others are not shown here.</p>}
    </section>
  );

const shown = (items: Item[]) => items.slice(0, MOST_ITEMS).filter(({ ends }) => ends).length;

const Branches = ({ items, depth, withOrg }: { items: Item[]; depth: number; withOrg: boolean }) => {
  const starts = items.flatMap((item, at) => (item.depth === depth ? [at] : []));
  return (
    <ul>
      {starts.map((at, i) => {
        const item = items[at]!;
        const rest = items.slice(at + 1, starts[i + 1]);
        return (
          <li>
            {kinds[item.kind]} <strong>{nameOf(item)}</strong>
            {withOrg && item.organization && ` of ${item.organization}`}
            {!item.ends && <span class="faint"> (has ended)</span>}
            {rest.length > 0 && <Branches items={rest} depth={depth + 1} withOrg={withOrg} />}
          </li>
        );
      })}
    </ul>
  );
};

/** Shows what a revocation ended, as the answer of the form; if nothing else ended, it redirects. */
export function endedView({ total, ended, kept }: RevocationReport, title: string, back: string): View | Said {
  if (total + kept.length === 0) return { to: back, said: `${title}.` };
  const items = ended.map((item): Item => ({ ...item, depth: 1, ends: true }));
  return {
    title,
    body: (
      <section>
        <h1>{title}</h1>
        {kept.map(({ member, organization, reason }) => (
          <Notice kind="warning">
            {member} stays a member of {organization}:{" "}
            {reason === "established"
              ? "only an administrator of that organization can remove members who joined more than 30 days ago."
              : "the organization needs an administrator."}
          </Notice>
        ))}
        {total > 0 && (
          <>
            <p>These ended as well:</p>
            <Branches items={items.slice(0, MOST_ITEMS)} depth={1} withOrg />
            {total > Math.min(items.length, MOST_ITEMS) && <p class="faint">{total} in total; the others are not shown here.</p>}
          </>
        )}
        <a href={back}>Continue</a>
      </section>
    ),
  };
}

/** Valid successors of a token. @param orgName the organization, if the successors have pages of their own */
export const Successors = ({ orgName, successors }: { orgName: string | undefined; successors: TokenImpact["successors"] }) =>
  successors.length === 0 ? (
    <></>
  ) : (
    <>
      <dt>Successors</dt>
      <dd>
        {successors.map(({ id, name }) => (
          <div>
            {orgName === undefined ? name : <a href={placePath(orgName, "tokens", id)}>{name}</a>} stays valid when this token is deleted.
          </div>
        ))}
      </dd>
    </>
  );

/** The two ways to end a credential; the second is offered only if other things were created with it. */
export const EndButtons = ({ label, total }: { label: string; total: number }) => (
  <>
    <button class="danger">{label}</button>{" "}
    {total > 0 && (
      <button class="danger" name="withDescendants" value="true">
        {label} with everything it created
      </button>
    )}
  </>
);
