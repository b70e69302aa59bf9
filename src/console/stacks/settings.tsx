import { getStack, getStackMetadata } from "../../stacks/get.ts";
import { withConfig } from "../../updates/config.ts";
import { findActivity } from "../../history/history.ts";
import { Copyable } from "../components.tsx";
import { definePage } from "../page.tsx";
import { Config } from "./config.tsx";
import { STACK_PAGE, StackFrame, stackOf } from "./frame.tsx";

export const settingsPage = definePage("GET", `${STACK_PAGE}/settings/options`, "stack:read", async (ctx) => {
  const path = stackOf(ctx);
  const [stack, { ownedBy }, { rows }] = await Promise.all([
    getStack(ctx, path),
    getStackMetadata(ctx, path),
    findActivity(ctx, path, { page: 1, pageSize: 1 }),
  ]);
  const { value: row } = await rows.next();
  const latest = row && (await withConfig(ctx.env.STATE, row));
  const name = `${path.orgName}/${path.projectName}/${path.stackName}`;
  return {
    title: `Settings of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at="settings/options">
        <dl>
          <dt>Id</dt>
          <dd class="mono">{stack.id}</dd>
          <dt>Created by</dt>
          <dd>{ownedBy.githubLogin || "–"}</dd>
          <dt>Version</dt>
          <dd>{stack.version}</dd>
        </dl>
        <h2>Configuration</h2>
        {stack.config ? (
          <p>
            The configuration comes from the environment <code>{stack.config.environment}</code>.
          </p>
        ) : (
          <p>Configuration is stored in your Pulumi.STACK.yaml. Values used by the latest update or preview:</p>
        )}
        <Config text={latest?.config} />
        <h2>Change</h2>
        <Copyable label="Export the state" text={`pulumi stack export --stack ${name} --file state.json`} />
        <Copyable label="Import a state" text={`pulumi stack import --stack ${name} --file state.json`} />
        <Copyable label="Set a tag" text={`pulumi stack tag set NAME VALUE --stack ${name}`} />
        <Copyable label="Rename" text={`pulumi stack rename NEW --stack ${name}`} />
        <Copyable label="Delete" text={`pulumi stack rm ${name}`} />
      </StackFrame>
    ),
  };
});
