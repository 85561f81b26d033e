/**
 * Our registrations with the API server are files that people apply. Of these objects only two things are ours, set
 * by server-side apply: the CA bundle, and the matchCondition that says which requests concern us.
 */
import type { Log } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";
import { follow, type Listed } from "./list-watch.ts";

export interface MatchCondition {
  name: string;
  /** CEL. Must not fail for any request: with failurePolicy Fail a failing expression refuses everybody. */
  expression: string;
}

export interface Wanted {
  /** PEM. */
  caBundle: string;
  matchCondition: MatchCondition;
}

export interface Names {
  /** ValidatingWebhookConfigurations. Each webhook in them is ours. */
  validating: readonly string[];
  /** ValidatingWebhookConfigurations for requests of everybody: their conditions are not ours. */
  forEverybody: readonly string[];
  /** MutatingWebhookConfigurations, likewise. */
  mutating: readonly string[];
  /** MutatingAdmissionPolicies, which API servers before 1.36 do not have. */
  policies: readonly string[];
  /** ValidatingAdmissionPolicies. */
  validatingPolicies: readonly string[];
  apiService: string;
}

export interface RegistrationState {
  kind: string;
  name: string;
  /** Whether the object exists. Where it does not, nothing is created. */
  present: boolean;
  /** Why it is not as it should be; "" where it is. */
  problem: string;
}

export interface Registrations {
  /** Brings everything in line now and tells how what concerns agents stands. Never rejects. */
  assert(): Promise<RegistrationState[]>;
  /** What is wanted from now on (a renewed CA, other agents); takes effect at once. */
  want(wanted: Partial<Wanted>): Promise<RegistrationState[]>;
  stop(): Promise<void>;
}

const FIELD_MANAGER = "hoop";
const EVERY = 30_000;

interface Webhook {
  name: string;
  clientConfig?: { caBundle?: string };
  matchConditions?: MatchCondition[];
}
type Configuration = Listed & { webhooks?: Webhook[] };
type Policy = Listed & { spec?: { matchConditions?: MatchCondition[] } };
type ApiService = Listed & { spec?: { caBundle?: string } };

/** What to apply to one object, and in a word each what that changes. */
interface Difference {
  members: object;
  changes: string[];
}

/** One registered object: where it is, and what of it should be ours. */
interface Target {
  apiVersion: string;
  kind: string;
  collection: string;
  name: string;
  /** It stands in nobody's way: what is wrong with it keeps nothing else from being as it should be. */
  isCheck?: true;
  /** Undefined where nothing differs. Without a wanted matchCondition the one that is there stays. */
  difference: (object: unknown, wanted: Wish) => Difference | undefined;
}

type Wish = Pick<Wanted, "caBundle"> & Partial<Wanted>;

export function ownRegistrations(client: Client, names: Names, wanted: Wanted, log: Log): Registrations {
  const targets = [
    ...names.validating.map((name) => webhookTarget("ValidatingWebhookConfiguration", name)),
    ...names.forEverybody.map(configTarget),
    ...names.mutating.map((name) => webhookTarget("MutatingWebhookConfiguration", name)),
    ...names.policies.map((name) =>
      policyTarget("MutatingAdmissionPolicy", "mutatingadmissionpolicies", name),
    ),
    ...names.validatingPolicies.map((name) =>
      policyTarget("ValidatingAdmissionPolicy", "validatingadmissionpolicies", name),
    ),
    apiServiceTarget(names.apiService),
  ];
  const told = new Map<string, string>();
  let current = wanted;
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<RegistrationState[]> | undefined;
  let stopped = false;

  /** One at a time, so that an older wish never overtakes a newer one; who comes while one waits shares it. */
  function assert(): Promise<RegistrationState[]> {
    next ??= running.then(async () => {
      next = undefined;
      const states = stopped ? [] : await assertAll(client, targets, current, log);
      for (const { kind, name, problem } of states) {
        if (problem !== "" && told.get(`${kind}/${name}`) !== problem) {
          log.error({ kind, name, problem }, "registration is not as it should be");
        }
        told.set(`${kind}/${name}`, problem);
      }
      return states.filter(({ name }) => !names.forEverybody.includes(name));
    });
    running = next;
    return next;
  }

  const changed = () => void assert();
  const watches = targets.map((target) =>
    follow(
      client,
      {
        path: target.collection,
        fieldSelector: `metadata.name=${target.name}`,
        replace: changed,
        put: changed,
        remove: changed,
      },
      log,
    ),
  );
  const timer = setInterval(changed, EVERY);
  return {
    assert,
    want(update) {
      current = { ...current, ...update };
      return assert();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all(watches.map((watch) => watch.stop()));
      await running;
    },
  };
}

/**
 * Everything is tried by dry run before anything is switched on. An expression that one object refuses is switched
 * on nowhere; the CA bundle still is, because without it nobody reaches us.
 */
async function assertAll(
  client: Client,
  targets: readonly Target[],
  wish: Wish,
  log: Log,
): Promise<RegistrationState[]> {
  const plans = await Promise.all(targets.map((target) => plan(client, target, wish)));
  const refused = plans.find(({ problem, target }) => problem !== "" && target.isCheck === undefined);
  if (refused !== undefined && wish.matchCondition !== undefined) {
    const states = await assertAll(client, targets, { caBundle: wish.caBundle }, log);
    const why = `${refused.target.kind} ${refused.target.name}: ${refused.problem}`;
    return states.map((state) =>
      state.present && state.problem === "" ? { ...state, problem: why } : state,
    );
  }
  return Promise.all(plans.map((p) => carryOut(client, p, log)));
}

interface Plan {
  target: Target;
  present: boolean;
  patch?: object;
  changes: string[];
  problem: string;
}

async function plan(client: Client, target: Target, wish: Wish): Promise<Plan> {
  try {
    const object = await client.request<Listed>({ path: where(target) });
    const difference = target.difference(object, wish);
    if (difference === undefined) return { target, present: true, changes: [], problem: "" };
    const { members, changes } = difference;
    // The uid keeps apply from creating what was deleted in the meantime.
    const patch = { metadata: { name: target.name, uid: object.metadata.uid }, ...members };
    const problem = await problemOf(apply(client, target, patch, true));
    return { target, present: true, patch, changes, problem };
  } catch (error) {
    const problem = isNotFound(error) ? "" : message(error);
    return { target, present: false, changes: [], problem };
  }
}

async function carryOut(client: Client, made: Plan, log: Log): Promise<RegistrationState> {
  const { target, present, patch, changes } = made;
  const { kind, name } = target;
  if (patch === undefined || made.problem !== "") return { kind, name, present, problem: made.problem };
  const problem = await problemOf(apply(client, target, patch, false));
  if (problem === "")
    log.info({ kind, name, changes: changes.map((change) => change.slice(0, 100)) }, "registration updated");
  return { kind, name, present, problem };
}

async function apply(client: Client, target: Target, patch: object, dryRun: boolean): Promise<void> {
  await client.request({
    method: "PATCH",
    path: where(target),
    query: { fieldManager: FIELD_MANAGER, force: "true", ...(dryRun && { dryRun: "All" }) },
    contentType: "application/apply-patch+yaml",
    body: { apiVersion: target.apiVersion, kind: target.kind, ...patch },
  });
}

function where(target: Target): string {
  return target.collection + path(target.name);
}

async function problemOf(call: Promise<void>): Promise<string> {
  try {
    await call;
    return "";
  } catch (error) {
    return message(error);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function webhookTarget(kind: string, name: string): Target {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind,
    collection: `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s`,
    name,
    difference(object, { caBundle, matchCondition }) {
      const encoded = Buffer.from(caBundle).toString("base64");
      const webhooks = (object as Configuration).webhooks ?? [];
      const changes = [
        ...(webhooks.some((webhook) => webhook.clientConfig?.caBundle !== encoded) ? ["caBundle"] : []),
        ...(matchCondition !== undefined && webhooks.some((webhook) => !hasCondition(webhook, matchCondition))
          ? [conditionChange(matchCondition)]
          : []),
      ];
      if (changes.length === 0) return undefined;
      // Applying without a condition that we applied before would remove it: hence those that are there.
      const members = webhooks.map((webhook) => ({
        name: webhook.name,
        clientConfig: { caBundle: encoded },
        matchConditions: matchCondition === undefined ? (webhook.matchConditions ?? []) : [matchCondition],
      }));
      return { members: { webhooks: members }, changes };
    },
  };
}

/** Only the CA bundle of its webhooks is ours. */
function configTarget(name: string): Target {
  const target = webhookTarget("ValidatingWebhookConfiguration", name);
  return {
    ...target,
    isCheck: true,
    difference(object, { caBundle }) {
      const { webhooks = [] } = object as Configuration;
      const encoded = Buffer.from(caBundle).toString("base64");
      if (webhooks.every(({ clientConfig }) => clientConfig?.caBundle === encoded)) return undefined;
      const members = webhooks.map((webhook) => ({
        name: webhook.name,
        clientConfig: { caBundle: encoded },
      }));
      return { members: { webhooks: members }, changes: ["caBundle"] };
    },
  };
}

function hasCondition(
  { matchConditions }: { matchConditions?: MatchCondition[] },
  wanted: MatchCondition,
): boolean {
  const found = matchConditions?.find(({ name }) => name === wanted.name);
  return found?.expression === wanted.expression;
}

function conditionChange({ name, expression }: MatchCondition): string {
  return `matchCondition ${name}: ${expression}`;
}

/** A policy is evaluated by the API server itself, so there is no CA bundle; its other conditions stay. */
function policyTarget(kind: string, plural: string, name: string): Target {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind,
    collection: `/apis/admissionregistration.k8s.io/v1/${plural}`,
    name,
    difference(object, { matchCondition }) {
      const spec = (object as Policy).spec ?? {};
      if (matchCondition === undefined || hasCondition(spec, matchCondition)) return undefined;
      return {
        members: { spec: { matchConditions: [matchCondition] } },
        changes: [conditionChange(matchCondition)],
      };
    },
  };
}

function apiServiceTarget(name: string): Target {
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    collection: "/apis/apiregistration.k8s.io/v1/apiservices",
    name,
    difference(object, { caBundle }) {
      const encoded = Buffer.from(caBundle).toString("base64");
      if ((object as ApiService).spec?.caBundle === encoded) return undefined;
      return { members: { spec: { caBundle: encoded } }, changes: ["caBundle"] };
    },
  };
}
