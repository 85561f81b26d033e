import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { CODES, type Code } from "../../../cli/check/codes.ts";
import { authority } from "../kit/certificates.ts";
import { type Answered, approval, failed, hoop, json } from "./scripted.ts";

const ca = authority("hoop CA");
const encoded = (pem: string) => Buffer.from(pem).toString("base64");
const caBundle = encoded(ca.cert);
const NOT_FOUND = failed("Error from server (NotFound): the server could not find the requested resource");
const FORBIDDEN = failed(
  'Error from server (Forbidden): apiservices "x" is forbidden: User "bob" cannot get it',
);
const UNREACHABLE = failed(
  'Error from server (InternalError): Internal error occurred: failed calling webhook "agents-are-refused-while-hoop-is-unreachable.hoop.dev": connection refused',
);

const apiService = (
  status: object = { conditions: [{ type: "Available", status: "True" }] },
  bundle = caBundle,
) => ({
  kind: "APIService",
  spec: { caBundle: bundle },
  status,
});
const webhook = (given: object = {}) => ({
  kind: "ValidatingWebhookConfiguration",
  webhooks: [
    {
      name: "agents.hoop.dev",
      clientConfig: { caBundle },
      failurePolicy: "Fail",
      matchConditions: [{ name: "agents", expression: "true" }],
      rules: [
        {
          apiGroups: ["*"],
          apiVersions: ["*"],
          resources: ["*/*"],
          operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
        },
      ],
      ...given,
    },
  ],
});

const policy = (expression: string) => ({
  kind: "MutatingAdmissionPolicy",
  spec: {
    matchConditions: [
      { name: "agents", expression },
      { name: "changes", expression: "true" },
    ],
  },
});

const API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.hoop.dev";
const REGISTRATIONS = "/apis/admissionregistration.k8s.io/v1";
const VALIDATING = `${REGISTRATIONS}/validatingwebhookconfigurations/hoop`;
const SERVED = (...names: string[]) => json({ resources: names.map((name) => ({ name })) });
const MUTATING = `${REGISTRATIONS}/mutatingwebhookconfigurations/hoop`;
const POLICY = `${REGISTRATIONS}/mutatingadmissionpolicies/hoop`;
const BINDING = `${REGISTRATIONS}/mutatingadmissionpolicybindings/hoop`;
const DOWN = failed(
  "Error from server (ServiceUnavailable): the server is currently unable to handle the request",
);

/** An installation in which everything is right. */
const RIGHT: Record<string, Answered> = {
  "/version": json({ gitVersion: "v1.36.3" }),
  [API_SERVICE]: json(apiService()),
  "/apis/hoop.dev/v1alpha1": json({ kind: "APIResourceList" }),
  [VALIDATING]: json(webhook()),
  [MUTATING]: NOT_FOUND,
  [REGISTRATIONS]: SERVED("validatingwebhookconfigurations", "mutatingadmissionpolicies"),
  [POLICY]: json(policy("true")),
  [BINDING]: json({ kind: "MutatingAdmissionPolicyBinding" }),
};

const AGENT = "--kubeconfig=agent.kubeconfig";

/** What the agent's and the person's canary calls are answered. */
interface Canary {
  /** Whether the agent may do what it must not. */
  around?: boolean;
  /** Whether it is Hoop's authorization that says no, and not RBAC alone. */
  unauthorized?: boolean;
  /** Of its dry run of a ConfigMap. */
  stamp?: Answered;
  /** Of the dry run. */
  dryRun?: Answered;
  /** The agent's create: how it ends once it is decided, or at once. */
  create?: Answered;
  held?: boolean;
  decide?: Answered;
  records?: object[];
}

function cluster(wrong: Record<string, Answered> = {}, canary: Canary = {}) {
  const held = approval({ name: "create-role-canary-0000", namespace: "demo" });
  const decided = Promise.withResolvers<void>();
  const isHeld = canary.held ?? true;
  const answers = { ...RIGHT, ...wrong };
  const get = (path: string): Answered => {
    if (path in answers) return answers[path];
    if (path.includes("/records?")) return json({ kind: "RecordList", items: canary.records ?? [USED] });
    return json({ kind: "ApprovalList", metadata: {}, items: isHeld ? [held] : [] });
  };
  const create = async (input: string): Promise<Answered> => {
    const asked = JSON.parse(input);
    if (asked.kind === "List") return { stdout: reviews(asked.items, canary) };
    if (asked.kind === "ConfigMap") return canary.stamp ?? { stdout: "eve" };
    held.spec.target.name = asked.metadata.name;
    if (isHeld) await decided.promise;
    return canary.create ?? {};
  };
  return async (args: readonly string[], input = ""): Promise<Answered> => {
    const [verb, what, path = ""] = args;
    switch (verb) {
      case "get":
        return get(path);
      case "create":
        return create(input);
      case "patch":
        decided.resolve();
        return canary.decide ?? {};
      case "delete":
        return what === "namespace" ? (canary.dryRun ?? { said: WOULD_WAIT }) : {};
      default:
        return { stdout: 'eve ["dev"]' };
    }
  };
}

const WOULD_WAIT = "Warning: hoop: the real request would wait for a human (namespace-delete)\n";
const USED = { metadata: { name: "7" }, spec: { kind: "admission", approval: { use: "spent" } } };

function reviews(
  items: { spec: { resourceAttributes: { resource: string; verb: string } } }[],
  { around = false, unauthorized = false }: Canary,
): string {
  const harmless = (resource: string, verb: string) =>
    ["namespaces", "roles", "configmaps"].includes(resource) && verb !== "get";
  return items
    .map(
      ({
        spec: {
          resourceAttributes: { resource, verb },
        },
      }) => (around || harmless(resource, verb) ? "true \n" : `false ${unauthorized ? "" : "true"}\n`),
    )
    .join("");
}

interface Checked {
  code: number;
  stdout: string;
  codes: string[];
}

async function check(answer: ReturnType<typeof cluster>, ...args: string[]): Promise<Checked> {
  const { code, stdout } = await hoop(["check", ...args], { answer, now: Date.now() });
  return { code, stdout, codes: [...stdout.matchAll(/HOOP-\d{3}(?=:)/g)].map(([found]) => found) };
}

const withAgent = ["--agent-kubeconfig", "agent.kubeconfig", "-n", "demo"];

describe("kubectl hoop check", () => {
  it("says one line a step, and what it cannot check without an agent's rights", async () => {
    const { code, stdout } = await check(cluster());
    expect(code).to.equal(0);
    expect(stdout).to.match(/^ok {7}API server: the API server answers \(v1\.36\.3\)\n/);
    expect(stdout.match(/^ok /gm)).to.have.length(6);
    expect(stdout.match(/^unknown {2}.*--agent-kubeconfig FILE$/gm)).to.have.length(5);
    expect(stdout).to.match(/\n6 right, 0 wrong, 5 not checked\.\n$/);
  });

  it("walks the whole path with an agent's kubeconfig, which says all about the agent", async () => {
    const { calls, inputs, stdout, code } = await hoop(["check", "--context", "prod", ...withAgent], {
      answer: cluster(),
      now: Date.now(),
    });
    expect(stdout).to.match(/\n11 right, 0 wrong, 0 not checked\.\n$/);
    expect(code).to.equal(0);
    expect(calls).to.deep.include(["delete", "namespace", "demo", "--dry-run=server", AGENT]);
    const role = JSON.parse(inputs.at(-1) ?? "");
    expect(role).to.deep.include({ kind: "Role", rules: [] });
    expect(calls.at(-2)?.slice(0, 3)).to.deep.equal(["delete", "role", role.metadata.name]);
    const created = calls.find(
      ([verb, file, more]) => verb === "create" && file === "--filename=-" && more === AGENT,
    );
    expect(created).to.have.length(3);
  });

  const wrong: [string, Code, Record<string, Answered>][] = [
    [
      "an API server that does not answer",
      "HOOP-001",
      { "/version": failed("The connection to the server 127.0.0.1:1 was refused") },
    ],
    ["no APIService", "HOOP-002", { [API_SERVICE]: NOT_FOUND }],
    [
      "an APIService that is not Available",
      "HOOP-003",
      {
        [API_SERVICE]: json(
          apiService({
            conditions: [
              { type: "Available", status: "False", reason: "MissingEndpoints", message: "no pods" },
            ],
          }),
        ),
      },
    ],
    ["an APIService of which nothing is known", "HOOP-003", { [API_SERVICE]: json(apiService({})) }],
    ["an API that does not answer", "HOOP-004", { "/apis/hoop.dev/v1alpha1": DOWN }],
    ["an API that is not served", "HOOP-004", { "/apis/hoop.dev/v1alpha1": NOT_FOUND }],
    ["no registration", "HOOP-005", { [VALIDATING]: NOT_FOUND }],
    ["a registration without a caBundle", "HOOP-006", { [VALIDATING]: json(webhook({ clientConfig: {} })) }],
    ["an APIService without a caBundle", "HOOP-006", { [API_SERVICE]: json(apiService(undefined, "")) }],
    [
      "a caBundle that is none",
      "HOOP-006",
      { [VALIDATING]: json(webhook({ clientConfig: { caBundle: "aGk=" } })) },
    ],
    [
      "a caBundle that has run out",
      "HOOP-006",
      {
        [VALIDATING]: json(
          webhook({
            clientConfig: { caBundle: encoded(ca.issue({ commonName: "old", valid: "past" }).cert) },
          }),
        ),
      },
    ],
    ["failurePolicy Ignore", "HOOP-007", { [VALIDATING]: json(webhook({ failurePolicy: "Ignore" })) }],
    ["no matchConditions", "HOOP-008", { [VALIDATING]: json(webhook({ matchConditions: [] })) }],
    [
      "a second matchCondition",
      "HOOP-008",
      { [VALIDATING]: json(webhook({ matchConditions: [{ expression: "a" }, { expression: "b" }] })) },
    ],
    [
      "rules that leave something out",
      "HOOP-008",
      {
        [VALIDATING]: json(
          webhook({ rules: [{ apiGroups: ["*"], apiVersions: ["*"], resources: ["*"], operations: ["*"] }] }),
        ),
      },
    ],
    [
      "a caBundle of another authority",
      "HOOP-020",
      { [VALIDATING]: json(webhook({ clientConfig: { caBundle: encoded(authority("other").cert) } })) },
    ],
    [
      "a mutating webhook with a caBundle of another authority",
      "HOOP-020",
      {
        [POLICY]: NOT_FOUND,
        [MUTATING]: json(webhook({ clientConfig: { caBundle: encoded(authority("other").cert) } })),
      },
    ],
    ["no stamps", "HOOP-009", { [BINDING]: NOT_FOUND }],
    [
      "no stamps where no policy can be",
      "HOOP-018",
      { [POLICY]: NOT_FOUND, [BINDING]: NOT_FOUND, [REGISTRATIONS]: SERVED("mutatingwebhookconfigurations") },
    ],
    ["a policy for other agents", "HOOP-021", { [POLICY]: json(policy("false")) }],
    [
      "a mutating webhook for other agents",
      "HOOP-021",
      {
        [POLICY]: NOT_FOUND,
        [MUTATING]: json(webhook({ matchConditions: [{ name: "agents", expression: "false" }] })),
      },
    ],
  ];
  for (const [what, code, answers] of wrong)
    it(`finds ${what}: ${code}, with its page, exit code 1`, async () => {
      const { codes, code: exit, stdout } = await check(cluster(answers));
      expect(codes).to.deep.equal([code]);
      expect(exit).to.equal(1);
      expect(stdout).to.contain(`; see docs/troubleshooting.md#${code.toLowerCase()}\n`);
    });

  const canaries: [string, Code, Canary][] = [
    ["an agent who can go around", "HOOP-016", { around: true }],
    ["a dry run that passes without a word", "HOOP-010", { dryRun: {} }],
    ["an API server whose policy does nothing", "HOOP-019", { stamp: { stdout: "" } }],
    ["a webhook that cannot be called", "HOOP-011", { dryRun: UNREACHABLE }],
    ["a canary that is created at once", "HOOP-012", { held: false }],
    ["a canary that is refused at once", "HOOP-012", { held: false, create: failed("error: no") }],
    ["a canary refused for want of the webhook", "HOOP-011", { held: false, create: UNREACHABLE }],
    [
      "a person who may not decide",
      "HOOP-013",
      { decide: failed("Error from server (Forbidden): approvals.hoop.dev: no") },
    ],
    ["an approved canary that does not pass", "HOOP-014", { create: failed("Error from server: quota") }],
    ["a canary without its record", "HOOP-015", { records: [] }],
  ];
  for (const [what, code, canary] of canaries)
    it(`finds ${what}: ${code}, and leaves no canary behind`, async () => {
      const answer = cluster({}, canary);
      const ran = await hoop(["check", ...withAgent], { answer, now: Date.now() });
      expect(ran.stdout).to.contain(`${code}: ${CODES[code]}; see`);
      expect(ran.code).to.equal(1);
      const created = ran.calls.some(([verb, , more]) => verb === "create" && more === AGENT);
      const removed = ran.calls.some(([verb, role]) => verb === "delete" && role === "role");
      expect(removed).to.equal(created);
    });

  const warnings: [string, Code, Record<string, Answered>, Canary][] = [
    ["stamps by policy and by webhook", "HOOP-017", { [MUTATING]: json(webhook()) }, {}],
    ["an agent whom only RBAC stops", "HOOP-022", {}, { unauthorized: true }],
  ];
  for (const [what, code, answers, canary] of warnings)
    it(`warns of ${what}: ${code}, with its page, exit code 0`, async () => {
      const { codes, code: exit, stdout } = await check(cluster(answers, canary), ...withAgent);
      expect(codes).to.deep.equal([code]);
      expect(stdout).to.match(/^warning {2}/m);
      expect(stdout).to.match(/\n10 right, 1 with a warning, 0 wrong, 0 not checked\.\n$/);
      expect(exit).to.equal(0);
      const told = await check(cluster(answers, canary), ...withAgent, "-o", "json");
      const { ok, steps } = JSON.parse(told.stdout);
      expect(ok).to.equal(true);
      expect(steps.find(({ state }: { state: string }) => state === "warning")).to.include({
        code,
        page: `docs/troubleshooting.md#${code.toLowerCase()}`,
      });
    });

  it("takes a caBundle that holds the old authority beside the new one for right", async () => {
    const both = encoded(`${authority("old").cert}\n${ca.cert}`);
    const { codes } = await check(
      cluster({ [VALIDATING]: json(webhook({ clientConfig: { caBundle: both } })) }),
    );
    expect(codes).to.deep.equal([]);
  });

  it("does not blame the installation for what the person may not see", async () => {
    const { code, codes, stdout } = await check(
      cluster({ [API_SERVICE]: FORBIDDEN, [VALIDATING]: FORBIDDEN }),
    );
    expect(codes).to.deep.equal([]);
    expect(code).to.equal(0);
    expect(stdout).to.contain("unknown  APIService: forbidden: ");
  });

  it("waits for what is not ready yet, as long as it was told", async () => {
    let asked = 0;
    const now = Date.now();
    const right = cluster();
    const late = (args: readonly string[], input?: string) =>
      args[2] === API_SERVICE && ++asked < 4 ? Promise.resolve(NOT_FOUND) : right(args, input);
    const ran = await hoop(["check", "--wait", "1m"], { answer: late, now });
    expect(ran.code).to.equal(0);
    expect(ran.stdout).to.not.contain("HOOP-002");
  });

  it("does not look at what depends on something wrong", async () => {
    const { stdout } = await check(cluster({ "/version": DOWN }), ...withAgent);
    expect(stdout.match(/not before "API server" is right/g)).to.have.length.above(4);
  });

  it("tells programs the same as JSON", async () => {
    const { stdout, code } = await check(cluster({ [VALIDATING]: NOT_FOUND }), "-o", "json");
    const told = JSON.parse(stdout);
    expect(code).to.equal(1);
    expect(told.ok).to.equal(false);
    expect(told.steps).to.deep.include({
      step: "registration",
      state: "failed",
      code: "HOOP-005",
      says: "there is no ValidatingWebhookConfiguration hoop",
      page: "docs/troubleshooting.md#hoop-005",
    });
  });

  it("has a heading for each code in its documentation, and no heading without a code", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/troubleshooting.md"), "utf8");
    const headings = [...page.matchAll(/^### (HOOP-\d{3})$/gm)].map(([, code]) => code);
    expect(headings).to.deep.equal(Object.keys(CODES));
  });
});
