import type { Webhook } from "../../webhooks/openapi.ts";
import { Choice, Field } from "../components.tsx";
import { EventFields, checkedOf, offersDigest, selectionIn } from "./events.tsx";
import type { HookContext } from "./place.ts";
import { nameIn, placeIn } from "./place.ts";

type Form = Record<string, string>;

export const formats = [
  ["raw", "JSON, as Pulumi Cloud sends it"],
  ["slack", "Slack"],
  ["ms_teams", "Microsoft Teams"],
] as const;

export const digests = [
  ["", "Each event, at once"],
  ["daily", "A digest each day"],
  ["weekly", "A digest each Monday"],
] as const;

/** This value of the field removes the stored secret. */
const REMOVE = "__remove-secret";

/** The request that a form describes. @param before the webhook, if it is changed */
export function requestOf(ctx: HookContext, before?: Webhook) {
  const { form } = ctx.page;
  const place = placeIn(ctx);
  const digest = digestIn(ctx, before);
  return {
    organizationName: ctx.org.name,
    ...(place && { projectName: place.projectName, stackName: place.stackName }),
    ...(before ? { name: nameIn(ctx) } : form["name"] && { name: form["name"].trim() }),
    displayName: (form["displayName"] ?? "").trim(),
    payloadUrl: (form["payloadUrl"] ?? "").trim(),
    format: form["format"],
    active: before?.active ?? true,
    ...secretIn(form),
    ...(digest === null ? selectionIn(ctx, before) : { filters: [], groups: [] }),
    digest,
  };
}

/** A webhook of a stack has no digest, and a caller without the right to the log cannot choose one. */
const digestIn = (ctx: HookContext, before?: Webhook) => (offersDigest(ctx) ? ctx.page.form["digest"] || null : (before?.digest ?? null));

function secretIn(form: Form) {
  switch (form["secretKind"]) {
    case "new":
      return { newSecret: true };
    case "own":
      return { secret: form["secret"] ?? "" };
    case "none":
      return { secret: REMOVE };
    default:
      return {};
  }
}

/** The form of a webhook as it is stored. */
export const formOf = (hook: Webhook): Form => ({
  displayName: hook.displayName,
  payloadUrl: hook.payloadUrl,
  format: hook.format,
  digest: hook.digest ?? "",
  ...checkedOf(hook),
});

interface Props {
  ctx: HookContext;
  form: Form;
  errors: Form;
  edited?: Webhook;
}

export const HookFields = ({ ctx, form, errors, edited }: Props) => (
  <>
    <Field name="displayName" label="Name" value={form["displayName"]} error={errors["displayName"]} required maxlength={100} />
    <Field
      name="payloadUrl"
      label="Address"
      type="url"
      value={form["payloadUrl"]}
      error={errors["payloadUrl"]}
      required
      maxlength={2000}
      placeholder="https://hooks.example.com/in"
      hint="It is stored encrypted, because the address of a chat is a credential."
    />
    <Choice name="format" label="Format" value={form["format"] ?? "raw"} options={formats} />
    {offersDigest(ctx) && (
      <Choice
        name="digest"
        label="What it sends"
        value={form["digest"] ?? ""}
        options={digests}
        hint={
          errors["digest"] ??
          "A digest tells which tokens are unused or expire soon, and what was refused, failed or is new. It takes the place of the events below, and is sent at 08:00 UTC."
        }
      />
    )}
    <Choice
      name="secretKind"
      label="Secret of the signatures"
      value={form["secretKind"] ?? (edited ? "keep" : "new")}
      options={[
        ...(edited ? ([["keep", edited.hasSecret ? "Keep the one that is stored" : "None, as now"]] as const) : []),
        ["new", "Make a new one, which is shown once"],
        ["own", "The one below"],
        ...(edited && !edited.hasSecret ? [] : ([["none", "None"]] as const)),
      ]}
      hint="The receiver verifies with it that a message comes from here. Chats need none."
    />
    <Field
      name="secret"
      label="Your own secret"
      type="password"
      error={errors["secret"]}
      maxlength={500}
      hint="Only with the choice above."
    />
    <EventFields ctx={ctx} form={form} />
  </>
);
