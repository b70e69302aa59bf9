import { type OutputUnit, type Schema, dereference, validate } from "@cfworker/json-schema";
import { env } from "cloudflare:workers";

/**
 * The public contract (OpenAPI 3.0.3). vitest.config.ts reads it when it is present (docs/reference/README.md), and tests check answers
 * against it. Every successful answer in a test is checked by `deviation`, see client.ts, so a new operation needs nothing more.
 */
export interface Contract {
  paths: Record<string, Record<string, ContractOperation>>;
  components: { schemas: Record<string, Json> };
}
export interface ContractOperation {
  operationId?: string;
  tags?: string[];
  responses: Record<string, { content?: Record<string, { schema: Json }> }>;
}
type Json = Record<string, unknown>;

export const contract: Contract | null = env.PUBLIC_CONTRACT || null;

/**
 * Members that may be null although the document does not say so: its own text or the client says it, or the member is a client's text that
 * we return unchanged.
 */
const nullable: Record<string, string[]> = {
  // "Will be nil once all events have been returned."
  GetUpdateEventsResponse: ["continuationToken"],
};
const asItCame: Record<string, string[]> = {
  EngineEvent: ["timestamp", "type"],
  PermissionDescriptorBase: ["name", "description", "resourceType", "uxPurpose"],
};

/** The document has the members of a Go struct for a JSON Web Key. Clients send and read those of RFC 7517 (management-api §10.1). */
const untyped = new Set(["JSONWebKey"]);

const REF = "#/components/schemas/";
/** Members of a schema that mean the same in OpenAPI and JSON Schema. */
const COPIED = ["type", "enum", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "required"];

interface Operation extends ContractOperation {
  method: string;
  path: string;
}

export const operations = new Map<string, Operation>(
  Object.entries(contract?.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      operation.operationId ? [[operation.operationId, { ...operation, method: method.toUpperCase(), path }] as const] : [],
    ),
  ),
);

const definitions = definitionsOf(contract);
const lookup = dereference({ $id: "https://contract.test/", definitions } as Schema);

/**
 * What is wrong with a successful answer by the public contract, in words; undefined if nothing is wrong, or if the contract does not have
 * the answer.
 */
export function deviation(operationId: string, status: number, body: unknown): string | undefined {
  const schema = definitions[answerName(operationId, status)];
  return schema && deviationFrom(schema, body);
}

/** @param name of a schema of the document */
export const deviationFromSchema = (name: string, body: unknown) => deviationFrom(definitions[name]!, body);

function deviationFrom(schema: Schema, body: unknown): string | undefined {
  const { valid, errors } = validate(body, schema, "7", lookup, false);
  return valid ? undefined : errors.filter(isCause).map(wording).join("\n");
}

const isCause = ({ keyword }: OutputUnit) => !["$ref", "properties", "items", "additionalProperties", "allOf"].includes(keyword);
const wording = ({ instanceLocation, error }: OutputUnit) => `${instanceLocation}: ${error}`;

function answerName(operationId: string, status: number | string): string {
  return `answer ${operationId} ${status}`;
}

/** The document's schemas and its operations' answers, as JSON Schema. */
function definitionsOf(document: Contract | null): Record<string, Schema> {
  const named: Record<string, Json> = {};
  for (const [name, schema] of Object.entries(document?.components.schemas ?? {})) {
    named[name] = toJsonSchema(without(name, schema));
    if (isDiscriminated(schema)) named[anyOf(name)] = oneOfThem(name, schema["discriminator"] as Discriminator);
  }
  for (const [operationId, { responses }] of operations) {
    for (const [status, { content }] of Object.entries(responses)) {
      const schema = content?.["application/json"]?.schema;
      if (schema && status.startsWith("2")) named[answerName(operationId, status)] = toJsonSchema(schema);
    }
  }
  return named as Record<string, Schema>;
}

function without(name: string, schema: Json): Json {
  if (untyped.has(name)) return { type: "object" };
  const kept = asItCame[name];
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>).map(([key, value]): [string, Json] => {
    if (kept && !kept.includes(key)) return [key, {}];
    return [key, nullable[name]?.includes(key) ? { ...value, nullable: true } : value];
  });
  return { ...schema, ...(properties.length > 0 && { properties: Object.fromEntries(properties) }) };
}

interface Discriminator {
  propertyName: string;
  mapping?: Record<string, string>;
}

/** The name of a discriminated schema in the meaning of any of its kinds. */
function anyOf(name: string): string {
  return `${name} by kind`;
}

function isDiscriminated(schema: Json | undefined): boolean {
  return (schema?.["discriminator"] as Discriminator | undefined)?.mapping !== undefined;
}
function refTo(name: string): Json {
  return { $ref: `#/definitions/${encodeURIComponent(name)}` };
}

/** A value of a discriminated schema has one of the mapped kinds, and its discriminator names the kind. */
function oneOfThem(name: string, { propertyName, mapping = {} }: Discriminator): Json {
  const kinds = Object.entries(mapping).map(([value, ref]) => ({
    if: { properties: { [propertyName]: { const: value } } },
    // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's word
    then: refTo(ref.slice(REF.length)),
  }));
  return { allOf: [refTo(name), { properties: { [propertyName]: { enum: Object.keys(mapping) } } }, ...kinds] };
}

/** @param asBase whether the schema is in an `allOf`: there a discriminated schema means only the part that all its kinds have */
function toJsonSchema(schema: Json, asBase = false): Json {
  const {
    $ref,
    properties,
    additionalProperties,
    items,
    nullable: orNull,
  } = schema as {
    $ref?: string;
    properties?: Record<string, Json>;
    additionalProperties?: Json | boolean;
    items?: Json;
    nullable?: boolean;
  };
  if ($ref !== undefined) {
    const name = $ref.slice(REF.length);
    return refTo(!asBase && isDiscriminated(contract?.components.schemas[name]) ? anyOf(name) : name);
  }
  // The document describes an untyped value as an object without members, so any JSON is allowed there.
  if (schema["type"] === "object" && Object.keys(schema).every((key) => key === "type" || key === "nullable")) return {};
  // The document describes raw bytes as a list; such an answer may be anything.
  if (items?.["format"] === "byte") return {};
  const out: Json = Object.fromEntries(COPIED.filter((key) => key in schema).map((key) => [key, schema[key]]));
  if (properties) out["properties"] = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, toJsonSchema(value)]));
  if (additionalProperties !== undefined)
    out["additionalProperties"] = typeof additionalProperties === "boolean" ? additionalProperties : toJsonSchema(additionalProperties);
  if (items) out["items"] = toJsonSchema(items);
  for (const key of ["allOf", "anyOf", "oneOf"])
    if (key in schema) out[key] = (schema[key] as Json[]).map((part) => toJsonSchema(part, key === "allOf"));
  return orNull ? { anyOf: [out, { type: "null" }] } : out;
}
