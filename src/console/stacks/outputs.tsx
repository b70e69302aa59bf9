import { cut } from "../../http/pageText.ts";
import { lookAtOutputs } from "../../stacks/look.ts";
import { revealOutput } from "../../secrets/reveal.ts";
import { attempt } from "../attempt.ts";
import { Copyable, Empty, Notice, Table } from "../components.tsx";
import { definePage } from "../page.tsx";
import { STACK_PAGE, StackFrame, pathOf, stackOf } from "./frame.tsx";
import { Readme } from "./readme.tsx";

const OUTPUTS_PATH = `${STACK_PAGE}/outputs` as const;

export const outputPages = [
  definePage("GET", OUTPUTS_PATH, "stack:export", async (ctx) => {
    const path = stackOf(ctx);
    const { outputs, more, readme } = await lookAtOutputs(ctx, path);
    const mayReveal = ctx.page.may("stack:decrypt");
    return {
      title: `Outputs of ${path.projectName}/${path.stackName}`,
      at: "stacks",
      body: (
        <StackFrame ctx={ctx} path={path} at="outputs">
          {readme !== undefined && <Readme text={readme} />}
          <h2>Outputs</h2>
          {outputs.length === 0 && more === 0 ? (
            <Empty>
              <p>No outputs yet. Values that the program exports appear here after its next update.</p>
            </Empty>
          ) : (
            <Table caption="Outputs" head={["Name", "Value"]}>
              {outputs.map(({ name, text }) => (
                <tr>
                  <th scope="row">{name}</th>
                  <td class="mono">
                    {text ?? (
                      <>
                        [secret]{" "}
                        {mayReveal && (
                          <form method="post" action={`${pathOf(path)}/outputs/reveal`} class="inline">
                            <input type="hidden" name="name" value={name} />
                            <button class="quiet" aria-label={`Reveal ${name}`}>
                              Reveal
                            </button>
                          </form>
                        )}
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )}
          {more > 0 && <p class="faint">{more} more are not shown. The CLI shows all of them: pulumi stack output.</p>}
          <p class="hint">Viewing this page is recorded in the audit log as a state export, and revealing a secret as a decryption.</p>
        </StackFrame>
      ),
    };
  }),

  // Only POST: a link must not decrypt. The answer is not stored by the browser (Cache-Control: no-store).
  definePage("POST", `${OUTPUTS_PATH}/reveal`, "stack:decrypt", async (ctx) => {
    const path = stackOf(ctx);
    const name = ctx.page.form["name"] ?? "";
    const done = await attempt(() => revealOutput(ctx, path, name));
    return {
      title: `An output of ${path.projectName}/${path.stackName}`,
      at: "stacks",
      status: "problem" in done ? 400 : 200,
      body: (
        <StackFrame ctx={ctx} path={path} at="outputs">
          {"problem" in done ? (
            <>
              <Notice kind="error">{done.problem.message}</Notice>
              <p>If the stack uses its own secrets provider, only the CLI can decrypt: pulumi stack output --show-secrets.</p>
            </>
          ) : (
            <Copyable label={cut(name, 200)} text={done.value} />
          )}
          <a href={`${pathOf(path)}/outputs`}>Back to the outputs</a>
        </StackFrame>
      ),
    };
  }),
];
