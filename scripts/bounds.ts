/**
 * `node scripts/bounds.ts`: checks that every text, list and map of every route's input has a bound. It names those that have none, with
 * exit code 1.
 */
import type * as z from "zod/mini";
import { boundsOf } from "../src/http/bounded.ts";
import type { Route } from "../src/http/route.ts";

interface Definition {
  type: string;
  checks?: { _zod: { def: { check: string } } }[];
  shape: Record<string, z.ZodMiniType>;
  catchall?: z.ZodMiniType;
  innerType: z.ZodMiniType;
  in: z.ZodMiniType;
  out: z.ZodMiniType;
  options: z.ZodMiniType[];
  items: z.ZodMiniType[];
  rest: z.ZodMiniType | null;
}

const definitionOf = (schema: z.ZodMiniType) => schema.def as unknown as Definition;
const hasMaximum = ({ checks }: Definition) => (checks ?? []).some(({ _zod }) => /^(max_length|length_equals)$/.test(_zod.def.check));

/** @returns the parts of a schema that accept a value of any size, with reasons */
export function unboundedIn(schema: z.ZodMiniType, place: string): string[] {
  const known = boundsOf.get(schema);
  switch (known?.kind) {
    case "unread":
      return [];
    case "list":
      return unboundedIn(known.element, `${place}[]`);
    case "map":
      return [...unboundedIn(known.key, `a name in ${place}`), ...unboundedIn(known.value, `${place}.*`)];
  }
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "number":
    case "int":
    case "boolean":
    case "enum":
    case "literal":
    case "null":
    case "undefined":
    case "never":
      return [];
    case "string":
      return hasMaximum(definition) ? [] : [`${place} is a text without a bound`];
    case "array":
      return [`${place} is a list whose elements are validated before its length`];
    case "object":
      return [
        ...(definition.catchall && definitionOf(definition.catchall).type !== "never"
          ? [`${place} has members that are not validated`]
          : []),
        ...Object.entries(definition.shape).flatMap(([name, member]) => unboundedIn(member, `${place}.${name}`)),
      ];
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return unboundedIn(definition.innerType, place);
    case "pipe": {
      // A transformation accepts anything; its result is bounded by its input, or by the schema after it.
      const from = definitionOf(definition.in).type === "transform" ? definition.out : definition.in;
      return unboundedIn(from, place);
    }
    case "union":
      return definition.options.flatMap((option) => unboundedIn(option, place));
    case "tuple":
      return [...definition.items, ...(definition.rest ? [definition.rest] : [])].flatMap((item, i) => unboundedIn(item, `${place}[${i}]`));
    default:
      return [`${place} is of the kind "${definition.type}", whose bound is not known`];
  }
}

/** @returns the same for all inputs of a route */
export const unboundedInputs = (routes: Route[]): string[] =>
  routes.flatMap(({ definition: { operationId, params, query, body } }) =>
    Object.entries({ params, query, body }).flatMap(([part, schema]) =>
      schema && schema !== "stream" ? unboundedIn(schema, `${operationId}: ${part}`) : [],
    ),
  );

if ((import.meta as { main?: boolean }).main) {
  const { routes } = await import("../src/app/routes.ts");
  const faults = unboundedInputs(routes);
  if (faults.length > 0) {
    console.error(`${faults.join("\n")}\nUse the functions of src/http/bounded.ts.`);
    process.exit(1);
  }
}
