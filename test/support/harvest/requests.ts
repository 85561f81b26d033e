/** Random requests of an agent that is after the values of Secrets: what is valid, what is not, and what only looks so. */
import type { Chance } from "../crash/chance.ts";
import type { Call } from "../raw.ts";
import { accept } from "./accepts.ts";
import { type Aim, type Kind, pick, query } from "./aim.ts";
import { edited, type Shown } from "./edits.ts";
import { patch } from "./patches.ts";
import { LAST_APPLIED, NAMESPACES } from "./seeds.ts";

const LISTING = {
  limit: ["1", "2", "5", "500", "-1"],
  continue: ["", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJkYlx1MDAwMCJ9"],
  resourceVersion: ["0", "0", "0", "0", "1", "999999999", "x"],
  resourceVersionMatch: ["Exact", "NotOlderThan"],
  labelSelector: ["app=harvest", "app!=x", "app in (harvest,x)", "!app", "round", "%%%"],
  fieldSelector: [
    "metadata.name=db",
    "type=Opaque",
    "type!=kubernetes.io/tls",
    "data.password=x",
    "metadata.namespace=prod",
    "=",
  ],
  includeObject: ["Object", "Metadata", "None", "x"],
  timeoutSeconds: ["1"],
  pretty: ["true", "1"],
  export: ["true"],
};

const WATCHING = { ...LISTING, allowWatchBookmarks: ["true"], sendInitialEvents: ["true", "false"] };

const WRITING = {
  dryRun: ["All", "All", "All", "All", "x"],
  fieldManager: ["kubectl", "mallory", "mallory", "x".repeat(200)],
  fieldValidation: ["Strict", "Warn", "Ignore", "Ignore", "x"],
  force: ["true", "false"],
  pretty: ["true"],
  timeout: ["5s", "5s", "5s", "x"],
};

const DELETING = {
  dryRun: ["All"],
  labelSelector: ["app=harvest", "x"],
  propagationPolicy: ["Foreground", "Orphan", "Background", "x"],
  orphanDependents: ["true", "false"],
  gracePeriodSeconds: ["0", "-1", "100000", "x"],
  ignoreStoreReadErrorWithClusterBreakingPotential: ["true"],
};

const writing = (chance: Chance) =>
  chance.sometimes(0.4) ? query(chance, { dryRun: ["All"] }, 1) : query(chance, WRITING);
const one = ({ path, name }: Aim) => `${path}/${name}`;
const all = ({ api }: Aim) => `${api.base}/${api.plural}`;

function object(chance: Chance, { name, namespace, key, guess, word }: Aim): Record<string, unknown> {
  const base64 = Buffer.from(guess).toString("base64");
  const metadata = { name, namespace, labels: { app: "harvest" } };
  return pick<Record<string, unknown>>(chance, [
    ...Array.from({ length: 6 }, () => ({ data: { [key]: base64 } })),
    { data: { [key]: base64 }, metadata: { ...metadata, resourceVersion: "1" } },
    { data: { [key]: base64 }, metadata: { ...metadata, uid: "11111111-2222-3333-4444-555555555555" } },
    { data: { [key]: base64 }, metadata: { ...metadata, name: "another" } },
    { data: { [key]: base64 }, metadata: { ...metadata, namespace: "another" } },
    { data: { [key]: base64 }, metadata: { namespace, generateName: "made-" } },
    { data: { [key]: base64 }, metadata: { ...metadata, finalizers: ["x", "example.com/y"] } },
    { data: { [key]: base64 }, metadata: { ...metadata, ownerReferences: [{ kind: "Pod", name: "x" }] } },
    { data: { [key]: base64 }, metadata: { ...metadata, annotations: { [LAST_APPLIED]: "{}" } } },
    { data: { [key]: guess } },
    { data: { [key]: 7 } },
    { data: [base64] },
    { data: null },
    { stringData: { [key]: guess, "not a key!": guess } },
    { stringData: { [key]: guess }, type: "kubernetes.io/tls" },
    { stringData: { token: guess }, type: "bootstrap.kubernetes.io/token" },
    {
      type: "kubernetes.io/service-account-token",
      metadata: { ...metadata, annotations: { "kubernetes.io/service-account.name": "default" } },
    },
    { immutable: true, unknownField: word },
    {},
  ]);
}

function body(chance: Chance, aim: Aim): object | string {
  const metadata = { name: aim.name, namespace: aim.namespace };
  const whole = { apiVersion: aim.api.apiVersion, kind: aim.api.kind, metadata, ...object(chance, aim) };
  const broken = [{ ...whole, kind: "Pod" }, `{"kind": ${aim.word}`, "", "[]"];
  return chance.sometimes(0.9) ? whole : pick<object | string>(chance, broken);
}

const options = (chance: Chance) =>
  pick<object | undefined>(chance, [
    undefined,
    undefined,
    { propagationPolicy: "Foreground" },
    { propagationPolicy: "Orphan" },
    { orphanDependents: true },
    { dryRun: ["All"] },
    { dryRun: ["All"], propagationPolicy: "Foreground" },
    { preconditions: { uid: "x", resourceVersion: "1" } },
    { gracePeriodSeconds: 100000 },
    { kind: "DeleteOptions", apiVersion: "v1", ignoreStoreReadErrorWithClusterBreakingPotential: true },
    { unknown: 1 },
  ]);

const TYPES = [
  ...Array.from({ length: 8 }, () => "application/json"),
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/cbor",
  "text/plain",
];

function deletion(chance: Chance, path: string): Call {
  const given = options(chance);
  return {
    method: "DELETE",
    path: `${path}${query(chance, DELETING, 0.15)}`,
    accept: accept(chance),
    ...(given === undefined ? {} : { body: given }),
  };
}

function tokenRequest(chance: Chance, { namespace, word }: Aim): Call {
  const spec = {
    audiences: pick(chance, [[], ["x"], [word]]),
    expirationSeconds: pick(chance, [600, 1, -1]),
  };
  const account = pick(chance, ["default", "builder", "absent"]);
  return {
    method: pick(chance, ["POST", "POST", "PUT", "PATCH", "GET"]),
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token${query(chance, { dryRun: ["All"] })}`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec },
    accept: accept(chance),
  };
}

/** Where values could turn up beside the API of Secrets itself. */
const ELSEWHERE: readonly Kind[] = [
  () => ({ path: "/metrics" }),
  () => ({ path: "/debug/pprof/cmdline" }),
  () => ({ path: "/debug/api_priority_and_fairness/dump_requests?includeRequestDetails=1" }),
  () => ({ path: "/livez?verbose" }),
  () => ({ path: "/configz" }),
  () => ({ path: "/flagz" }),
  () => ({ path: "/statusz" }),
  () => ({ path: "/openapi/v2" }),
  (_, { api }) => ({ path: api.base }),
  (chance, { namespace }) => ({ path: `/api/v1/namespaces/${namespace}/events`, accept: accept(chance) }),
  (chance) => ({ path: "/apis/events.k8s.io/v1/events", accept: accept(chance) }),
  (chance) => ({ path: "/apis/hoop.dev/v1alpha1/approvals", accept: accept(chance) }),
  (chance) => ({ path: "/apis/hoop.dev/v1alpha1/records", accept: accept(chance) }),
  // With what lies beside it.
  (chance, { namespace }) => ({
    path: `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/records/${chance.between(0, 200)}`,
    accept: accept(chance),
  }),
  (chance) => ({ path: `/apis/hoop.dev/v1alpha1/ledgers/hoop/log/payload/${chance.between(0, 200)}` }),
  (chance, { namespace }) => ({
    path: `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/approvals?watch=1&timeoutSeconds=1`,
    accept: accept(chance),
  }),
  (chance) => ({ path: "/apis/hoop.dev/v1alpha1/records?watch=1&timeoutSeconds=1", accept: accept(chance) }),
  (chance, { namespace }) => ({
    path: `/api/v1/namespaces/${namespace}/serviceaccounts`,
    accept: accept(chance),
  }),
  () => ({ path: "/api/v1/namespaces/hoop-system/secrets" }),
  () => ({ path: "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.hoop.dev" }),
  (_, { word }) => ({
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/tokenreviews",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: word } },
  }),
];

const PRETENDED: readonly Record<string, string>[] = [
  { "impersonate-user": "admin" },
  { "impersonate-user": "human", "impersonate-group": "system:masters" },
  { "impersonate-user": "system:serviceaccount:hoop-system:hoop" },
  { "impersonate-user": "x", "impersonate-uid": "1" },
  { "impersonate-user": "x", "impersonate-extra-scopes": "all" },
  { "x-remote-user": "admin", "x-remote-group": "system:masters" },
];

function read(chance: Chance, aim: Aim): Call {
  const path = pick(chance, [
    `${one(aim)}${query(chance, { resourceVersion: ["0", "1", "x"], pretty: ["true"], includeObject: ["Object"] })}`,
    `${aim.path}${query(chance, LISTING)}`,
    `${all(aim)}${query(chance, LISTING)}`,
    `${all(aim)}?limit=${chance.between(1, 8)}${aim.next === "" ? "" : `&continue=${encodeURIComponent(aim.next)}`}`,
    `${one(aim)}/${pick(chance, ["status", "reveal", "scale", "data", "proxy", "log"])}`,
    `${aim.api.base}/namespaces/${aim.namespace}/%${aim.api.plural.charCodeAt(0).toString(16)}${aim.api.plural.slice(1)}/${aim.name}`,
    `${aim.api.base}/namespaces/${pick(chance, NAMESPACES)}/${aim.api.plural}//${aim.name}`,
  ]);
  return {
    method: pick(chance, ["GET", "GET", "GET", "GET", "HEAD", "OPTIONS"]),
    path,
    accept: accept(chance),
  };
}

function watch(chance: Chance, aim: Aim): Call {
  const parameters = query(chance, { ...WATCHING, timeoutSeconds: ["1"] }, 0.2).replace(/^\?/, "&");
  const path = pick(chance, [
    `${aim.path}?watch=1&timeoutSeconds=1${parameters}`,
    `${all(aim)}?watch=true&timeoutSeconds=1${parameters}`,
    `${aim.path}?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    `${aim.api.base}/watch/namespaces/${aim.namespace}/${aim.api.plural}/${aim.name}?timeoutSeconds=1`,
    `${aim.api.base}/watch/${aim.api.plural}?timeoutSeconds=1${parameters}`,
  ]);
  return { path, accept: accept(chance) };
}

/** Each with its weight. */
const KINDS: readonly (readonly [weight: number, kind: Kind])[] = [
  [20, read],
  [6, watch],
  [
    30,
    (chance, aim) => ({
      ...patch(chance, aim),
      path: `${one(aim)}${writing(chance)}`,
      accept: accept(chance),
    }),
  ],
  [
    10,
    (chance, aim) => ({
      method: "PUT",
      path: `${one(aim)}${writing(chance)}`,
      body: body(chance, aim),
      type: pick(chance, TYPES),
      accept: accept(chance),
    }),
  ],
  [
    8,
    (chance, aim) => ({
      method: "POST",
      path: `${chance.sometimes(0.9) ? aim.path : all(aim)}${writing(chance)}`,
      body: body(chance, chance.sometimes(0.4) ? { ...aim, name: "made" } : aim),
      type: pick(chance, TYPES),
      accept: accept(chance),
    }),
  ],
  [
    3,
    (chance, aim) => ({
      method: "POST",
      path: `${one(aim)}/${pick(chance, ["reveal", "reveal", "status", "token"])}${writing(chance)}`,
      body: { apiVersion: aim.api.apiVersion, kind: "SecretReveal", key: aim.key },
      accept: accept(chance),
    }),
  ],
  [10, (chance, aim) => deletion(chance, one(aim))],
  [6, (chance, aim) => deletion(chance, aim.path)],
  [4, tokenRequest],
  [4, (chance, aim) => pick(chance, ELSEWHERE)(chance, aim)],
  [4, (chance, aim) => ({ ...read(chance, aim), headers: pick(chance, PRETENDED) })],
];

const WEIGHTED = KINDS.flatMap(([weight, kind]) => Array.from({ length: weight }, () => kind));

/** Of all requests, as many send back what was shown. */
const EDITED = 0.2;

/** One of them; sometimes its answer is wanted packed. `shown`: an object that was shown before. */
export function request(chance: Chance, aim: Aim, shown: Shown | undefined): Call {
  const call =
    shown !== undefined && chance.sometimes(EDITED)
      ? dressed(chance, edited(chance, aim, shown))
      : pick(chance, WEIGHTED)(chance, aim);
  return chance.sometimes(0.1) ? { ...call, headers: { ...call.headers, "accept-encoding": "gzip" } } : call;
}

function dressed(chance: Chance, { path, ...call }: Omit<Call, "accept">): Call {
  const force = call.type === "application/apply-patch+yaml" ? { fieldManager: ["mallory"] } : {};
  const parameters = query(chance, { dryRun: ["All"] }, 0.5);
  const manager = query(chance, force, 1).replace("?", parameters === "" ? "?" : "&");
  return { ...call, path: `${path}${parameters}${manager}`, accept: accept(chance) };
}
