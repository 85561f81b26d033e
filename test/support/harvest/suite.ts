/** The tests of a harvest, whatever stands between the agent and the Secrets. */
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { denyAll } from "../denied.ts";
import { rawCaller } from "../raw.ts";
import { startTestbed, type Testbed, type TestbedOptions } from "../testbed.ts";
import { type Api, CORE, SECURE } from "./aim.ts";
import { detector } from "./detector.ts";
import { type Line, lineOf } from "./exchange.ts";
import { type Basket, basket, type Counts, harvest, sow, sown, wordsOf } from "./harvest.ts";
import { checkMarks, checkPlaceholders, type Shown } from "./placeholders.ts";
import type { Seed } from "./seeds.ts";

const SEED = process.env["HARVEST_SEED"] ?? "harvest";
const REQUESTS = Number(process.env["HARVEST_REQUESTS"] ?? 1500);

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** In which a person gets the values: what the agent's answers are searched for is there to be found. */
const REPRESENTATIONS: Readonly<Record<string, string>> = {
  JSON: "application/json",
  YAML: "application/yaml",
  protobuf: PROTOBUF,
  CBOR: "application/cbor",
  "a Table": "application/json;as=Table;v=v1;g=meta.k8s.io",
};

const COMMANDS: readonly string[][] = [
  ["get", "secrets", "-A", "-o", "yaml"],
  ["get", "secret", "db", "-n", "demo", "-o", "jsonpath={.data}", "-v=9"],
  ["apply", "view-last-applied", "secret/applied", "-n", "demo"],
  ["edit", "secret", "db", "-n", "demo"],
  ["delete", "secret", "db", "-n", "demo", "--dry-run=server", "-o", "yaml"],
  ["delete", "secret", "finalized", "-n", "prod", "--cascade=foreground", "-v=8"],
  ["create", "token", "default", "-n", "demo"],
  ["get", "secure-secrets", "-A", "-o", "yaml", "-v=9"],
  ["get", "secure-secrets", "-A", "-o", "wide", "--show-labels"],
  ["describe", "secure-secrets", "-n", "demo"],
  ["get", "secure-secret", "applied", "-n", "demo", "-o", "json", "--show-managed-fields"],
  ["apply", "view-last-applied", "secure-secret/applied", "-n", "demo"],
  ["label", "secure-secret", "db", "-n", "demo", "a=b", "--dry-run=server", "-o", "yaml"],
  ["annotate", "secure-secret", "frozen", "-n", "demo", "a=b", "-o", "yaml"],
  ["get", "events", "-A", "-o", "yaml"],
  ["get", "approvals.hoop.dev", "-A", "-o", "yaml"],
  ["get", "records.hoop.dev", "-A", "-o", "yaml"],
];

/** As a person gets them. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  approvals: ["get", "approvals.hoop.dev", "-A", "-o", "json"],
  records: ["get", "records.hoop.dev", "-A", "-o", "json"],
  Events: ["get", "events", "-A", "-o", "json"],
  "the table of approvals": ["get", "approvals.hoop.dev", "-A", "-o", "wide"],
  "the table of records": ["get", "records.hoop.dev", "-A", "-o", "wide"],
};

export interface HarvestOptions {
  testbed: TestbedOptions;
  /** Path of the agent's kubeconfig; sees to it that the agent may do what it is to have tried. */
  agent(bed: Testbed): Promise<string>;
  /** Whether the API server writes an audit log. */
  audited: boolean;
  /** Answers that there must have been beside {@link HEARD}, in the same form. */
  heard: readonly string[];
  /** Left out: as many as HARVEST_REQUESTS says. */
  requests?: number;
  /** Which APIs are asked, each as often as it stands here. */
  apis?: readonly Api[];
  /** Whether somebody denies what waits for people. */
  denied?: boolean;
}

/** Answers that there must have been, by `METHOD RESOURCE CODE`: the harvest was not in vain. */
const HEARD = ["GET secure-secrets 200", "GET secure-secrets watch 200"];

/** What is said to an agent that asks for Secrets themselves, and writes by secure-secrets. */
export const SECRETS_REFUSED = [
  "GET secrets 403",
  "GET secrets watch 403",
  "PATCH secrets 403",
  "PUT secrets 403",
  "POST secrets 403",
  "DELETE secrets 403",
  "PATCH secure-secrets 200",
  "PATCH secure-secrets 403",
  "PATCH secure-secrets 422",
  "POST secure-secrets 403",
  "PUT secure-secrets 403",
];

/** A Secret that holds a token with which one is somebody. */
async function minted(bed: Testbed): Promise<Seed> {
  const token = await bed.controlPlane.serviceAccountToken("demo", "builder");
  const metadata = { name: "minted", namespace: "demo" };
  const data = { token: Buffer.from(token).toString("base64") };
  return { manifest: { apiVersion: "v1", kind: "Secret", metadata, data }, hidden: [] };
}

export function itHarvestsNothing(options: HarvestOptions): void {
  const { testbed, agent: agentIn, audited, heard } = options;
  const { requests = REQUESTS, apis = [CORE, SECURE, SECURE] } = options;
  const field = sown(SEED);
  const logs: string[] = [];
  let bed: Testbed;
  let human: Line;
  let agent: string;
  let into: Basket;
  let counts: Counts;

  before(async function () {
    this.timeout(600_000 + requests * 50);
    bed = await startTestbed({
      ...testbed,
      settings: { hold: { maxWaitSeconds: 0 } },
      controlPlane: { flags: { "feature-gates": "CBORServingAndStorage=true" } },
      onLog: (level, fields, message) => logs.push(`${level} ${message} ${JSON.stringify(fields)}`),
    });
    human = await lineOf(bed.kubeconfig("human"));
    await sow(human, field.seeds);
    const token = await minted(bed);
    await sow(human, [token]);
    agent = await agentIn(bed);
    const over = new AbortController();
    const person = options.denied ? denyAll(bed, over.signal) : undefined;
    into = basket(field.look);
    counts = await harvest({
      ...{ seed: SEED, requests, agent, human, apis, seeds: [...field.seeds, token], basket: into },
    });
    for (const args of COMMANDS) {
      const env = { KUBE_EDITOR: "cat" };
      const { output } = await bed.kubectl({ kubeconfig: agent }, args, { env, timeout: 20_000 });
      into.take(`kubectl ${args.join(" ")}`, output);
    }
    over.abort();
    await person;
  });

  after(async () => {
    human?.close();
    await bed?.stop();
  });

  const told = (finds: readonly object[]) => finds.map((find) => JSON.stringify(find));

  describe("brings in, where a person reads, every value", () => {
    for (const [what, accept] of Object.entries(REPRESENTATIONS))
      it(`as ${what}`, async () => {
        const { body } = await human.send({ path: "/api/v1/secrets?includeObject=Object", accept });
        const found = new Set(field.look(body).map(({ name }) => name));
        expect([...found]).to.include.members(field.hidden.map(({ name }) => name));
      });
  });

  it("brings in none for the agent", () => expect(told(into.finds)).to.deep.equal([]));

  it("has been answered in many ways", () => {
    expect([...HEARD, ...heard].filter((answer) => !counts.has(answer))).to.deep.equal([]);
  });

  describe("leaves behind none, of the cluster's or of the agent's own,", () => {
    const own = detector([
      ...field.hidden,
      { name: "the agent's own", value: Buffer.from(wordsOf(SEED).guess) },
    ]);

    for (const [place, args] of Object.entries(PLACES))
      it(`in ${place}`, async () => {
        const output = await bed.must("human", args);
        expect(output.length).to.be.greaterThan(100);
        expect(told(own.look(output))).to.deep.equal([]);
      });

    it("in Hoop's own logs", () => {
      expect(logs.length).to.be.greaterThan(0);
      expect(told(own.look(logs.join("\n")))).to.deep.equal([]);
    });

    if (audited)
      it("in the cluster's audit log", async () => {
        const log = await readFile(`${bed.controlPlane.directory}/logs/audit.log`);
        expect(told(own.look(log))).to.deep.equal([]);
      });
  });

  describe("brings in no token", () => {
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const isSomebody = async (token: string) => {
      const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
      const ask = rawCaller(bed.controlPlane.ports.apiserver, { token });
      return (await ask({ method: "POST", path, body: review })).code < 300;
    };

    it("that authenticates", async () => {
      for (const token of into.tokens) expect(await isSomebody(token), token).to.equal(false);
    });

    it("though a person, who reads one, finds it", async () => {
      const { body } = await human.send({ path: "/api/v1/namespaces/demo/secrets/minted", accept: PROTOBUF });
      const one = basket(() => []);
      one.take("the Secret", body);
      expect([...one.tokens].length).to.equal(1);
      for (const token of one.tokens) expect(await isSomebody(token)).to.equal(true);
    });
  });

  describe("brings in no relation between values", () => {
    it("by placeholders: no part of one is in another, and all are as long", async () => {
      const { body } = await human.send({ path: `${SECURE.base}/secure-secrets` });
      const { items } = JSON.parse(body.toString()) as { items: Shown[] };
      const sownHere = new Set(field.seeds.map(({ manifest }) => manifest.metadata.namespace));
      checkPlaceholders(
        items.filter(({ metadata }) => sownHere.has(metadata.namespace)),
        field.seeds,
      );
    });

    it("by answers: what stands in place of one stands in place of no other", () => {
      const twice = [...into.places].filter(([, spots]) => spots.size > 1);
      expect(twice.map(([value, spots]) => `${value}: ${[...spots].join(" ")}`)).to.deep.equal([]);
      expect(into.places.size).to.be.greaterThan(field.hidden.length);
    });

    it("by approvals: no mark of a value is at two Secrets", async () => {
      const approvals = await bed.approvals();
      const ofSecrets = approvals.filter(({ spec }) => spec.target.resource === "secrets");
      const marks = checkMarks(
        ofSecrets.map(({ spec }) => ({
          at: `${spec.target.namespace}/${spec.target.name}`,
          text: JSON.stringify(spec.change),
        })),
      );
      expect(marks).to.be.greaterThan(0);
    });
  });
}
