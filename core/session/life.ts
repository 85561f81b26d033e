/**
 * The life of a session:
 *
 *     (made) ──▶ Active ── time, or its window closes ──▶ Expired
 *        │        ▲ ├── not used for too long ──▶ Ended
 *        │     people├── its profile no longer allows it, or is gone ──▶ Revoked
 *        ▼  approve │└── deleted ──▶ (gone)
 *      Pending ─────┴── people deny ──▶ Denied; the rest as above
 *
 * Pure; each function leaves what it is given as it is.
 */
import type { UserInfo } from "../admission.ts";
import { credentialOf } from "../admission.ts";
import { type AgentMatcher, enrolment, serviceAccountUser } from "../agents.ts";
import { matches, type Presented } from "../exchange/match.ts";
import { seconds } from "../times.ts";
import { inSession } from "./extras.ts";
import type { Profile, SessionTerms } from "./profile.ts";
import {
  durationSeconds,
  durationWords,
  isOpenPhase,
  type Session,
  type SessionPhase,
  type SessionStatus,
} from "./session.ts";
import { closesAt, isOpen } from "./windows.ts";

/** Whom a session may never act as: what these are for is the cluster's own business. */
const CLOSED_NAMESPACES = ["kube-system", "kube-public", "kube-node-lease"];

/** What goes into an HTTP header line and comes out the same. */
const PLAIN = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/** `field`: what of the spec is wrong. Without one: this caller may not have it. */
export type Begun = { status: SessionStatus } | { refused: string; field?: "spec.duration" | "spec.profile" };

export interface BeginPorts {
  agents: Pick<AgentMatcher, "identify">;
  /** The AgentProfile of that name, as it is now. */
  profile: (name: string) => Profile | undefined;
  installationNamespace: string;
}

/** Why no session begins now. */
export const CLOSED =
  "none of the windows is open in which this AgentProfile has sessions: its spec.session.windows say when";

const UNNAMED =
  "there is no such AgentProfile that names you: kubectl auth whoami shows your name and groups";
const unfit = (profile: string) =>
  `no AgentProfile ${profile} accepts your token: compare its spec.tokens with the token's issuer and claims`;
const BROKEN = "something in this AgentProfile cannot work: kubectl describe agentprofile shows what";

/** Whether this caller may have such a session, and how it begins. */
export function begin(
  ports: BeginPorts,
  caller: UserInfo,
  { metadata, spec }: Pick<Session, "spec"> & { metadata: { namespace?: string; name: string } },
  now: number,
): Begun {
  if (inSession(caller)) return { refused: "a session begins no other" };
  if (ports.agents.identify(caller).kind !== "agent") return { refused: "only agents have sessions" };
  const allowed = allows(ports, spec.profile, caller);
  if ("refused" in allowed) return allowed;
  const { terms } = allowed;
  if (!isOpen(terms.windows, now)) return { refused: CLOSED, field: "spec.profile" };
  const length = spec.duration === undefined ? terms.defaultSeconds : durationSeconds(spec.duration);
  const unfitting = lengthProblem(length, terms);
  if (unfitting !== undefined) return { refused: unfitting, field: "spec.duration" };
  const credentialID = credentialOf(caller);
  return {
    status: {
      ...timesOf(terms, length, now),
      subject: {
        username: caller.username,
        ...(caller.uid === "" ? {} : { uid: caller.uid }),
        groups: [...caller.groups],
        extra: Object.fromEntries([...caller.extra].map(([key, values]) => [key, [...values]])),
        ...(credentialID === "" ? {} : { credentialID }),
      },
      serviceAccount: { ...terms.serviceAccount },
      ...(terms.idleSeconds === 0 ? {} : { idleSeconds: terms.idleSeconds }),
      path: `/apis/hoop.dev/v1alpha1/namespaces/${metadata.namespace ?? ""}/sessions/${metadata.name}/proxy`,
    },
  };
}

/** Why it cannot be of that length, in seconds. */
export function lengthProblem(length: number, { maxSeconds }: SessionTerms): string | undefined {
  if (length < 1) return "a session lasts 1s at least";
  return length > maxSeconds ? `the profile allows at most ${durationWords(maxSeconds)}` : undefined;
}

/** How one of that length, in seconds, begins: at once, or with the wait for people. */
export function timesOf(
  { approval, windows }: SessionTerms,
  length: number,
  now: number,
): Pick<SessionStatus, "phase" | "startedAt" | "expiresAt" | "seconds"> {
  const until = closesAt(windows, now, now + (approval?.seconds ?? length) * 1000);
  return {
    phase: approval === undefined ? "Active" : "Pending",
    ...(approval === undefined ? {} : { seconds: length }),
    ...{ startedAt: seconds(now), expiresAt: seconds(until) },
  };
}

/** People have approved it: its time counts from now on. */
export function approved(session: Session, terms: SessionTerms, now: number): Session {
  const { status } = session;
  const length = Math.min(status.seconds ?? terms.defaultSeconds, terms.maxSeconds);
  const until = closesAt(terms.windows, now, now + length * 1000);
  return {
    ...session,
    status: { ...status, phase: "Active", startedAt: seconds(now), expiresAt: seconds(until) },
  };
}

/** With another length from its beginning on, or why it cannot have that. */
export function extended(
  ports: BeginPorts,
  session: Session,
  duration: string | undefined,
  now: number,
): { status: SessionStatus } | { refused: string } {
  const { status, spec } = session;
  const phase = phaseAt(session, now);
  if (phase !== "Active") return { refused: phase === "Pending" ? "it waits for approval" : "it is over" };
  const terms = ports.profile(spec.profile)?.session;
  if (terms === undefined) return { refused: "its AgentProfile has no sessions any more" };
  const length = duration === undefined ? terms.defaultSeconds : durationSeconds(duration);
  const unfitting = lengthProblem(length, terms);
  if (unfitting !== undefined) return { refused: `${unfitting}, from its beginning on` };
  if (terms.approval !== undefined && status.seconds === undefined)
    return { refused: "people have to approve sessions of its AgentProfile now: begin another one" };
  if (status.seconds !== undefined && length > status.seconds)
    return { refused: `people have approved ${durationWords(status.seconds)}: begin another one` };
  const until = closesAt(terms.windows, now, Date.parse(status.startedAt) + length * 1000);
  return { status: { ...status, expiresAt: seconds(until) } };
}

/** The terms on which the profile gives this caller sessions, or why it does not. */
export function allows(
  { agents, profile: profileNamed, installationNamespace }: BeginPorts,
  name: string,
  caller: UserInfo,
  identity?: Presented,
): { terms: NonNullable<Profile["session"]> } | { refused: string; field?: "spec.profile" } {
  const profile = profileNamed(name);
  // To whom it does not belong it might as well not be there.
  if (profile === undefined || !isFor(profile, caller, identity))
    return { refused: identity === undefined ? UNNAMED : unfit(name), field: "spec.profile" };
  const { session: terms, problem = "" } = profile;
  if (problem !== "") return { refused: BROKEN, field: "spec.profile" };
  if (terms === undefined)
    return { refused: "this AgentProfile has no spec.session: it gives none", field: "spec.profile" };
  const { namespace, name: account } = terms.serviceAccount;
  if (namespace === installationNamespace || CLOSED_NAMESPACES.includes(namespace))
    return {
      refused: "its ServiceAccount lies in a namespace that no session may act in: it must name another",
    };
  const acting = {
    username: serviceAccountUser(`${namespace}/${account}`),
    uid: "",
    groups: [],
    extra: new Map(),
  };
  if (agents.identify(acting).kind !== "agent")
    return { refused: "its ServiceAccount is not known as an agent's yet: try again in a moment" };
  if (!PLAIN.test(caller.username) || !PLAIN.test(profile.name))
    return { refused: "your user name cannot be told to the API server: it is not of plain ASCII" };
  return { terms };
}

/** Whom a token names is known by that alone, whatever other names he has. */
function isFor({ agents, tokens = [] }: Profile, caller: UserInfo, identity: Presented | undefined): boolean {
  return identity === undefined ? enrolment(agents)(caller) : matches(tokens, identity);
}

/** The phase as of now: what has run out is Expired, whether or not that was written yet. */
export function phaseAt({ status }: Session, now: number): SessionPhase {
  return isOpenPhase(status.phase) && Date.parse(status.expiresAt) <= now ? "Expired" : status.phase;
}

export interface End {
  phase: Exclude<SessionPhase, "Active" | "Pending">;
  message: string;
}

/** Why it is over, by now; undefined: it goes on. `lastUsed`: milliseconds since the epoch. */
export function endOf(ports: BeginPorts, session: Session, now: number, lastUsed: number): End | undefined {
  const { status, spec } = session;
  if (!isOpenPhase(status.phase)) return undefined;
  const waits = status.phase === "Pending";
  if (phaseAt(session, now) === "Expired")
    return { phase: "Expired", message: waits ? "nobody approved it in time" : "its time is over" };
  const allowed = allows(ports, spec.profile, subjectOf(session), status.identity);
  if ("refused" in allowed) return { phase: "Revoked", message: `its AgentProfile: ${allowed.refused}` };
  const { serviceAccount, windows } = allowed.terms;
  const isSame =
    serviceAccount.namespace === status.serviceAccount.namespace &&
    serviceAccount.name === status.serviceAccount.name;
  if (!isSame) return { phase: "Revoked", message: "its AgentProfile names another ServiceAccount now" };
  if (!isOpen(windows, now)) return { phase: "Revoked", message: "its AgentProfile has other windows now" };
  if (!waits && status.idleSeconds !== undefined && lastUsed + status.idleSeconds * 1000 <= now)
    return { phase: "Ended", message: `it was not used for ${status.idleSeconds}s` };
  return undefined;
}

export function ended(session: Session, { phase, message }: End, now: number): Session {
  return { ...session, status: { ...session.status, phase, message, endedAt: seconds(now) } };
}

/** Why this caller may not use it; undefined: he may. Another's session does not exist to him. */
export function misuse(session: Session, caller: UserInfo): "not-found" | "another-credential" | undefined {
  const { subject, doorway } = session.status;
  // All who come by the doorway have the same name: to each the others' sessions do not exist.
  if (doorway !== undefined)
    return doorway.username === caller.username && doorway.credentialID === credentialOf(caller)
      ? undefined
      : "not-found";
  if (subject.username !== caller.username || (subject.uid ?? "") !== caller.uid || inSession(caller))
    return "not-found";
  return (subject.credentialID ?? "") === credentialOf(caller) ? undefined : "another-credential";
}

/** Its agent, as it was when the session began. */
export function subjectOf({ status: { subject } }: Pick<Session, "status">): UserInfo {
  const extra = new Map(Object.entries(subject.extra));
  return { username: subject.username, uid: subject.uid ?? "", groups: subject.groups, extra };
}
