/** Moves one stack. Each step can be repeated, so a run that was killed is continued by the next one. */
import { type Comparison, type Side, compare } from "./compare.ts";
import { type Project, readSettings, rewriteSettings, settingLines, settingsFile } from "./checkout.ts";
import { newSetting, passphraseCrypter } from "./passphrase.ts";
import { type Crypter, Fault, type Look, type Place, type StackName, isBuiltIn, nameText } from "./place.ts";
import { preview } from "./preview.ts";
import type { Progress } from "./progress.ts";
import { type State, providerSettings, readState, referencesOf, resealed, roundedNumbers } from "./state.ts";

export interface Options {
  from: Place;
  to: Place;
  /** Whether stacks with a passphrase or a key of their own get the target's provider `service`. */
  toService: boolean;
  overwrites: boolean;
  dropsPending: boolean;
  passphrase: string | undefined;
  projects: Project[] | undefined;
  previews: boolean;
}

export type Verdict = "comes" | "is there" | "refused";

/** The plan for one stack, with warnings for the person who runs the command. */
export interface Examined {
  name: StackName;
  target: StackName;
  verdict: Verdict;
  /** The reason for which the stack is refused. */
  reason?: string;
  notes: string[];
  resources: number;
  secrets: number;
  /** The facts that the later steps need. Absent when the command refuses the stack, or has moved it already. */
  found?: Found;
}

interface Found {
  look: Look;
  before: Look | undefined;
  source: Side;
  plan: Plan;
  /** Tags that the target lacks, or has with another value. */
  tags: Record<string, string>;
  comparison: Comparison | undefined;
}

interface Plan {
  /** The new secrets provider. Absent: the stack keeps its own, and each ciphertext stays as it is. */
  provider: { type: string; state: string; crypter: Crypter } | undefined;
  /** The provider's setting, when it is `passphrase`: the new one, or the one that is kept. */
  encryptionSalt: string | undefined;
  /** Lines for the stack's file that name the provider that it keeps. */
  settings: string;
}

/** The names that the CLI allows, without `.` and `..`. */
const NAME = /^(?!\.\.?$)[\w.-]{1,100}$/;

/** Reads a stack at both places and changes nothing. */
export async function examine(name: StackName, target: StackName, options: Options, progress: Progress): Promise<Examined> {
  const blank: Examined = { name, target, verdict: "refused", notes: [], resources: 0, secrets: 0 };
  const refused = (reason: string): Examined => ({ ...blank, reason });
  const { from, to } = options;
  if (!name.project) return refused("the stack belongs to no project. `pulumi state upgrade` with this backend gives it one");
  // The names become names of files.
  if (![name.project, name.stack].every((text) => NAME.test(text))) return refused("its name is not valid");
  const look = await from.look(name);
  if (!look) return refused("the source has no such stack");
  if (look.isRunning) return refused("an update is running. Wait for its end, or cancel it");
  if (look.environment !== undefined)
    return refused(`its configuration is in the environment ${look.environment}. Copy the values into its file first`);
  const before = await to.look(target);
  if (before?.isRunning) return refused("an update of the target's stack is running");
  // A checkout is looked at again each time.
  if (!options.projects && progress.isDone(name, target, look.version, before?.version)) return { ...blank, verdict: "is there" };

  const state = readState(await from.export(name));
  const notes = notesOf(state, name, target, options);
  blank.resources = state.resources.length;
  blank.secrets = state.secrets.length;
  if (state.pending.length > 0 && to.kind === "bucket" && !options.dropsPending)
    return refused(
      `it has ${state.pending.length} pending operations, which the CLI's import drops. Run \`pulumi refresh\` first, or allow it with --without-pending`,
    );
  const there = before && readState(await to.export(target));
  const plan = await planOf(state, name, target, there, options);
  const source: Side = { state, crypter: await openerOf(state, options.from, name, options.passphrase) };
  const tags = Object.fromEntries(Object.entries(look.tags).filter(([tag, value]) => !isBuiltIn(tag) && before?.tags[tag] !== value));
  const examined: Examined = { ...blank, notes, verdict: "comes" };
  const found: Found = { look, before, source, plan, tags, comparison: undefined };
  if (!there || isEmpty(there)) return { ...examined, verdict: there && isFilled(there, state, plan) ? "is there" : "comes", found };
  found.comparison = await comparisonOf(there, found, target, options);
  const clash = Object.keys(tags).find((tag) => before.tags[tag] !== undefined);
  const difference = found.comparison.difference ?? (clash === undefined ? undefined : `the tag ${clash} differs`);
  if (difference === undefined) return { ...examined, verdict: "is there", found };
  if (options.overwrites) return { ...examined, notes: [...notes, `it replaces a stack of this name (${difference})`], found };
  return { ...refused(`the target has a stack of this name that is not equal (${difference}). --overwrite replaces it`), notes };
}

/** Does what `examine` has found. @returns a line for the report */
export async function move(examined: Examined, options: Options, progress: Progress): Promise<string> {
  const { name, target, found } = examined;
  const { from, to } = options;
  if (!found) return "came in an earlier run, and has not changed since";
  const { look, before, source, plan, tags } = found;
  let { comparison } = found;
  let hasTags = true;
  if (!before) hasTags = await to.create(target, look.tags, plan.settings);
  else if (Object.keys(tags).length > 0) hasTags = await to.addTags(target, tags, before.tags);
  const isMissing =
    comparison === undefined ? examined.verdict === "comes" && hasContent(source.state) : comparison.difference !== undefined;
  if (isMissing) {
    await to.import(target, await forTarget(source, plan));
    comparison = await comparisonOf(readState(await to.export(target)), found, target, options);
    if (comparison.difference !== undefined) throw new Fault(`the state did not arrive as it was: ${comparison.difference}`);
  }
  const [here, there] = await Promise.all([from.revision(name), to.revision(target)]);
  if (here?.version !== look.version || here?.isRunning) throw new Fault("it was updated at the source meanwhile. Run the program again");
  const parts = [examined.verdict === "is there" ? "was there already" : "came"];
  parts.push(`${examined.resources} resources`, `${examined.secrets} secrets`);
  if (comparison) parts.push(comparison.isSameText ? "the same byte for byte" : "the same contents");
  if (!hasTags && Object.keys(tags).length > 0) parts.push("without its tags, which this release of the CLI does not have in a bucket");
  parts.push(...(await settle(examined, plan, options)));
  progress.add(name, target, here?.version, there?.version);
  return parts.join(", ");
}

/** Changes the stack's file in the checkout, and runs a preview there. @returns what was done */
async function settle({ name, target }: Examined, plan: Plan, options: Options): Promise<string[]> {
  const done: string[] = [];
  for (const project of projectsOf(name, options)) {
    const file = settingsFile(project, name);
    const settings = readSettings(file);
    const isOwn = settings?.provider === "cloud" || (settings?.provider === "passphrase" && !plan.provider);
    if (plan.provider && !isOwn && (settings || plan.encryptionSalt)) {
      const from =
        settings?.provider === "passphrase"
          ? await passphraseCrypter(neededPassphrase(options), settings.encryptionSalt!)
          : options.from.service?.(name).crypter;
      const count = await rewriteSettings(file, from, plan.provider.crypter, plan.encryptionSalt);
      if (count !== undefined) done.push(`${count} secrets of ${file} encrypted again`);
    }
    if (options.previews) {
      await preview(project.folder, target, options.to);
      done.push("a preview shows no change");
    }
  }
  return done;
}

const projectsOf = ({ project }: StackName, { projects }: Options): Project[] => (projects ?? []).filter(({ name }) => name === project);

async function forTarget(source: Side, { provider }: Plan): Promise<Uint8Array> {
  const { state, crypter } = source;
  if (!provider) return state.bytes;
  const plaintexts = state.ciphertexts.length === 0 ? [] : await mustOpen(crypter).open(state.ciphertexts);
  return resealed(state, provider, plaintexts.length === 0 ? [] : await provider.crypter.seal(plaintexts));
}

function mustOpen(crypter: Crypter | undefined): Crypter {
  if (!crypter) throw new Fault("its secrets cannot be decrypted here");
  return crypter;
}

const isEmpty = (state: State) => state.resources.length === 0 && state.pending.length === 0;
const hasContent = (state: State) => !isEmpty(state) || state.provider !== undefined;

/** For two stacks without resources: whether the one at the target has everything that the one at the source has. */
const isFilled = (there: State, state: State, { provider }: Plan) =>
  isEmpty(state) && (!state.provider || there.provider?.type === (provider?.type ?? state.provider.type));

async function comparisonOf(there: State, { source, plan }: Found, target: StackName, options: Options): Promise<Comparison> {
  const wanted = plan.provider?.type ?? source.state.provider?.type;
  if (source.state.provider && there.provider?.type !== wanted)
    return { isSameText: false, difference: `its secrets provider is ${there.provider?.type ?? "missing"}, not ${wanted}` };
  const crypter = await openerOf(there, options.to, target, options.passphrase);
  const pending = options.to.kind === "bucket" ? [] : source.state.pending;
  const side: Side = { ...source, state: { ...source.state, pending } };
  return compare(side, { state: there, crypter }, options.to.kind === "bucket");
}

/** Opens the secrets of a state; undefined when their key is not known here. */
async function openerOf(state: State, place: Place, name: StackName, passphrase: string | undefined): Promise<Crypter | undefined> {
  if (state.ciphertexts.length === 0) return place.service?.(name).crypter;
  switch (state.provider?.type) {
    case "service":
      return place.service?.(name).crypter;
    case "passphrase":
      return passphrase === undefined ? undefined : passphraseCrypter(passphrase, saltOf(state)!).catch(() => undefined);
    default:
      return undefined;
  }
}

function saltOf(state: State): string | undefined {
  const { salt } = providerSettings(state);
  return state.provider?.type === "passphrase" && typeof salt === "string" ? salt : undefined;
}

async function planOf(state: State, name: StackName, target: StackName, there: State | undefined, options: Options): Promise<Plan> {
  const { from, to, toService } = options;
  // A stack that was never updated has no provider yet: its first update takes the default of its place.
  const type = state.provider?.type ?? (from.kind === "server" ? "service" : "passphrase");
  if (type === "service") return to.kind === "server" ? service(to, target) : passphraseFor(name, there, options);
  if (toService && to.kind === "server") {
    if (type !== "passphrase")
      throw new Fault(
        `its secrets provider is "${type}". Run \`pulumi stack change-secrets-provider passphrase\` first, or keep the provider`,
      );
    // The passphrase is checked before anything is changed.
    if (state.provider) await passphraseCrypter(neededPassphrase(options), saltOf(state) ?? "");
    return service(to, target);
  }
  return { provider: undefined, encryptionSalt: saltOf(state), settings: await keptSettings(state, options) };
}

const service = (to: Place, target: StackName): Plan => {
  const { crypter, state } = to.service!(target);
  return { provider: { type: "service", state, crypter }, encryptionSalt: undefined, settings: "" };
};

/** A bucket cannot encrypt, so a stack that leaves a server gets a passphrase. */
async function passphraseFor(name: StackName, there: State | undefined, options: Options): Promise<Plan> {
  const passphrase = neededPassphrase(options);
  const [project] = projectsOf(name, options);
  const encryptionSalt =
    (there && saltOf(there)) ?? (project && readSettings(settingsFile(project, name))?.encryptionSalt) ?? (await newSetting(passphrase));
  const crypter = await passphraseCrypter(passphrase, encryptionSalt);
  const state = JSON.stringify({ salt: encryptionSalt });
  return { provider: { type: "passphrase", state, crypter }, encryptionSalt, settings: settingLines(encryptionSalt) };
}

function neededPassphrase({ passphrase }: Options): string {
  if (passphrase === undefined) throw new Fault("PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE is needed for its secrets");
  return passphrase;
}

/** The lines with which the CLI creates a stack under the same provider. */
async function keptSettings(state: State, options: Options): Promise<string> {
  if (options.to.kind === "server") return "";
  if (!state.provider || state.provider.type === "passphrase") {
    const passphrase = neededPassphrase(options);
    const salt = saltOf(state);
    if (salt) await passphraseCrypter(passphrase, salt);
    return settingLines(salt);
  }
  const { url, encryptedkey } = providerSettings(state);
  return [
    typeof url === "string" ? `secretsprovider: ${JSON.stringify(url)}\n` : "",
    typeof encryptedkey === "string" ? `encryptedkey: ${JSON.stringify(encryptedkey)}\n` : "",
  ].join("");
}

function notesOf(state: State, name: StackName, target: StackName, options: Options): string[] {
  const notes: string[] = [];
  if (state.pending.length > 0)
    notes.push(
      `${state.pending.length} pending operations ${options.to.kind === "bucket" ? "are dropped by the CLI's import" : "come with it"}`,
    );
  const rounded = options.to.kind === "bucket" ? roundedNumbers(state).length : 0;
  if (rounded > 0) notes.push(`${rounded} numbers do not fit a double: the CLI's import rounds them, as each of its updates does`);
  const references = target.org === name.org ? [] : referencesOf(state).filter((text) => text.startsWith(`${name.org}/`));
  if (references.length > 0) notes.push(`its program refers to ${references.join(", ")}: name the new organization ${target.org} there`);
  if (options.projects && projectsOf(name, options).length === 0) notes.push(`the checkout has no project ${name.project}`);
  for (const project of projectsOf(name, options))
    if (project.hasBackend) notes.push(`Pulumi.yaml in ${project.folder} names a backend: change it`);
  const { provider } = state;
  if (provider && provider.type !== "service" && !options.toService) notes.push(`it keeps its secrets provider, ${provider.type}`);
  return notes;
}

export const titleOf = ({ name, target }: Pick<Examined, "name" | "target">): string =>
  nameText(name) === nameText(target) ? nameText(name) : `${nameText(name)} → ${nameText(target)}`;
