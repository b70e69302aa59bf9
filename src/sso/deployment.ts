import * as z from "zod/mini";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { issuerUrl, parts } from "./schema.ts";
import type { Provider } from "./provider.ts";

/**
 * A provider of the deployment, as an element of the JSON list in the secret `SIGN_IN_PROVIDERS`. It proves who a person is, and gives no
 * membership. An account is created at the first sign-in of a person with an address of an allowed domain.
 */
const Setting = z.strictObject({
  name: z.string().check(z.regex(/^[a-z0-9-]{1,40}$/)),
  title: z.optional(parts.name),
  /** SAML is for organizations only: each has its own entity id. */
  kind: z._default(z.enum(["oidc", "github"]), "oidc"),
  issuer: z.optional(issuerUrl),
  clientId: parts.clientId,
  clientSecret: parts.clientSecret,
  allowedDomains: parts.allowedDomains,
});

/** The issuer of GitHub, and the address of its pages. */
export const GITHUB = "https://github.com";

/** The setting as it was parsed last, because each sign-in needs it. */
let read: { text: string; result: Provider[] } | undefined;

/** @returns none if the setting is absent. A setting that is not valid counts as absent, and is logged: people can still sign in with a token. */
export function deploymentProviders(env: Pick<Bindings, "SIGN_IN_PROVIDERS">): Provider[] {
  const text = env.SIGN_IN_PROVIDERS ?? "";
  if (read?.text !== text) read = { text, result: text === "" ? [] : providersIn(text) };
  return read.result;
}

/** The value is a secret, so the message does not contain it. */
function invalid(why: string): [] {
  logError("setting not valid", `SIGN_IN_PROVIDERS ${why}.`);
  return [];
}

function providersIn(text: string): Provider[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return invalid("must be JSON");
  }
  const parsed = z.array(Setting).check(z.maxLength(10)).safeParse(json);
  if (!parsed.success) return invalid(`has a fault at ${parsed.error.issues[0]?.path.join(".")}`);
  if (new Set(parsed.data.map(({ name }) => name)).size < parsed.data.length) return invalid("must not use a name twice");
  if (parsed.data.some(({ kind, issuer }) => kind === "oidc" && !issuer))
    return invalid("must have an issuer for each provider of the kind oidc");
  return parsed.data.map(({ name, title, kind, issuer, clientId, clientSecret, allowedDomains }) => ({
    id: `deployment-${name}`,
    org: null,
    kind,
    name: title ?? name,
    issuer: issuer ?? GITHUB,
    clientId,
    allowedDomains,
    firstRole: "member",
    groupClaim: "",
    groupScope: "",
    groupMappings: [],
    saml: null,
    version: 1,
    clientSecret: () => Promise.resolve(clientSecret),
  }));
}
