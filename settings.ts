/** The settings of the Hoop server: one schema with its defaults. Read from a YAML or JSON file by `main.ts`. */
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import { parse } from "yaml";

const Names = Type.Array(Type.String({ minLength: 1 }), { default: [] });
const Seconds = (fallback: number, minimum = 1) => Type.Integer({ minimum, default: fallback });
const strict = { additionalProperties: false, default: {} };

export const Settings = Type.Object(
  {
    namespace: Type.String({ default: "hoop-system", description: "Where Hoop is installed." }),
    service: Type.String({ default: "hoop", description: "The Service in front of it." }),
    kubeconfig: Type.Optional(Type.String({ description: "Left out: the pod's own ServiceAccount." })),
    identity: Type.String({
      default: "system:serviceaccount:hoop-system:hoop",
      description: "The user Hoop is to the API server; never an agent.",
    }),
    listen: Type.Object(
      {
        host: Type.String({ default: "0.0.0.0" }),
        api: Type.Integer({ default: 6443, minimum: 0, maximum: 65535 }),
        webhook: Type.Integer({ default: 9443, minimum: 0, maximum: 65535 }),
        web: Type.Integer({
          default: 8080,
          minimum: 0,
          maximum: 65535,
          description: "Plain HTTP for /livez, /readyz and /metrics.",
        }),
      },
      strict,
    ),
    store: Type.Union(
      [
        Type.Object({ driver: Type.Literal("sqlite"), file: Type.String() }, { additionalProperties: false }),
        Type.Object({ driver: Type.Literal("memory") }, { additionalProperties: false }),
      ],
      { default: { driver: "sqlite", file: "/var/lib/hoop/hoop.db" } },
    ),
    search: Type.Object(
      {
        file: Type.Optional(
          Type.String({
            description:
              "Database file of the search index. Left out: hoop-search.db beside the store, named after that. Made from the ledger, so it needs no backup.",
          }),
        ),
      },
      strict,
    ),
    certificates: Type.String({
      default: "/var/lib/hoop/certificates",
      description: "Directory of CA and certificates; what is missing is made.",
    }),
    ledger: Type.Object(
      {
        key: Type.Optional(
          Type.String({
            description:
              "File of the keys that sign the ledger. Left out: ledger.key beside the directory of the certificates. Made where there is none.",
          }),
        ),
        publish: Type.Optional(
          Type.String({
            description:
              "Directory to which entries, tiles and checkpoints are published (C2SP tlog-tiles), without payloads.",
          }),
        ),
        publishSeconds: Seconds(10),
        payloadDays: Type.Integer({
          minimum: 0,
          default: 0,
          description: "After how many days payloads are erased; entries and proofs stay. 0: never.",
        }),
        holds: Type.Array(
          Type.Object(
            {
              agent: Type.Optional(Type.String()),
              namespace: Type.Optional(Type.String()),
              approval: Type.Optional(Type.String()),
            },
            { additionalProperties: false, minProperties: 1 },
          ),
          {
            default: [],
            description:
              "Legal holds: payloads of entries that fit all that one of them names are kept, however old.",
          },
        ),
      },
      strict,
    ),
    backups: Type.Object(
      {
        directory: Type.Optional(
          Type.String({
            description: "Where backups of the store are put. Left out: none are made by themselves.",
          }),
        ),
        everySeconds: Type.Integer({
          minimum: 0,
          default: 86_400,
          description: "How often one is made. 0: only when asked for (--backup).",
        }),
        keep: Type.Integer({ minimum: 1, default: 7, description: "How many of the newest are kept." }),
      },
      strict,
    ),
    audit: Type.Object(
      {
        waitSeconds: Type.Integer({
          minimum: 1,
          default: 60,
          description:
            "How long the API server's audit event of a write may take, where events come: after that the object is looked at, or a gap is recorded.",
        }),
      },
      strict,
    ),
    agents: Type.Object(
      {
        groups: Type.Array(Type.String(), { default: ["hoop:agents"] }),
        users: Names,
        serviceAccounts: Type.Array(Type.String({ pattern: "^[^/:]+/[^/:]+$" }), {
          default: [],
          description: "NAMESPACE/NAME.",
        }),
        extras: Type.Record(Type.String(), Type.Array(Type.String()), { default: {} }),
      },
      strict,
    ),
    hold: Type.Object(
      {
        maxWaitSeconds: Type.Integer({
          minimum: 0,
          maximum: 280,
          default: 100,
          description:
            "How long a client that asks again by itself is kept waiting. Agents' shells often end a silent command at 120 s.",
        }),
        maxWaiters: Type.Integer({
          minimum: 0,
          default: 50,
          description:
            "How many held requests may wait here at once; the rest are told when to ask again. Keep it below half of the seats of the agents' priority level.",
        }),
        maxPendingPerAgent: Type.Integer({
          minimum: 1,
          default: 100,
          description:
            "How many requests of one agent may wait for people at once; more are denied, so that nobody is buried in them.",
        }),
        pendingSeconds: Seconds(3600),
        approvedSeconds: Seconds(600),
        approvers: Type.Object({ groups: Names, count: Type.Integer({ minimum: 1, default: 1 }) }, strict),
      },
      strict,
    ),
    digest: Type.Object(
      {
        volatilePaths: Type.Array(Type.String(), {
          default: [],
          description: "Dotted paths that other mutating webhooks fill with chance or time.",
        }),
      },
      strict,
    ),
    workloads: Type.Array(
      Type.Object(
        {
          group: Type.String({ description: "The API group." }),
          resource: Type.String({ minLength: 1, description: "Its plural name." }),
          path: Type.String({
            pattern: "^[^.]+(\\.[^.]+)*$",
            description: "Where its pods are described, such as spec.template.spec.",
          }),
        },
        { additionalProperties: false },
      ),
      {
        default: [],
        description:
          "Kinds with pod templates beside Kubernetes' own, such as those of CustomResourceDefinitions.",
      },
    ),
    exchange: Type.Object(
      {
        issuers: Type.Array(
          Type.Object(
            {
              issuer: Type.String({ pattern: "^https://|^http://(127\\.0\\.0\\.1|localhost)[:/]" }),
              audiences: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
              algorithms: Type.Array(
                Type.Union(
                  [
                    "RS256",
                    "RS384",
                    "RS512",
                    "PS256",
                    "PS384",
                    "PS512",
                    "ES256",
                    "ES384",
                    "ES512",
                    "EdDSA",
                  ].map((algorithm) => Type.Literal(algorithm)),
                ),
                { minItems: 1, default: ["RS256", "ES256"] },
              ),
              authorizedParties: Names,
              jwksUri: Type.Optional(Type.String({ pattern: "^https?://" })),
              usernamePrefix: Type.Optional(Type.String({ minLength: 1, pattern: "^[!-~]+$" })),
            },
            { additionalProperties: false },
          ),
          {
            default: [],
            description:
              "Whose OpenID Connect tokens may be exchanged for sessions at POST /token of the web port. None: there is no such thing.",
          },
        ),
        skewSeconds: Type.Integer({
          minimum: 0,
          maximum: 300,
          default: 30,
          description: "By how much clocks may differ.",
        }),
        port: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 65535,
            description:
              "HTTPS for /token and /revoke. Left out: only the web port has them, for an Ingress.",
          }),
        ),
        tls: Type.Optional(
          Type.Object(
            { certificate: Type.String(), key: Type.String() },
            {
              additionalProperties: false,
              description:
                "Files (PEM) that this port shows; read again when they change. Left out: what the API server is shown.",
            },
          ),
        ),
        perMinute: Type.Object(
          {
            source: Type.Integer({
              minimum: 1,
              default: 600,
              description: "How often one address may ask; behind an Ingress all have the same.",
            }),
            subject: Type.Integer({ minimum: 1, default: 60, description: "How often one subject may." }),
          },
          strict,
        ),
        doorway: Type.Object(
          {
            namespace: Type.String({ default: "hoop-doorway" }),
            name: Type.String({ default: "hoop-doorway" }),
          },
          { ...strict, description: "The ServiceAccount whose tokens sessions are used with." },
        ),
      },
      strict,
    ),
    secrets: Type.Object(
      {
        reveal: Type.Array(
          Type.Object(
            { keys: Type.Array(Type.String(), { minItems: 1 }), types: Names, namespaces: Names },
            { additionalProperties: false },
          ),
          {
            default: [],
            description:
              "Which keys of Secrets are no secret (ca.crt, tls.crt): secure-secrets shows them as they are. No types or namespaces: all.",
          },
        ),
      },
      strict,
    ),
    doctor: Type.Object(
      {
        everySeconds: Type.Integer({
          minimum: 0,
          default: 3600,
          description: "How often the cluster is examined for ways around Hoop. 0: never.",
        }),
      },
      strict,
    ),
    callers: Type.Union(
      [
        Type.Object({ mode: Type.Literal("client-certificate") }, { additionalProperties: false }),
        Type.Object(
          {
            mode: Type.Literal("unguessable-path"),
            secret: Type.String({
              minLength: 32,
              pattern: "^[a-z0-9.-]+$",
              description: "The last part of the paths in the registrations.",
            }),
          },
          { additionalProperties: false },
        ),
      ],
      { default: { mode: "client-certificate" }, description: "How the API server proves to be itself." },
    ),
    callback: Type.Optional(
      Type.Object(
        {
          url: Type.String({ pattern: "^https?://" }),
          secretFile: Type.String({ description: "Holds the key that signs callbacks (Standard Webhooks)." }),
        },
        { additionalProperties: false, description: "Told of each approval and decision." },
      ),
    ),
    log: Type.Object(
      {
        level: Type.Union(
          ["debug", "info", "warn", "error"].map((level) => Type.Literal(level)),
          { default: "info" },
        ),
        requests: Type.Boolean({
          default: false,
          description: "Whether each request to the aggregated API is logged: who, what and how it ended.",
        }),
      },
      strict,
    ),
    shutdown: Type.Object(
      {
        waitSeconds: Type.Integer({
          minimum: 0,
          maximum: 300,
          default: 0,
          description:
            "How long everything is still served, not ready, before it ends. With several replicas 15, so that all of the cluster notices.",
        }),
      },
      strict,
    ),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;

/** Where settings come from; what comes later in this list wins. */
export interface Sources {
  /** YAML or JSON, and what to call it in errors. */
  file?: { text: string; name: string };
  /** `HOOP_SET_HOLD_MAX_WAIT_SECONDS=50`; everything without the prefix is ignored. */
  env?: Readonly<Record<string, string | undefined>>;
  /** `hold.maxWaitSeconds=50`; values are YAML. */
  sets?: readonly string[];
}

const PREFIX = "HOOP_SET_";

/** Throws an error that names each field that is wrong. */
export function loadSettings({ file, env = {}, sets = [] }: Sources): Settings {
  const given: unknown = file === undefined ? {} : (parsed(file.text, file.name) ?? {});
  if (typeof given !== "object" || given === null) throw new Error(`${file?.name ?? ""} holds no settings`);
  for (const [name, value] of Object.entries(env))
    if (name.startsWith(PREFIX) && value !== undefined)
      assign(given, pathOfVariable(name), parsed(value, name), name);
  for (const set of sets) {
    const [, path, value] = /^([^=]+)=(.*)$/s.exec(set) ?? [];
    if (path === undefined)
      throw new Error(`--set ${set}: PATH=VALUE is wanted, such as hold.maxWaitSeconds=50`);
    assign(given, path.split("."), parsed(value ?? "", `--set ${path}`), `--set ${path}`);
  }
  return checked(given, file?.name ?? "the settings");
}

/** As `loadSettings`, from one text alone. */
export function parseSettings(text: string, source: string): Settings {
  return loadSettings({ file: { text, name: source } });
}

function parsed(yaml: string, source: string): unknown {
  try {
    return parse(yaml);
  } catch (cause) {
    throw new Error(`${source}: ${cause instanceof Error ? cause.message.trim() : String(cause)}`, { cause });
  }
}

function checked(given: object, source: string): Settings {
  const complete = Value.Default(Settings, Value.Clone(given));
  if (Value.Check(Settings, complete)) return complete;
  const problems = problemsIn(complete).map(({ field, what }) => `  ${field}: ${what}`);
  throw new Error(`${source}: this is not valid:\n${[...new Set(problems)].join("\n")}`);
}

/** In words for whoever wrote the settings: what may stand there, not which branch of the schema has not matched. */
function problemsIn(settings: unknown): { field: string; what: string }[] {
  // These two only say that something is wrong inside, or here.
  const errors = Value.Errors(Settings, settings).filter(
    ({ keyword }) => keyword !== "anyOf" && keyword !== "boolean",
  );
  const field = (path: string) => (path === "" ? "/" : path.slice(1).replaceAll("/", "."));
  return errors.map((error) => {
    const { instancePath, keyword, message } = error;
    if (keyword === "const") {
      const values = errors.flatMap((other) =>
        other.keyword === "const" && other.instancePath === instancePath ? [other.params.allowedValue] : [],
      );
      return { field: field(instancePath), what: `must be ${values.join(" or ")}` };
    }
    if (keyword === "additionalProperties")
      return {
        field: field(instancePath),
        what: `there is no such setting: ${error.params.additionalProperties.join(", ")}`,
      };
    return { field: field(instancePath), what: message };
  });
}

/** Every setting there is: dotted path, default and description, as `--help` tells them. */
export function settingsHelp(): string {
  return leaves()
    .map(({ path, schema }) => {
      const fallback = schema.default === undefined ? "" : ` (default ${JSON.stringify(schema.default)})`;
      return `  ${path.join(".")}${fallback}${schema.description === undefined ? "" : `\n      ${schema.description}`}`;
    })
    .join("\n");
}

interface Leaf {
  path: string[];
  schema: { default?: unknown; description?: string };
}

function leaves(schema: object = Settings, path: string[] = []): Leaf[] {
  if (!("properties" in schema)) return [{ path, schema }];
  return Object.entries(schema.properties as Record<string, object>).flatMap(([key, member]) =>
    leaves(member, [...path, key]),
  );
}

function pathOfVariable(name: string): string[] {
  const found = leaves().find(({ path }) => variableOf(path) === name);
  if (found === undefined) throw new Error(`${name}: there is no such setting (hoop --help lists them)`);
  return found.path;
}

function variableOf(path: readonly string[]): string {
  return PREFIX + path.map((part) => part.replace(/[A-Z]/g, "_$&").toUpperCase()).join("_");
}

/** Below what is no object of its own (`store`, `callers`) any member may be set: the schema judges it afterwards. */
function assign(target: object, path: readonly string[], value: unknown, source: string): void {
  const dotted = path.join(".");
  const known = leaves().some(({ path: leaf }) => {
    const name = leaf.join(".");
    return dotted === name || dotted.startsWith(`${name}.`) || name.startsWith(`${dotted}.`);
  });
  if (!known || path.includes("__proto__"))
    throw new Error(`${source}: there is no such setting (hoop --help lists them)`);
  place(target as Record<string, unknown>, path, value);
}

function place(
  target: Record<string, unknown>,
  [key = "", ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = Object.hasOwn(target, key) ? target[key] : {};
  const object = typeof inner === "object" && inner !== null ? { ...inner } : {};
  place(object, rest, value);
  target[key] = object;
}
