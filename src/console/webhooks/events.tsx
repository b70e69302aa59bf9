import type { FilterOf, WebhookFilter, WebhookGroup } from "../../webhooks/filters.ts";
import { filtersOf, isOfStack, selectsLog } from "../../webhooks/filters.ts";
import type { Webhook } from "../../webhooks/openapi.ts";
import type { HookContext } from "./place.ts";
import { placeIn } from "./place.ts";

type OfferedGroup = "stacks" | "tokens" | "members" | "sso" | "health";

/**
 * The events that happen in Stackpass, in words, by group. Other events of the public contract never happen, so the form leaves them out and keeps
 * those that a client has set.
 */
const words: { [Group in OfferedGroup]: { title: string; events: Record<FilterOf<Group>, string> } } = {
  stacks: {
    title: "Stacks",
    events: {
      stack_created: "A stack was created",
      stack_deleted: "A stack was deleted",
      update_succeeded: "An update succeeded",
      update_failed: "An update failed",
      preview_succeeded: "A preview succeeded",
      preview_failed: "A preview failed",
      refresh_succeeded: "A refresh succeeded",
      refresh_failed: "A refresh failed",
      destroy_succeeded: "A destroy succeeded",
      destroy_failed: "A destroy failed",
      import_succeeded: "An import succeeded",
      import_failed: "An import failed",
    },
  },
  tokens: {
    title: "Access tokens",
    events: {
      token_created: "A token was created",
      token_deleted: "A token was deleted",
      token_rotated: "A token was rotated",
      token_disabled: "A token was disabled",
      token_enabled: "A token was enabled",
      token_updated: "A token was changed",
      token_leaked: "A token was reported as leaked",
      token_expiring: "A token expires soon",
      token_expired: "A token has expired",
      token_refused: "A token was refused",
      token_new_network: "A token was used from a new network",
      token_new_country: "A token was used from a new country",
    },
  },
  members: {
    title: "Members",
    events: {
      member_invited: "Somebody was invited",
      member_added: "A member was added",
      member_joined: "A member joined",
      member_removed: "A member was removed",
      member_role_changed: "The role of a member changed",
    },
  },
  sso: {
    title: "Single sign-on",
    events: {
      sso_changed: "The settings changed",
      sso_identity_linked: "An identity was linked to a person",
      sso_identity_removed: "An identity was removed from a person",
      sso_token_authorized: "A personal token was authorized",
      sso_refused: "Somebody was refused",
      sso_emergency_sign_in: "An emergency administrator signed in",
    },
  },
  health: {
    title: "What needs attention",
    events: {
      stream_failing: "An audit stream was paused after a day of failures",
      webhook_failing: "A webhook failed for a day or was disabled",
      update_running_long: "An update runs for a long time",
      audit_chain_broken: "The daily check found a fault in the audit log",
    },
  },
};

const all = Object.entries(words).map(([group, { title, events }]) => ({
  group: group as WebhookGroup,
  title,
  events: events as Partial<Record<WebhookFilter, string>>,
}));

/** A digest is a part of the audit log, so it needs the right to set up a stream of it. */
const maySendLog = (ctx: HookContext) => ctx.page.may("audit_streams:update") && ctx.page.may("audit_logs:export");
export const offersDigest = (ctx: HookContext) => !placeIn(ctx) && maySendLog(ctx);

/** The groups that the form of a page offers. Those of the audit log need the right to set up a stream of it. */
function offered(ctx: HookContext) {
  const place = placeIn(ctx);
  const sendsLog = maySendLog(ctx);
  return all.flatMap(({ group, title, events }) => {
    if (place ? !isOfStack(group) : selectsLog({ filters: [], groups: [group] }) && !sendsLog) return [];
    const filters = filtersOf(group).filter((filter) => !place || isOfStack(filter));
    return [{ group, title, filters: filters.map((filter) => ({ filter, label: events[filter]! })) }];
  });
}

type Form = Record<string, string>;
const nameOf = (kind: "group" | "filter", name: string) => `${kind}.${name}`;

/** The boxes of a form that are checked for this selection. */
export const checkedOf = ({ filters, groups }: Pick<Webhook, "filters" | "groups">): Form =>
  Object.fromEntries([...groups.map((name) => [nameOf("group", name), "yes"]), ...filters.map((name) => [nameOf("filter", name), "yes"])]);

/** The selection that a form describes, with what it does not show. */
export function selectionIn(ctx: HookContext, before?: Pick<Webhook, "filters" | "groups">) {
  const { form } = ctx.page;
  const shown = offered(ctx);
  const isShown = new Set<string>(shown.flatMap(({ group, filters }) => [group, ...filters.map(({ filter }) => filter)]));
  const isChecked = (kind: "group" | "filter") => (name: string) => form[nameOf(kind, name)] === "yes";
  const kept = (names: string[] = []) => names.filter((name) => !isShown.has(name));
  return {
    groups: [...kept(before?.groups), ...shown.map(({ group }) => group).filter(isChecked("group"))],
    filters: [...kept(before?.filters), ...shown.flatMap(({ filters }) => filters.map(({ filter }) => filter)).filter(isChecked("filter"))],
  };
}

/** Boxes for events, one group after the other. */
export const EventFields = ({ ctx, form }: { ctx: HookContext; form: Form }) => (
  <>
    {/* On a page of a stack the heading above is an h2, elsewhere an h1. */}
    {placeIn(ctx) ? <h3>Events</h3> : <h2>Events</h2>}
    <p class="hint">If you choose nothing, the webhook gets all events of stacks.</p>
    {offered(ctx).map(({ group, title, filters }) => (
      <fieldset>
        <legend>{title}</legend>
        <Box name={nameOf("group", group)} label="All of these, and those that are added later" form={form} />
        {filters.map(({ filter, label }) => (
          <Box name={nameOf("filter", filter)} label={label} form={form} />
        ))}
      </fieldset>
    ))}
  </>
);

const Box = ({ name, label, form }: { name: string; label: string; form: Form }) => (
  <label class="plain option">
    <input type="checkbox" name={name} value="yes" checked={form[name] === "yes"} /> {label}
  </label>
);

/** The selection of a webhook in words. */
export function eventsInWords({ filters, groups, digest }: Pick<Webhook, "filters" | "groups" | "digest">): string[] {
  if (digest !== null) return [digest === "daily" ? "A digest each day at 08:00 UTC" : "A digest each Monday at 08:00 UTC"];
  if (filters.length === 0 && groups.length === 0) return ["All events of stacks"];
  const titles = groups.map((name) => `${all.find(({ group }) => group === name)?.title ?? name}: all`);
  const labels = filters.map((filter) => all.flatMap(({ events }) => events[filter as WebhookFilter] ?? [])[0] ?? filter);
  return [...titles, ...labels];
}
