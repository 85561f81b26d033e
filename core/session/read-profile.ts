/** The spec of an AgentProfile: as the CustomResourceDefinition in deploy/ has it, as sessions go by it, and what of it cannot work. */
import type { AgentSettings, Owned } from "../agents.ts";
import { whenProblem } from "../exchange/when.ts";
import { type Exemption, exemptionProblem } from "../mask/exempt.ts";
import type { Problem } from "../policy/read.ts";
import type { Profile, SessionApproval, SessionTerms } from "./profile.ts";
import { durationSeconds } from "./session.ts";
import { type Day, isTimeZone, minutesOf } from "./windows.ts";

export interface AgentProfileSpec {
  users?: string[];
  groups?: string[];
  serviceAccounts?: { namespace: string; name: string }[];
  extras?: { key: string; values: string[] }[];
  tokens?: { issuer: string; claims?: { claim: string; values: string[] }[]; when?: string }[];
  owners?: { users?: string[]; groups?: string[] };
  require?: "session";
  session?: SessionSpec;
}

interface SessionSpec {
  serviceAccount: { namespace: string; name: string };
  duration?: { default?: string; max?: string };
  idleTimeout?: string;
  maxSessions?: number;
  requestsPerSecond?: number;
  exec?: { stdin?: boolean; tty?: boolean };
  portForward?: boolean;
  forwardedPorts?: number[];
  approval?: { approvers: { groups?: string[]; count?: number }[]; expiresIn?: string; reason?: string };
  windows?: { days?: Day[]; from: string; to: string; timeZone?: string }[];
  reveal?: { secret: string; keys: string[] }[];
  exempt?: Exemption[];
  keep?: { requestBytes?: number; responseBytes?: number };
}

const KEPT_BYTES = 256 * 1024;

export function profileOf(name: string, spec: AgentProfileSpec): Profile {
  const [problem] = profileProblems(spec);
  return {
    ...{ name, agents: namedBy(spec) },
    tokens: (spec.tokens ?? []).map(({ claims = [], ...token }) => ({ ...token, claims })),
    problem: problem === undefined ? "" : problemText(problem),
    ...(spec.session === undefined ? {} : { session: termsOf(spec.session) }),
  };
}

/** Whom it names, and whose they are. */
export function ownedBy(name: string, spec: AgentProfileSpec): Owned {
  const { session, owners = {} } = spec;
  const named = namedBy(spec);
  // What is done in a session is done by an agent, and by one of theirs.
  const account = session?.serviceAccount;
  const actsAs = account === undefined ? [] : [`${account.namespace}/${account.name}`];
  const agents = { ...named, serviceAccounts: [...named.serviceAccounts, ...actsAs] };
  return {
    agents,
    owners: { users: owners.users ?? [], groups: owners.groups ?? [] },
    ...(spec.require === "session" ? { requiresSession: name } : {}),
  };
}

export function namedBy({
  users = [],
  groups = [],
  serviceAccounts = [],
  extras = [],
}: AgentProfileSpec): AgentSettings {
  return {
    ...{ users, groups },
    serviceAccounts: serviceAccounts.map(({ namespace, name }) => `${namespace}/${name}`),
    extras: Object.fromEntries(extras.map(({ key, values }) => [key, values])),
  };
}

/** What its CustomResourceDefinition cannot tell. */
export function profileProblems({ tokens = [], session }: AgentProfileSpec): Problem[] {
  const untold = tokens.flatMap(({ when }, i): Problem[] => {
    const error = when === undefined ? undefined : whenProblem(when);
    return error === undefined ? [] : [{ path: `spec.tokens[${i}].when`, ...error }];
  });
  const nowhere = (session?.windows ?? []).flatMap(({ timeZone = "UTC" }, i): Problem[] =>
    isTimeZone(timeZone)
      ? []
      : [{ path: `spec.session.windows[${i}].timeZone`, message: "there is no such time zone" }],
  );
  const unreadable = (session?.exempt ?? []).flatMap((exemption, i): Problem[] => {
    const message = exemptionProblem(exemption);
    return message === undefined ? [] : [{ path: `spec.session.exempt[${i}].text`, message }];
  });
  return [...untold, ...nowhere, ...unreadable, ...portsInVain(session)];
}

/** The definition says it, too; one from before may be stored. */
function portsInVain({ portForward = false, forwardedPorts }: Partial<SessionSpec> = {}): Problem[] {
  if (portForward || forwardedPorts === undefined) return [];
  return [{ path: "spec.session.forwardedPorts", message: "forwardedPorts needs portForward: true" }];
}

function problemText({ path, message, line, column }: Problem): string {
  return line === undefined
    ? `${path}: ${message}`
    : `${path}: line ${line}, column ${column ?? 1}: ${message}`;
}

function termsOf({ serviceAccount, duration = {}, idleTimeout, ...rest }: SessionSpec): SessionTerms {
  const { exec = {}, keep = {}, windows = [], reveal = [], exempt = [], approval } = rest;
  const maxSeconds = durationSeconds(duration.max ?? "8h");
  return {
    serviceAccount: { namespace: serviceAccount.namespace, name: serviceAccount.name },
    defaultSeconds: Math.min(durationSeconds(duration.default ?? "1h"), maxSeconds),
    maxSeconds,
    idleSeconds: idleTimeout === undefined ? 0 : durationSeconds(idleTimeout),
    maxSessions: rest.maxSessions ?? 10,
    requestsPerSecond: rest.requestsPerSecond ?? 50,
    exec: { stdin: exec.stdin ?? true, tty: exec.tty ?? true },
    portForward: rest.portForward ?? false,
    ...(rest.forwardedPorts === undefined ? {} : { forwardedPorts: rest.forwardedPorts }),
    reveal,
    exempt,
    keep: {
      requestBytes: keep.requestBytes ?? KEPT_BYTES,
      responseBytes: keep.responseBytes ?? KEPT_BYTES,
    },
    ...(approval === undefined ? {} : { approval: approvalOf(approval) }),
    windows: windows.map(({ days = [], from, to, timeZone = "UTC" }) => ({
      ...{ days, timeZone },
      from: minutesOf(from),
      to: minutesOf(to),
    })),
  };
}

function approvalOf({
  approvers,
  expiresIn = "1h",
  ...rest
}: NonNullable<SessionSpec["approval"]>): SessionApproval {
  return {
    ...rest,
    seconds: durationSeconds(expiresIn),
    approvers: approvers.map(({ groups = [], count = 1 }) => ({ groups, count })),
  };
}
