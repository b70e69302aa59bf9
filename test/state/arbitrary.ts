/** Generates random JSON text, resources, deployments and journals. */
import * as fc from "fast-check";
import { urn } from "./support.ts";

const PIECES = ["a", "é", "😀", "\\\\", '\\"', "\\u003c", "\\ud800", "\\n", "\u2028", "{", "]", ",", ":", "x".repeat(40), "[\\\\\\\\"];
export const stringText = fc.array(fc.constantFrom(...PIECES), { maxLength: 4 }).map((pieces) => `"${pieces.join("")}"`);
const numberText = fc.constantFrom("0", "-0", "1.0", "1e21", "12345678901234567890", "-0.1E-7", "9007199254740993");
const keyText = fc.oneof(stringText, fc.constantFrom('"__proto__"', '"constructor"', '"1"', '"\\u0061liases"'));
export const space = fc.oneof({ weight: 4, arbitrary: fc.constant("") }, { weight: 1, arbitrary: fc.constantFrom(" ", "\n\t", "\r\n  ") });

const listText = (open: string, close: string, element: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(fc.tuple(space, element, space), { maxLength: 4 }), space)
    .map(([elements, blank]) =>
      elements.length === 0 ? open + blank + close : open + elements.map(([a, text, b]) => a + text + b).join(",") + close,
    );

const member = (value: fc.Arbitrary<string>, key: fc.Arbitrary<string> = keyText) =>
  fc.tuple(key, space, space, value).map(([name, a, b, text]) => `${name}${a}:${b}${text}`);

const texts = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    numberText,
    fc.constantFrom("true", "false", "null"),
    stringText,
    listText("[", "]", tie("value")),
    tie("object"),
  ),
  object: listText("{", "}", member(tie("value"))),
}));

/** The text of any JSON value, with random white space and escapes. */
export const valueText = texts.value;
export const objectText = texts.object;

/** The text of an object with these members, with random white space and order. */
export const objectOf = (members: fc.Arbitrary<[key: string, text: string][]>) =>
  fc.tuple(members, fc.infiniteStream(space)).map(([entries, spaces]) => {
    const blank = () => spaces.next().value!;
    return `{${entries.map(([key, text]) => `${blank()}${JSON.stringify(key)}${blank()}:${blank()}${text}${blank()}`).join(",")}${blank()}}`;
  });

const TYPES = ["pulumi:pulumi:Stack", "pulumi:providers:aws", "a:b:C", "a:b:C$d:e:F", "x:y:Z", "pulumi:pulumi:StackReference"];
const URNS = TYPES.flatMap((type) => ["one", "two::part"].map((name) => urn(name, type)));
const anyUrn = fc.constantFrom(...URNS);
const urns = fc.uniqueArray(anyUrn, { maxLength: 3 });
const json = <T>(arbitrary: fc.Arbitrary<T>) => arbitrary.map((value) => JSON.stringify(value));
const flag = fc.constantFrom("true", "false");

interface Sizes {
  aliases: boolean;
}

/** There are few aliases, because otherwise hardly any journal would be free of conflicts. */
const aliasText = (u: string) => fc.constantFrom(JSON.stringify([`${u}-old`]), JSON.stringify([URNS[URNS.indexOf(u) ^ 1]]), "[]");

export const resourceText = ({ aliases }: Sizes = { aliases: false }): fc.Arbitrary<string> =>
  anyUrn.chain((u) => {
    const optional: [string, fc.Arbitrary<string>, number?][] = [
      ["id", stringText],
      ["parent", json(anyUrn)],
      ["parent", fc.constantFrom(...URNS.map((x) => JSON.stringify(`${x}-old`))), 0.1],
      ["provider", json(anyUrn.map((x) => `${x}::id-1`))],
      ["dependencies", json(urns)],
      ["propertyDependencies", json(fc.dictionary(fc.constantFrom("p", "2", "__proto__"), urns, { maxKeys: 2, noNullPrototype: true }))],
      ["replaceWith", json(urns)],
      ["deletedWith", json(anyUrn)],
      ["viewOf", fc.oneof(json(anyUrn), fc.constant('""')), 0.1],
      ["delete", flag],
      ["taint", flag, 0.1],
      ["refreshBeforeUpdate", flag, 0.1],
      ["resourceHooks", fc.constantFrom("{}", '{"h":["a"]}'), 0.1],
      ["extensionRef", fc.constantFrom('""', '"e"'), 0.1],
      ["snippetID", fc.constantFrom('""', '"s"'), 0.1],
      ["inputs", objectText],
      ["outputs", objectText],
      ["newerThanUs", valueText],
    ];
    if (aliases) optional.push(["aliases", aliasText(u), 0.15]);
    const some = optional.map(([key, text, often = 0.3]) =>
      fc
        .tuple(fc.double({ min: 0, max: 1, noNaN: true }), text)
        .map(([dice, value]): [string, string][] => (dice < often ? [[key, value]] : [])),
    );
    const type = TYPES[URNS.indexOf(u) >> 1]!;
    const must: [string, string][] = [
      ["urn", JSON.stringify(u)],
      ["custom", "true"],
      ["type", JSON.stringify(type)],
    ];
    const once = (members: [string, string][]) => [...new Map(members)];
    return objectOf(fc.tuple(...some).chain((members) => fc.constant(once([...must, ...members.flat()]))));
  });

const operationText = (sizes: Sizes) =>
  objectOf(
    fc.tuple(resourceText(sizes), fc.constantFrom("creating", "updating", "deleting")).map(([resource, type]) => [
      ["resource", resource],
      ["type", JSON.stringify(type)],
    ]),
  );

const providerText = fc.constantFrom(
  '{"type":"service","state":{"owner":"o"}}',
  '{"type":"service","state":{"owner":"p"}}',
  '{ "type":"passphrase"}',
);
const snippetsText = fc.constantFrom("[]", `[{"uuid":"1","references":{"a":"${URNS[4]}-old","b":"${URNS[6]}"}}]`, '[{"uuid":"2"}]');
const extensionText = fc.constantFrom('{"name":"n","version":"1","value":"AA=="}', '{"name":"m","version":"2","value":"AAA="}');
const extensionsText = fc.constantFrom("{}", '{"e":{"name":"base","version":"0","value":""}}');
const listOf = (element: fc.Arbitrary<string>, maxLength: number) => fc.array(element, { maxLength }).map((all) => `[${all.join(" , ")}]`);

const some = (key: string, text: fc.Arbitrary<string>) =>
  fc.option(text).map((value): [string, string][] => (value === null ? [] : [[key, value]]));

export const deploymentText = (sizes: Sizes) =>
  objectOf(
    fc
      .tuple(
        fc.constant<[string, string][]>([["manifest", '{"time":"0001-01-01T00:00:00Z","magic":"","version":"v3.1.0"}']]),
        some("secrets_providers", providerText),
        some("resources", listOf(resourceText(sizes), 6)),
        some("pending_operations", listOf(operationText(sizes), 2)),
        some("metadata", fc.constantFrom("{}", '{"integrity_error":{"error":"e"},"other":1.0}')),
        some("snippets", snippetsText),
        some("extensions", extensionsText),
        some("unknown", valueText),
      )
      .chain((members) => fc.shuffledSubarray(members.flat(), { minLength: members.flat().length })),
  );

export const baseText = (sizes: Sizes) =>
  objectOf(
    fc
      .tuple(
        fc.constant<[string, string][]>([["version", "3"]]),
        some("features", fc.constantFrom("[]", '["byteString"]', '["taint","from-the-future"]')),
        fc
          .oneof({ weight: 9, arbitrary: deploymentText(sizes) }, { weight: 1, arbitrary: fc.constant("null") })
          .map((text): [string, string][] => [["deployment", text]]),
        some("other", valueText),
      )
      .chain((members) => fc.shuffledSubarray(members.flat(), { minLength: members.flat().length })),
  );

const position = json(fc.option(fc.nat(7), { freq: 2 }));
const operation = json(fc.option(fc.integer({ min: 1, max: 6 }), { freq: 2 }));

/** The text of one entry without its sequence id. Its references may be invalid. */
const entryText = (sizes: Sizes, kinds: number[]): fc.Arbitrary<[string, string][]> =>
  fc.constantFrom(...kinds).chain((kind) =>
    fc
      .tuple(
        fc.constant<[string, string][]>([
          ["version", "1"],
          ["kind", String(kind)],
        ]),
        fc.integer({ min: kind > 4 ? 0 : 1, max: 6 }).map((id): [string, string][] => [["operationID", String(id)]]),
        fc.tuple(position, operation).map(([a, b]): [string, string][] => [
          ["removeOld", a],
          ["removeNew", b],
        ]),
        some("pendingReplacementOld", position),
        some("pendingReplacementNew", operation),
        some("deleteOld", position),
        some("deleteNew", operation),
        fc.option(resourceText(sizes), { freq: 3 }).map((text): [string, string][] => (text ? [["state", text]] : [])),
        kind === 0 ? some("operation", fc.oneof(operationText(sizes), fc.constant("null"))) : fc.constant([]),
        kind === 1
          ? fc.boolean().map((is): [string, string][] => (is && kinds.includes(3) ? [["isRefresh", "true"]] : []))
          : fc.constant([]),
        kind === 5 ? deploymentText(sizes).map((text): [string, string][] => [["newSnapshot", text]]) : fc.constant([]),
        kind === 6 ? some("secretsProvider", providerText) : fc.constant([]),
        kind === 8
          ? fc.tuple(fc.constantFrom('"e"', '"f"'), extensionText).map(([ref, text]): [string, string][] => [
              ["extensionRef", ref],
              ["extension", text],
            ])
          : fc.constant([]),
        kind === 9 ? some("snippets", snippetsText) : fc.constant([]),
        fc.constantFrom<[string, string][]>([], [], [], [["requiresByteString", "true"]]),
        some("newerThanUs", valueText),
      )
      .map((members) => members.flat()),
  );

const ORDINARY = [0, 0, 1, 1, 1, 1, 2, 4, 6];
const REFRESH = [...ORDINARY, 3, 3];
const REBUILT = [0, 1, 1, 1, 3, 4, 7, 7, 8, 8, 9];
const ALL = [...REFRESH, 3, 5, 7, 7, 8, 9];

/** The batches of a journal as JSON text: they are out of order, some are sent twice, and some sequence ids occur twice. */
export const journalTexts = (sizes: Sizes): fc.Arbitrary<string[]> =>
  fc.constantFrom(ORDINARY, REFRESH, REBUILT, ALL).chain((kinds) =>
    fc.array(fc.tuple(objectOf(entryText(sizes, kinds)), fc.nat(14)), { maxLength: 12 }).chain((entries) => {
      const numbered = entries.map(([text, jump], i) => text.replace("{", `{"sequenceID":${jump === 0 ? Math.max(1, i) : i + 1},`));
      return fc
        .tuple(fc.shuffledSubarray(numbered, { minLength: numbered.length }), fc.integer({ min: 1, max: 5 }), fc.nat(3))
        .map(([shuffled, size, again]) => {
          const batches: string[] = [];
          for (let i = 0; i < shuffled.length; i += size) batches.push(`{"entries":[${shuffled.slice(i, i + size).join(",")}]}`);
          return [...batches, ...batches.slice(0, again)];
        });
    }),
  );
