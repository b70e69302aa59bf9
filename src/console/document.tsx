import type { Child } from "hono/jsx";
import type { OrganizationRef, UserActor } from "../context.ts";
import type { OrgPermission } from "../auth/policy.ts";
import { type Display, themes } from "./display.ts";
import { DISPLAY, ORGANIZATIONS, orgPath, placePath } from "./paths.ts";

/** The entries of an organization's navigation. */
export type NavigationItem = "home" | "stacks" | "tokens" | "audit" | "members" | "teams" | "roles" | "oidc" | "settings";

const places: { at: NavigationItem; label: string; path: string; needs: OrgPermission }[] = [
  { at: "home", label: "Home", path: "", needs: "organization:read" },
  { at: "stacks", label: "Stacks", path: "/~/stacks", needs: "stack:list" },
  { at: "tokens", label: "Access tokens", path: "/~/tokens", needs: "org_token:read" },
  { at: "audit", label: "Audit log", path: "/~/audit", needs: "audit_logs:read" },
  { at: "members", label: "Members", path: "/~/members", needs: "org_member:read" },
  { at: "teams", label: "Teams", path: "/~/teams", needs: "team:list" },
  { at: "roles", label: "Roles", path: "/~/roles", needs: "role:read" },
  { at: "oidc", label: "Identity providers", path: "/~/oidc", needs: "oidc_issuers:read" },
  { at: "settings", label: "Settings", path: "/~/settings", needs: "organization:read" },
];

interface Props {
  title: string;
  actor: UserActor | undefined;
  org: OrganizationRef | undefined;
  at: NavigationItem | undefined;
  may: (permission: OrgPermission) => boolean;
  /** A sentence about the change that the form on the previous page made. */
  said?: string | undefined;
  display: Display;
  /** The address to which the form for the display returns. */
  here: string;
  /** For the answer to a form that shows the form again: the address of the page that contains it. */
  refused?: string | undefined;
  children: Child;
}

/** The frame of every page. It works without scripts, which only add to it. */
export const Document = ({ title, actor, org, at, may, said, display, here, refused, children }: Props) => (
  <html lang="en" class={display.theme === "system" ? undefined : display.theme}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{org ? `${title} · ${org.name} · Stackpass` : `${title} · Stackpass`}</title>
      <link rel="stylesheet" href="/console/style.css" />
      <link rel="icon" href="/console/icon.svg" type="image/svg+xml" />
      <script src="/console/console.js" type="module"></script>
    </head>
    <body>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="/">
          Stackpass
        </a>
        {actor && <Organizations actor={actor} org={org} />}
        {org && <Find org={org} />}
        {actor && <Account actor={actor} />}
      </header>
      {org && (
        <nav class="places" aria-label={org.name}>
          <ul>
            {places
              .filter((place) => may(place.needs))
              .map((place) => (
                <li>
                  <a href={orgPath(org.name) + place.path} aria-current={place.at === at ? "page" : undefined}>
                    {place.label}
                  </a>
                </li>
              ))}
          </ul>
        </nav>
      )}
      <main id="main" tabindex={-1} data-form={refused}>
        {actor && org && <Consent actor={actor} org={org} />}
        {said && (
          <p class="notice good" role="status">
            {said}
          </p>
        )}
        {children}
      </main>
      <DisplayForm display={display} here={here} />
    </body>
  </html>
);

/** The colors and the time zone. Both are chosen once, for every page. */
const DisplayForm = ({ display, here }: { display: Display; here: string }) => (
  <footer>
    <form method="post" action={DISPLAY}>
      <input type="hidden" name="next" value={here.slice(0, LONGEST_ADDRESS)} />
      <span>Colors:</span>
      {themes.map((theme) => (
        <button class="link" name="theme" value={theme} aria-pressed={theme === display.theme ? "true" : "false"}>
          {theme}
        </button>
      ))}
    </form>
    <span>
      Times in {display.zone} <a href={`${DISPLAY}?next=${encodeURIComponent(here.slice(0, LONGEST_ADDRESS))}`}>Change</a>
    </span>
  </footer>
);

/** Maximum number of characters of an address in the footer: a longer one is cut, because no page may be over 100 KB. */
const LONGEST_ADDRESS = 1000;

const Organizations = ({ actor, org }: { actor: UserActor; org: OrganizationRef | undefined }) => (
  <nav class="organizations" aria-label="Organizations">
    <ul>
      {actor.memberships
        .filter((m) => m.isAccepted || m.org.id === org?.id)
        .map((m) => (
          <li>
            <a href={orgPath(m.org.name)} aria-current={m.org.id === org?.id ? "true" : undefined}>
              {m.org.name}
            </a>
          </li>
        ))}
    </ul>
  </nav>
);

/** The search of an organization. The script focuses it when the reader presses `/`. */
const Find = ({ org }: { org: OrganizationRef }) => (
  <form class="find" role="search" action={placePath(org.name, "search")}>
    <input
      type="search"
      name="q"
      aria-label={`Search ${org.name}`}
      aria-keyshortcuts="/"
      placeholder="Search"
      autocomplete="off"
      spellcheck={false}
    />
  </form>
);

/** Shown on each page of an organization whose membership the reader has not accepted. */
const Consent = ({ actor, org }: { actor: UserActor; org: OrganizationRef }) => {
  const membership = actor.memberships.find((m) => m.org.id === org.id);
  if (!membership || membership.isAccepted) return <></>;
  return (
    <p class="notice info" role="status">
      You were added to {org.name} by {membership.addedBy || "somebody"}. <a href={ORGANIZATIONS}>Accept or leave</a>
    </p>
  );
};

const Account = ({ actor }: { actor: UserActor }) => (
  <nav class="account" aria-label="Your account">
    <a href={ORGANIZATIONS}>Organizations</a>
    <a href="/user/settings/tokens">{actor.user.login}</a>
    <form method="post" action="/signout">
      <button class="link">Sign out</button>
    </form>
  </nav>
);
