/** `kubectl hoop sessions`, `logout` and `kill`: which sessions there are, and their end. */
import { printable } from "#core/printable.ts";
import { isOpenPhase, type Session } from "#core/session/session.ts";
import { type Api, connectionArgs, hoopApi } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError, apiError, CommandError } from "../failure.ts";
import { hintingNamespace } from "../find.ts";
import { type ConnectionFlags, listNamespace, type OutputFlag, type WatchFlags } from "../flags.ts";
import { readJson } from "../json.ts";
import { keepWatching } from "../live.ts";
import { livePrinter, printList } from "../printing.ts";
import type { Cluster } from "../session/door.ts";
import { revoked } from "../session/exchange.ts";
import { fileOf, keep, keptIn } from "../session/kept.ts";
import { accessOf, sessionIn } from "../session/kubeconfig.ts";
import { sessionAt } from "../session/names.ts";
import { isOpen, phaseNow, sessionLook } from "../session/shown.ts";
import { type Terms, termsIn } from "../session/terms.ts";
import { leftOver } from "../session/ticket.ts";

export interface SessionsFlags extends ConnectionFlags, WatchFlags, OutputFlag {
  readonly agent: string | undefined;
  readonly all: boolean;
}

/** Sessions that were killed or deleted are in no list. */
const NAMES_OF_ALL = "The names of all there were: kubectl hoop records --kind session";

export async function sessions(this: Context, flags: SessionsFlags): Promise<void> {
  const api = hoopApi(this.kubectl, flags);
  if (flags.watch) return follow(this, api, flags);
  const list = await hintingNamespace(api.list("sessions", listNamespace(flags)));
  const items = list.items.filter(wanted(this, flags)).toSorted(byAge);
  await printList(this, flags.output, { ...list, items }, sessionLook(this), noneWords(flags));
}

function noneWords(flags: SessionsFlags): string {
  const namespace = listNamespace(flags);
  const where = namespace === undefined ? "" : ` in namespace ${namespace}`;
  const whose = flags.agent === undefined ? "" : ` of agent ${printable(flags.agent)}`;
  const found = `No ${flags.all ? "" : "active "}sessions${whose} found${where}.`;
  const ended = flags.all ? [] : ["Those that ended within a day: --all."];
  return [found, ...ended, `${NAMES_OF_ALL}.`].join(" ");
}

function wanted(context: Context, { agent, all }: Pick<SessionsFlags, "agent" | "all">) {
  return (session: Session) =>
    (all || isOpen(session, context.now())) &&
    (agent === undefined || isAgent(session.status.subject.username, agent));
}

/** A user name, or of a ServiceAccount NAMESPACE:NAME or NAMESPACE/NAME. */
function isAgent(username: string, asked: string): boolean {
  return username === asked || username === `system:serviceaccount:${asked.replace("/", ":")}`;
}

function byAge(a: Session, b: Session): number {
  return Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
}

async function follow(context: Context, api: Api, flags: SessionsFlags): Promise<void> {
  const print = livePrinter(context, flags.output, sessionLook(context));
  // Here an end is news, also where only what is active was asked for.
  const isWanted = wanted(context, { ...flags, all: true });
  const seen = new Map<string, string>();
  const isNews = (session: Session) => {
    const { phase, expiresAt } = session.status;
    const state = `${phase} ${expiresAt}`;
    const before = seen.get(session.metadata.uid);
    seen.set(session.metadata.uid, state);
    return before !== state;
  };
  await keepWatching(context, async (established) => {
    const list = await hintingNamespace(api.list("sessions", listNamespace(flags)));
    established();
    await print(list.items.filter(wanted(context, flags)).toSorted(byAge).filter(isNews));
    for await (const { type, object } of api.watch(
      "sessions",
      listNamespace(flags),
      list.metadata.resourceVersion,
    )) {
      const shown = type === "DELETED" ? gone(object) : object;
      if (isWanted(shown) && isNews(shown)) await print([shown]);
    }
  });
}

/** Who is told of a deletion is told how it was before. */
function gone(session: Session): Session {
  const { phase } = session.status;
  return { ...session, status: { ...session.status, phase: isOpenPhase(phase) ? "Ended" : phase } };
}

const NOT_NAMED = { namespace: undefined, name: undefined };

export async function logout(this: Context, flags: ConnectionFlags, session?: string): Promise<void> {
  const { namespace: named, name } = session === undefined ? NOT_NAMED : sessionAt(flags, session);
  const { cluster, namespace, user } = await accessOf(this, flags);
  const inside = sessionIn(cluster.server);
  const terms = termsIn(user);
  if (name === undefined && terms !== undefined) return leave(this, terms, cluster);
  if (name === undefined && inside === undefined)
    throw new CommandError("this kubeconfig is of no session: name one, or choose another with --kubeconfig");
  // Not through the session that is to end, but on the way by which it was begun.
  const connection = inside === undefined ? flags : { ...flags, server: inside.server };
  const ended = {
    name: name ?? inside?.name ?? "",
    namespace: named ?? flags.namespace ?? inside?.namespace ?? namespace ?? "default",
  };
  const over = (await overAlready(this, connection, ended)) ?? (await endedNow(this, connection, ended));
  // Of one that is named it is not known that it ever was there.
  if (over === GONE && name !== undefined)
    throw new CommandError(
      `no session ${name} in namespace ${ended.namespace}: it is over already (${GONE}), or in another one (-n)`,
    );
  this.process.stdout.write(`session.hoop.dev/${ended.name} ${overWords(over)}\n`);
}

const GONE = "killed, or logged out of";

function overWords(over: string | undefined): string {
  return over === undefined ? "ended" : `was over already: ${over}`;
}

/** How it came to its end before; undefined: it goes on, or that is not told. */
async function overAlready(
  context: Context,
  flags: ConnectionFlags,
  { namespace, name }: { namespace: string; name: string },
): Promise<string | undefined> {
  const at = `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/sessions/${name}`;
  const finished = await context.kubectl.run(["get", "--raw", at, ...connectionArgs(flags)]);
  if (finished.code !== 0) return isGone(apiError(finished)) ? GONE : undefined;
  const session = readJson(finished.stdout) as Session;
  return isOpen(session, context.now()) ? undefined : phaseNow(session, context.now());
}

/** Undefined: it was there. Rejects with {@link ApiError}. */
async function endedNow(...session: Parameters<typeof end>): Promise<string | undefined> {
  try {
    await end(...session);
    return undefined;
  } catch (error) {
    if (isGone(error)) return GONE;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.message.endsWith(" not found");
}

/** By the token of the session itself: whoever has it needs no right to delete sessions. */
async function leave(context: Context, terms: Terms, cluster: Cluster): Promise<void> {
  const file = fileOf(context, terms);
  const found = keptIn(file);
  if (found === undefined) throw new CommandError("no session is begun with this kubeconfig");
  if (found === "ended") throw new CommandError("the session of this kubeconfig was logged out of already");
  const over = await leftOver(context, found, cluster);
  if (over === undefined) await revoked(terms, found.token);
  keep(file, "ended");
  const words = over === undefined ? "ended" : `was over already: it ${over}`;
  context.process.stdout.write(`session.hoop.dev/${found.session.name} ${words}\n`);
}

export interface KillFlags extends ConnectionFlags {
  readonly agent: string | undefined;
  readonly profile: string | undefined;
  readonly yes: boolean;
}

/** Takes sessions back, whosever they are. */
export async function kill(this: Context, flags: KillFlags, ...names: string[]): Promise<void> {
  if (names.length === 0 && flags.agent === undefined && flags.profile === undefined)
    throw new CommandError("whose? Name sessions, or say --agent or --profile");
  const api = hoopApi(this.kubectl, flags);
  const asked = names.map((name) => ({ typed: name, ...sessionAt(flags, name) }));
  const [namespace, ...others] = new Set(asked.map((one) => one.namespace));
  const within = others.length === 0 ? (namespace ?? flags.namespace) : undefined;
  const list = await hintingNamespace(api.list("sessions", within));
  const active = list.items.filter(wanted(this, { agent: flags.agent, all: false }));
  const found = active.filter(
    (session) =>
      (names.length === 0 || asked.some(isCalled(session))) &&
      (flags.profile === undefined || session.spec.profile === flags.profile),
  );
  const unmet = asked.filter((one) => !found.some((session) => isCalled(session)(one)));
  const missing = unmet.map(({ typed }) => typed);
  if (missing.length > 0) {
    const over = list.items.filter((session) => unmet.some(isCalled(session)));
    const ends = over.map(
      (session) => `; ${session.metadata.name} is over (${phaseNow(session, this.now())})`,
    );
    throw new CommandError(`no active session is called ${missing.join(", ")}${ends.join("")}`);
  }
  if (found.length === 0) {
    this.process.stderr.write("No active sessions found.\n");
    return;
  }
  if (!(await isMeant(this, flags, found))) throw new CommandError("nothing was ended");
  await killAll(this, flags, found);
}

function isCalled({ metadata }: Session) {
  return ({ namespace = metadata.namespace, name }: { namespace: string | undefined; name: string }) =>
    name === metadata.name && namespace === metadata.namespace;
}

/** Every one is tried, whatever becomes of another. */
async function killAll(context: Context, flags: KillFlags, found: readonly Session[]): Promise<void> {
  const failures: string[] = [];
  for (const { metadata } of found) {
    try {
      await end(context, flags, metadata);
      context.process.stdout.write(`session.hoop.dev/${metadata.name} ended\n`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failures.push(`${metadata.namespace}/${metadata.name}: ${error.message}`);
    }
  }
  if (failures.length > 0) throw new CommandError(`still going on: ${failures.join("; ")}`);
}

function howMany({ length }: readonly Session[]): string {
  return length === 1 ? "1 session" : `${length} sessions`;
}

async function isMeant(context: Context, { yes }: KillFlags, found: readonly Session[]): Promise<boolean> {
  if (yes) return true;
  if (!context.interactive) throw new CommandError(`this ends ${howMany(found)}: say --yes`);
  const names = found.map(({ metadata, status }) =>
    printable(`  ${metadata.namespace}/${metadata.name} of ${status.subject.username}`),
  );
  const answer = await context.ask(`${names.join("\n")}\nEnd them, and all that goes on in them? [y/N] `);
  return /^y(es)?$/i.test(answer.trim());
}

/** Rejects with {@link ApiError}. */
async function end(
  { kubectl }: Context,
  flags: ConnectionFlags,
  { namespace, name }: { namespace: string; name: string },
): Promise<void> {
  const what = ["delete", "sessions.v1alpha1.hoop.dev", name, `--namespace=${namespace}`, "--wait=false"];
  const finished = await kubectl.run([...what, "--output=name", ...connectionArgs(flags)]);
  if (finished.code !== 0) throw apiError(finished);
}
