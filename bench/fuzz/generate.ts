/** Generates requests from the schemas. Most are nearly valid and contain a hostile value. */
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { bodyFor } from "./bodies.ts";
import type { Json, Operation, Parameter } from "./document.ts";
import { hostile, hostileText, hostileValue } from "./hostile.ts";
import type { Sent } from "./send.ts";

/** A value that fits the schema. */
export const bodyOf = (schema: Json): fc.Arbitrary<unknown> => fitting(least(schema), 0);

/** A value that fits the schema, or has an invalid value at some place. */
function valueOf(schema: Json, spoilt: number): fc.Arbitrary<unknown> {
  const good = fitting(schema, spoilt);
  return spoilt <= 0 ? good : fc.oneof({ weight: 100 - spoilt, arbitrary: good }, { weight: spoilt, arbitrary: hostile });
}

function fitting(schema: Json, spoilt: number): fc.Arbitrary<unknown> {
  const inner = (part: unknown) => valueOf(part as Json, spoilt);
  if ("const" in schema) return fc.constant(schema["const"]);
  if (schema["enum"]) return fc.constantFrom(...(schema["enum"] as unknown[]));
  const choices = (schema["anyOf"] ?? schema["oneOf"]) as Json[] | undefined;
  if (choices) return fc.oneof(...choices.map(inner));
  const type = schema["type"];
  if (Array.isArray(type)) return fc.oneof(...type.map((one: string) => fitting({ ...schema, type: one }, spoilt)));
  switch (type) {
    case "string":
      return textFor(schema);
    case "integer":
    case "number": {
      const [min, max] = [Number(schema["minimum"] ?? -1e9), Number(schema["maximum"] ?? 1e9)];
      return fc.oneof(fc.integer({ min: Math.ceil(min), max: Math.floor(max) }), fc.constantFrom(min, max));
    }
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array((schema["items"] ? inner(schema["items"]) : hostile) as fc.Arbitrary<unknown>, {
        minLength: Number(schema["minItems"] ?? 0),
        maxLength: 4,
      });
    case "object": {
      const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>);
      if (properties.length === 0) return fc.dictionary(hostileText, hostile, { maxKeys: 3, noNullPrototype: true });
      const requiredKeys = ((schema["required"] ?? []) as string[]).filter((key) => properties.some(([name]) => name === key));
      return fc.record(Object.fromEntries(properties.map(([name, part]) => [name, inner(part)])), { requiredKeys, noNullPrototype: true });
    }
    default:
      return hostile;
  }
}

/** The schema without optional members. With many random members one is usually refused, so that the operation itself never runs. */
function least(schema: Json): Json {
  const required = (schema["required"] ?? []) as string[];
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>).filter(([name]) => required.includes(name));
  return properties.length > 0 ? { ...schema, properties: Object.fromEntries(properties) } : schema;
}

/** Texts that match a pattern. fast-check does not support lookahead, so a negative lookahead at the start is checked by a filter. */
function matching(pattern: string): fc.Arbitrary<string> {
  const whole = new RegExp(pattern);
  return fc.stringMatching(new RegExp(pattern.replace(/^\^\(\?![^()]*\)/, "^"))).filter((text) => whole.test(text));
}

function textFor(schema: Json): fc.Arbitrary<string> {
  const pattern = schema["pattern"] as string | undefined;
  if (pattern) return matching(pattern);
  return fc.oneof(fc.string({ maxLength: Math.min(30, Number(schema["maxLength"] ?? 30)) }), hostileText);
}

/** A valid body with hostile values at a few places. */
function spoiltBody(good: unknown): fc.Arbitrary<unknown> {
  return fc.array(fc.tuple(fc.nat(), hostile, fc.boolean()), { maxLength: 3 }).map((changes) => {
    const root = { body: structuredClone(good) };
    for (const [at, value, drop] of changes) {
      const places: { holder: Record<string, unknown>; key: string }[] = [];
      const walk = (holder: Record<string, unknown>) => {
        for (const key of Object.keys(holder)) {
          places.push({ holder, key });
          if (typeof holder[key] === "object" && holder[key] !== null) walk(holder[key] as Record<string, unknown>);
        }
      };
      walk(root);
      if (places.length === 0) break;
      const { holder, key } = places[at % places.length]!;
      if (drop && !Array.isArray(holder)) delete holder[key];
      else holder[key] = structuredClone(value);
    }
    return root.body;
  });
}

/** Returns the current values by parameter. */
export type Known = () => Record<string, string[]>;

const hostileSegments = [
  "%2e%2e",
  "..%2f..",
  "%00",
  "%zz",
  "%ff",
  "%ed%a0%80",
  "%C3%28",
  "a%2Fb",
  ".",
  "..",
  "%20",
  "",
  "a;b=c",
  "~",
  "%F0%9F%92%A9",
];

/** Texts for a part of a cursor. The whole cursor stays as short as one that the service issues. */
const inCursor = fc.oneof(
  hostileValue,
  fc.constantFrom<unknown>("x".repeat(1400), "é".repeat(600), 1.5, -1, 1e308, 2 ** 53, "2026-01-01", "9999-12-31T23:59:59.999Z"),
);

/** A cursor whose form is good: one of those that are known, or a new one, with other values at one or at all places. */
const forgedCursor = (known: Known): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(), fc.array(inCursor, { minLength: 1, maxLength: 4 }), fc.boolean()).map(([at, values, all]) => {
    const real = known()["continuationToken"] ?? [];
    let parts: unknown[] = values;
    if (!all && real.length > 0) {
      try {
        const key = JSON.parse(Buffer.from(real[at % real.length]!, "base64url").toString()) as unknown[];
        parts = key.map((part, i) => (i === at % key.length ? values[0] : part));
      } catch {
        // It is a cursor of another kind.
      }
    }
    return Buffer.from(JSON.stringify(parts).slice(0, 6000)).toString("base64url");
  });

/** One of the currently known values; `otherwise` if there is none. */
function knownValue(name: string, known: Known, otherwise: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(fc.nat(), otherwise).map(([at, other]) => {
    const values = known()[name] ?? [];
    return values.length > 0 ? values[at % values.length]! : other;
  });
}

function segmentFor({ name, schema }: Parameter, known: Known, rough: boolean): fc.Arbitrary<string> {
  const good = knownValue(name, known, textFor(schema)).map(escaped);
  if (!rough) return good;
  return fc.oneof(
    { weight: 30, arbitrary: good },
    { weight: 3, arbitrary: textFor(schema).map(escaped) },
    { weight: 2, arbitrary: hostileText.map(escaped) },
    { weight: 1, arbitrary: fc.constantFrom(...hostileSegments) },
  );
}

function queryOf(parameters: Parameter[], known: Known): fc.Arbitrary<string> {
  const names = parameters.filter((parameter) => parameter.in === "query");
  const one = fc
    .oneof(...names.map((parameter) => fc.constant(parameter)), ...(names.length === 0 ? [fc.constant({ name: "x", schema: {} })] : []))
    .chain(({ name, schema }) =>
      fc
        .oneof(
          { weight: 3, arbitrary: fitting(schema, 0) },
          { weight: 2, arbitrary: hostileValue },
          { weight: 6, arbitrary: knownValue(name, known, hostileText) as fc.Arbitrary<unknown> },
          ...(name === "continuationToken" ? [{ weight: 8, arbitrary: forgedCursor(known) as fc.Arbitrary<unknown> }] : []),
        )
        .map((value) => `${escaped(name)}=${escaped(typeof value === "string" ? value : JSON.stringify(value))}`),
    );
  return fc.array(one, { maxLength: 4 }).map((parts) => (parts.length > 0 ? `?${parts.join("&")}` : ""));
}

function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Unusual ways to send a body. Most requests do not use them. */
const wirings: ((text: string) => { body: Uint8Array | string; headers: Record<string, string> })[] = [
  (text) => ({ body: gzipSync(text), headers: { "Content-Encoding": "gzip" } }),
  (text) => ({ body: gzipSync(text).subarray(0, -5), headers: { "Content-Encoding": "gzip" } }),
  (text) => ({ body: gzipSync(gzipSync(text)), headers: { "Content-Encoding": "gzip" } }),
  (text) => ({ body: text, headers: { "Content-Encoding": "gzip" } }),
  (text) => ({ body: text, headers: { "Content-Encoding": "br" } }),
  (text) => ({ body: `\ufeff${text}`, headers: {} }),
  (text) => ({ body: `\r\n\t ${text} \n`, headers: {} }),
  (text) => ({ body: text.replaceAll(/[:,]/g, " $& \t"), headers: {} }),
  (text) => ({ body: text.slice(0, -1), headers: {} }),
  (text) => ({ body: text + text, headers: {} }),
  (text) => ({ body: text.replace(/^\{("[^"]*"):/, "{$1:null,$1:"), headers: {} }),
  (text) => ({ body: text.replaceAll(/:\d+/g, ":1e999"), headers: {} }),
  (text) => ({ body: Buffer.from(text, "utf16le"), headers: { "Content-Type": "application/json; charset=utf-16" } }),
  (text) => ({ body: Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0xfe])]), headers: {} }),
  (text) => ({ body: text, headers: { "Content-Type": "text/plain" } }),
  (text) => ({ body: text, headers: { "Content-Type": "multipart/form-data; boundary=x" } }),
  () => ({ body: "", headers: {} }),
];

const oddHeaders: Record<string, string>[] = [
  { "X-HTTP-Method-Override": "DELETE" },
  { "X-Forwarded-For": "127.0.0.1, ::1", "X-Real-IP": "127.0.0.1" },
  { "X-Forwarded-Host": "evil.example", "X-Original-URL": "/api/user" },
  { Accept: "text/html" },
  { Accept: "x".repeat(4000) },
  { "User-Agent": "pulumi-cli/1 (v3.259.0; linux)" },
  { "User-Agent": "" },
  { "X-Pulumi-Source": "\u00e9'\"" },
  { "If-None-Match": "*", Range: "bytes=0-0" },
  { Cookie: "__Host-stackpass=%00; __proto__=1" },
  { "CF-Connecting-IP": "not an address" },
  { "CF-Connecting-IP": "::ffff:127.0.0.1" },
];

/**
 * Generates an operation's requests.
 * @param known values for its parameters, read for each request, because answers add new values
 */
export const requestsOf = (operation: Operation, known: Known): fc.Arbitrary<Sent> =>
  fc.oneof({ weight: 2, arbitrary: shaped(operation, known, false) }, { weight: 3, arbitrary: shaped(operation, known, true) });

/** @param rough whether to add hostile values; if not, a client could send the request */
function shaped(operation: Operation, known: Known, rough: boolean): fc.Arbitrary<Sent> {
  const good = bodyFor(operation.path);
  const spoilt = rough ? 4 : 0;
  const body =
    operation.body &&
    fc.oneof(
      ...(good ? [rough ? spoiltBody(good) : fc.constant(good)] : []),
      valueOf(operation.body, spoilt),
      ...(good ? [] : [valueOf(least(operation.body), spoilt)]),
    );
  const path = fc
    .tuple(
      ...operation.path.split("/").map((segment) => {
        const parameter = operation.parameters.find(({ name }) => segment === `{${name}}`);
        return parameter ? segmentFor(parameter, known, rough) : fc.constant(segment);
      }),
    )
    .map((segments) => segments.join("/"));
  return fc
    .record({
      path,
      query: rough ? queryOf(operation.parameters, known) : fc.constant(""),
      body: body ?? fc.constant(undefined),
      wiring: fc.oneof(
        { weight: 85, arbitrary: fc.constant(undefined) },
        { weight: rough ? 15 : 0, arbitrary: fc.constantFrom(...wirings) },
      ),
      odd: fc.oneof({ weight: 85, arbitrary: fc.constant({}) }, { weight: rough ? 15 : 0, arbitrary: fc.constantFrom(...oddHeaders) }),
      method: fc.oneof(
        { weight: 97, arbitrary: fc.constant(operation.method) },
        { weight: rough ? 3 : 0, arbitrary: fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") },
      ),
    })
    .map(({ path: plain, query, body: value, wiring, odd, method }) => {
      const text = value === undefined ? undefined : JSON.stringify(value);
      const wired = text === undefined ? undefined : (wiring?.(text) ?? { body: text, headers: {} });
      return {
        method,
        path: plain + query,
        headers: { "Content-Type": "application/json", ...odd, ...wired?.headers } as Record<string, string>,
        body: wired?.body,
      };
    });
}
