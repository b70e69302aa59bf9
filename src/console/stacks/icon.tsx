/** The kind of a resource, from its type: the first match counts. */
const kinds: [kind: string, fits: RegExp, path: string][] = [
  ["stack", /^pulumi:pulumi:(stack|stackreference)$/, "M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3"],
  ["provider", /^pulumi:providers:/, "M5 2v4M11 2v4M3 6h10v2a5 5 0 0 1-10 0zM8 13v2"],
  ["security", /role|polic|key|secret|cert|password|user|iam|permission/, "M8 2l5 2v4c0 3-2 5-5 6-3-1-5-3-5-6V4z"],
  ["database", /database|\bdb|sql|rds|dynamo|table|redis|cache|kv/, "M3 4c0-3 10-3 10 0v8c0 3-10 3-10 0zM3 4c0 3 10 3 10 0"],
  ["storage", /bucket|storage|volume|disk|blob|file|object|stash/, "M2 5h12l-1.5 9h-9zM2 5c0-4 12-4 12 0"],
  [
    "network",
    /vpc|subnet|network|route|gateway|dns|zone|record|balancer|firewall|group|listener/,
    "M8 2v4M8 6L3 12M8 6l5 6M1 12h4v3H1zM11 12h4v3h-4z",
  ],
  [
    "compute",
    /function|lambda|instance|server|container|pod|deployment|cluster|service|worker/,
    "M4 4h8v8H4zM6 1v3M10 1v3M6 12v3M10 12v3M1 6h3M1 10h3M12 6h3M12 10h3",
  ],
];

const resource = ["resource", /^$/, "M3 3h10v10H3z"] as const;
const component = ["component", /^$/, "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z"] as const;

/** The shapes, once for each page: an icon refers to its shape. */
export const Icons = () => (
  <svg class="icons" aria-hidden="true">
    {[...kinds, resource, component].map(([kind, , path]) => (
      <symbol id={`icon-${kind}`} viewBox="0 0 16 16">
        <title>{kind}</title>
        <path d={path} />
      </symbol>
    ))}
  </svg>
);

/** Shows the kind by its shape and on hover; the type is next to it as text. */
export const Icon = ({ type, custom }: { type: string; custom: boolean }) => {
  const [kind] = kinds.find(([, fits]) => fits.test(type.toLowerCase())) ?? (custom ? resource : component);
  return (
    <svg class="icon" aria-hidden="true">
      <use href={`#icon-${kind}`} />
    </svg>
  );
};
