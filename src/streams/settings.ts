import type { Bindings } from "../env.ts";
import { badRequest } from "../errors.ts";
import { addressFault, isLocal, ownHostFault } from "../http/outgoing.ts";
import { type Credentials, type Destination, type StreamFormat, hasRole } from "./destination.ts";
import { newSigningSecret } from "../http/standardWebhooks.ts";
import { tokenServiceOf } from "./role.ts";
import { objectUrl } from "./s3.ts";
import type { SentDestination } from "./schema.ts";

/** A destination as it is stored. */
export interface Stored {
  destination: Destination;
  /** Undefined if they cannot be read any more. */
  credentials: Credentials | undefined;
}

export interface Settings extends Stored {
  credentials: Credentials;
  /** A signing secret that was just made, and is shown once. */
  shown?: string;
}

/**
 * The settings of a request. A credential never goes to an origin that it was not given for: if the origin changes, the request must have the
 * credential (identity-facts A-14).
 * @param origin address of this deployment
 * @param before the stored settings, if the request changes a stream
 * @throws 400
 */
export function settingsOf(env: Bindings, sent: Sent, format: StreamFormat, origin: string, before?: Stored): Settings {
  if (before && before.destination.kind !== sent.kind) throw badRequest("the kind of a stream cannot change: create another stream");
  if (format !== "jsonl" && sent.kind !== "s3" && sent.kind !== "https")
    throw badRequest(`a stream to ${sent.kind} must have the format jsonl`);
  const settings = read(sent, origin, before);
  for (const called of calledUrls(settings.destination)) {
    if (!URL.canParse(called)) throw badRequest("the host cannot have the name of the bucket in front of it: set pathStyle to true");
    const fault = addressFault(new URL(called), isLocal(env)) ?? ownHostFault(env, new URL(called), new URL(origin).host);
    if (fault) throw badRequest(`${fault} (url)`);
  }
  return settings;
}

/** The addresses that the stream will call: that of a bucket contains the bucket, and a role has a token service. */
function calledUrls(destination: Destination): string[] {
  const first = destination.kind === "s3" ? objectUrl(destination, "") : destination.url;
  return hasRole(destination) ? [first, tokenServiceOf(destination).url] : [first];
}

/** A destination of a request, or the stored one, which has an issuer. */
export type Sent = SentDestination & { issuer?: string };

function read(sent: Sent, origin: string, before: Stored | undefined): Settings {
  const url = sent.url === undefined ? undefined : parse(sent.url);
  const sameOrigin = before !== undefined && (url === undefined || new URL(before.destination.url).origin === url.origin);
  const kept = sameOrigin ? before.credentials : undefined;
  switch (sent.kind) {
    case "s3": {
      const { region, bucket, prefix = "", pathStyle = false, accessKeyId = "", roleArn, issuer = origin } = sent;
      const destination = { kind: sent.kind, url: originOf(url!), region, bucket, prefix, pathStyle, accessKeyId };
      if (roleArn !== undefined) {
        if (accessKeyId !== "" || sent.secretAccessKey !== undefined)
          throw badRequest("a bucket has either roleArn, or accessKeyId and secretAccessKey");
        return { destination: { ...destination, roleArn, issuer }, credentials: { secret: "" } };
      }
      if (accessKeyId === "") throw badRequest("accessKeyId is required, or roleArn");
      const hadKey = before !== undefined && !hasRole(before.destination);
      const secret = needed(sent.secretAccessKey ?? (hadKey ? kept?.secret : undefined), "secretAccessKey", hadKey ? before : undefined);
      return { destination, credentials: { secret } };
    }
    case "https": {
      if (!url && !kept) throw badRequest("the url of the destination is required");
      const shown = kept ? undefined : newSigningSecret();
      const path = url ? url.pathname + url.search : kept?.path;
      const authorization = sent.authorization === undefined ? kept?.authorization : (sent.authorization ?? undefined);
      return {
        destination: { kind: sent.kind, url: url ? url.origin : before!.destination.url },
        credentials: {
          secret: shown ?? kept!.secret,
          ...(path !== undefined && { path }),
          ...(authorization !== undefined && { authorization }),
        },
        ...(shown !== undefined && { shown }),
      };
    }
    case "splunk":
      return {
        destination: { kind: sent.kind, url: originOf(url!), index: sent.index ?? "" },
        credentials: { secret: needed(sent.token ?? kept?.secret, "token", before) },
      };
    case "datadog":
      return {
        destination: { kind: sent.kind, url: originOf(url!) },
        credentials: { secret: needed(sent.apiKey ?? kept?.secret, "apiKey", before) },
      };
    case "elastic": {
      if (url!.search !== "") throw badRequest("the url of Elasticsearch must not have a query");
      return {
        destination: { kind: sent.kind, url: (url!.origin + url!.pathname).replace(/\/+$/, ""), index: sent.index },
        credentials: { secret: needed(sent.apiKey ?? kept?.secret, "apiKey", before) },
      };
    }
  }
}

function needed(credential: string | undefined, member: string, before: Stored | undefined): string {
  if (credential !== undefined) return credential;
  if (!before) throw badRequest(`${member} is required`);
  const why = before.credentials ? "the host of the stream changes" : "the stored credential cannot be read any more";
  throw badRequest(`${why}, so ${member} is required again`);
}

function parse(text: string): URL {
  if (!URL.canParse(text)) throw badRequest("the url of a destination must begin with https://");
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw badRequest("the url of a destination must begin with https://");
  if (url.hash !== "") throw badRequest("the url of a destination must not have a fragment");
  if (url.username !== "" || url.password !== "") throw badRequest("an address must not have a user or a password (url)");
  return url;
}

/** For destinations whose paths we choose. */
function originOf(url: URL): string {
  if (url.pathname !== "/" || url.search !== "") throw badRequest("the url of this destination must not have a path or a query");
  return url.origin;
}
