import { runCli } from "./cli.ts";
import { Fault, type Place, type StackName, nameText } from "./place.ts";

/** Runs the program of a checkout against the target, which must show no change. Its output is not shown: it may contain secrets. */
export async function preview(folder: string, target: StackName, to: Place): Promise<void> {
  const args = ["preview", "--stack", nameText(target), "--expect-no-changes", "--diff"];
  const { code, stderr, stdout } = await runCli(args, { cwd: folder, env: to.cliEnv() });
  if (code === 0) return;
  const isChange = /no changes were expected/i.test(`${stderr}${Buffer.from(stdout).toString()}`);
  throw new Fault(
    `the stack is there, but a preview ${isChange ? "shows changes" : "failed"}. In ${folder}, run: PULUMI_BACKEND_URL=${to.url} pulumi preview --stack ${nameText(target)}`,
  );
}
