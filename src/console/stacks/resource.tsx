import { cut } from "../../http/pageText.ts";
import { revealProperty } from "../../secrets/reveal.ts";
import { type ShownProperty, lookAtResource } from "../../stacks/look.ts";
import { attempt } from "../attempt.ts";
import { Badge, Copyable, Notice, Table, Time } from "../components.tsx";
import { definePage } from "../page.tsx";
import { resourcePath } from "../paths.ts";
import { STACK_PAGE, StackFrame, pathOf, stackOf } from "./frame.tsx";
import { Neighbourhood } from "./neighbourhood.tsx";
import { LONGEST_URN, ResourceTabs, nameIn, typeIn } from "./resourceTabs.tsx";

export const resourcePages = [
  definePage("GET", `${STACK_PAGE}/resource`, "stack:export", async (ctx) => {
    const path = stackOf(ctx);
    const stack = pathOf(path);
    const found = await lookAtResource(ctx, path, (ctx.page.query.get("urn") ?? "").slice(0, LONGEST_URN));
    const { resource, provider } = found;
    const reveals = ctx.page.may("stack:decrypt") ? { stack, urn: resource.urn } : undefined;
    // A reference to a provider is its URN and its id.
    const providerUrn = provider.slice(0, provider.lastIndexOf("::"));
    return {
      title: `${cut(resource.name, 150)} of ${path.projectName}/${path.stackName}`,
      at: "stacks",
      body: (
        <StackFrame ctx={ctx} path={path} at="resources">
          <h2>{cut(resource.name, 300)}</h2>
          <ResourceTabs stack={stack} urn={resource.urn} at="properties" />
          <p>
            {resource.leaving && <Badge kind="warning">to be deleted</Badge>} {found.isProtected && <Badge kind="info">protected</Badge>}{" "}
            {found.isExternal && <Badge>read, not managed</Badge>}
          </p>
          <dl>
            <dt>Type</dt>
            <dd class="mono">{cut(resource.type, 300)}</dd>
            {providerUrn && (
              <>
                <dt>Provider</dt>
                <dd>
                  <a href={resourcePath(stack, providerUrn)}>{cut(nameIn(providerUrn), 300)}</a>{" "}
                  <span class="faint">{cut(typeIn(providerUrn), 300)}</span>
                </dd>
              </>
            )}
            {found.created !== undefined && (
              <>
                <dt>Created</dt>
                <dd>
                  <Time at={found.created} />
                </dd>
              </>
            )}
            {found.modified !== undefined && (
              <>
                <dt>Changed</dt>
                <dd>
                  <Time at={found.modified} />
                </dd>
              </>
            )}
            <dt>State</dt>
            <dd>Version {found.version}</dd>
          </dl>
          <Copyable label="URN" text={cut(resource.urn, 3000)} />
          {resource.id && <Copyable label="Id" text={cut(resource.id, 1000)} />}
          <Properties title="Inputs" part="inputs" reveals={reveals} {...found.inputs} />
          <Properties title="Outputs" part="outputs" reveals={reveals} {...found.outputs} />
          <h3>Neighbours</h3>
          <Neighbourhood stack={stack} resource={resource} dependents={found.dependents} below={found.children} more={found.more} />
          <p class="hint">
            Viewing this page is recorded in the audit log as the export of a resource, and revealing a secret as a decryption.
          </p>
        </StackFrame>
      ),
    };
  }),

  // Only POST: a link must not decrypt. The answer is not stored by the browser (Cache-Control: no-store).
  definePage("POST", `${STACK_PAGE}/resource/reveal`, "stack:decrypt", async (ctx) => {
    const path = stackOf(ctx);
    const { urn = "", part, name = "" } = ctx.page.form;
    const done = await attempt(() => revealProperty(ctx, path, urn.slice(0, LONGEST_URN), part === "outputs" ? "outputs" : "inputs", name));
    return {
      title: `A property of ${path.projectName}/${path.stackName}`,
      at: "stacks",
      status: "problem" in done ? 400 : 200,
      body: (
        <StackFrame ctx={ctx} path={path} at="resources">
          {"problem" in done ? (
            <>
              <Notice kind="error">{done.problem.message}</Notice>
              <p>If the stack uses its own secrets provider, only the CLI can decrypt: pulumi stack export --show-secrets.</p>
            </>
          ) : (
            <Copyable label={cut(name, 200)} text={done.value} />
          )}
          <a href={resourcePath(pathOf(path), urn.slice(0, LONGEST_URN))}>Back to the resource</a>
        </StackFrame>
      ),
    };
  }),
];

interface PropertiesProps {
  title: string;
  part: "inputs" | "outputs";
  shown: ShownProperty[];
  more: number;
  /** The fields of the forms that reveal secrets. Undefined if the reader may not decrypt. */
  reveals: { stack: string; urn: string } | undefined;
}

const Properties = ({ title, part, shown, more, reveals }: PropertiesProps) => (
  <>
    <h3>{title}</h3>
    {shown.length === 0 && more === 0 ? (
      <p class="faint">None.</p>
    ) : (
      <Table caption={title} head={["Name", "Value"]}>
        {shown.map(({ name, text, hasSecret }) => (
          <tr>
            <th scope="row">{cut(name, 300)}</th>
            <td>
              <pre class="value">{text}</pre>
              {hasSecret && reveals && (
                <form method="post" action={`${reveals.stack}/resource/reveal`}>
                  <input type="hidden" name="urn" value={reveals.urn} />
                  <input type="hidden" name="part" value={part} />
                  <input type="hidden" name="name" value={name} />
                  <button class="quiet" aria-label={`Reveal ${cut(name, 100)} of the ${part}`}>
                    Reveal
                  </button>
                </form>
              )}
            </td>
          </tr>
        ))}
      </Table>
    )}
    {more > 0 && <p class="faint">and {more} more. The CLI shows all of them: pulumi stack export.</p>}
  </>
);
