/**
 * What one may do with the credentials of a session, outside it and through it: by every verb on every resource that
 * is served, as the agent that is bound to nothing but sessions, and with the token of the doorway.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { type Heard, type Line, lineOf } from "../support/harvest/exchange.ts";
import { until } from "../support/installation.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { asUserOf, type Call, rawCaller } from "../support/raw.ts";
import { discovered, type Served, titleOf } from "../support/routes.ts";
import { deployment, SCALED_TO_NONE } from "../support/scaling.ts";
import { begin, profiled, through } from "../support/session.ts";
import { TOLD, telling } from "../support/telling.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";
import { type Asked, DOCUMENTS, everyVerb, INTERNALS } from "../support/verbs.ts";

const DOORWAY = join(import.meta.dirname, "../../deploy/components/exchange/doorway.yaml");
const AT_ONCE = 16;
/** What the API server gives everybody who is somebody. */
const REVIEWS = /^create (authentication|authorization)\.k8s\.io\/selfsubject\w*reviews /;
const SESSIONS =
  /^(get|list|watch|create|update|patch|delete) hoop\.dev\/sessions |^(get|list|watch) hoop\.dev\/approvals /;
/** Secrets, and what is connected to, carries tokens, or is Hoop's. */
const PECULIAR = / \/secrets | hoop\.dev\/|\/(exec|attach|portforward|proxy|log|token|approval|eviction) /;
const PROXY = /^\w+ hoop\.dev\/sessions\/proxy /;

interface Answered extends Heard {
  title: string;
}

async function walk({ send }: Line, all: readonly Asked[]): Promise<Answered[]> {
  const answers: Answered[] = [];
  const left = [...all];
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift())
      answers.push({ title: one.title, ...(await send(one.call)) });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return answers;
}

const told = ({ title, code, body }: Answered) => `${title}: ${code} ${body.subarray(0, 200)}`;
/** A bearer token, or a key. */
const CREDENTIAL = /eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]{5,}|BEGIN [A-Z ]*PRIVATE KEY/;
const FORBIDDEN = [401, 403];

describe("the credentials of a session", function () {
  this.timeout(180_000);
  let bed: Testbed;
  let issuer: Issuer;
  let web = 0;
  let served: Served[];
  let all: Asked[];
  /** All of what the broker has its own ways with, of the others each kind of verb. */
  let some: Asked[];
  /** The agent itself, with its own right to sessions. */
  let agent: Line;
  let inside: Line;
  /** With the token that was given for another one's. */
  let door: Line;
  let insideByDoor: Line;
  /** The ServiceAccount that sessions act as. */
  let account: Line;
  let doorway: { token: string; name: string; path: string };
  let session: { name: string; path: string };
  const lines: Line[] = [];
  const said: Answered[] = [];
  const logs: string[] = [];

  const line = async (who: Who) => {
    const made = await lineOf(bed.kubeconfig(who));
    lines.push(made);
    return made;
  };
  const withToken = async (name: string, token: string): Promise<Who> => ({
    kubeconfig: await bed.controlPlane.kubeconfigWithToken(name, token),
  });
  const walked = async (one: Line, asked: readonly Asked[]) => {
    const answers = await walk(one, asked);
    said.push(...answers);
    return answers;
  };
  const json = ({ body }: Heard) => JSON.parse(body.toString()) as Record<string, unknown>;

  before(async function () {
    this.timeout(1_200_000);
    issuer = await startIssuer();
    bed = await startTestbed({
      settings: { exchange: { issuers: [{ issuer: issuer.url, audiences: ["hoop"] }] } },
      onLog: (level, fields, message) => {
        logs.push(`${level} ${message} ${JSON.stringify(fields)}`);
        if (message === "hoop serves" && "web" in fields) web = Number(fields.web);
      },
    });
    const manifests = parseAllDocuments(await readFile(DOORWAY, "utf8")).map((one) => one.toJS());
    // Its ServiceAccount may do nothing: what can be done, the session itself gives.
    const profile = profiled("bot", { requestsPerSecond: 10_000 }, []).map(withTokens);
    await bed.apply([...manifests, ...profile]);
    const bot: Who = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    const begun = await begin(bed, bot, { profile: "bot" });
    session = begun;
    [agent, inside] = [await line(bot), await line(begun.who)];
    account = await line(
      await withToken("account", await bed.controlPlane.serviceAccountToken("work", "bot")),
    );
    doorway = await until("a token is exchanged", exchanged);
    const byDoor = await withToken("door", doorway.token);
    [door, insideByDoor] = [await line(byDoor), await line(await through(bed, byDoor, doorway))];
    served = await discovered(await asUserOf(bed.kubeconfig("human")));
    all = everyVerb(served);
    some = everyVerb(served).filter(
      ({ title }) => PECULIAR.test(title) || /^(list|create|patch) .* v1$/.test(title),
    );
  });
  after(async () => {
    for (const one of lines) one.close();
    issuer?.stop();
    await bed?.stop();
  });

  function withTokens(object: object): object {
    if (!("kind" in object && object.kind === "AgentProfile" && "spec" in object)) return object;
    const claims = [{ claim: "sub", values: ["ci"] }];
    return { ...object, spec: { ...(object.spec as object), tokens: [{ issuer: issuer.url, claims }] } };
  }

  async function exchanged(): Promise<typeof doorway | false> {
    const response = await fetch(`http://127.0.0.1:${web}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
        ...{ subject_token: await issuer.signed(), profile: "bot", namespace: "demo" },
      }),
    });
    if (response.status !== 200) return false;
    const body = (await response.json()) as { access_token: string; session: { name: string; path: string } };
    return { token: body.access_token, ...body.session };
  }

  it("are tried on all that is served", () => {
    const titles = new Set(served.map(titleOf));
    for (const one of ["/secrets", "/pods/exec", "/serviceaccounts/token", "hoop.dev/sessions/proxy"])
      expect([...titles]).to.include(one);
    expect(all.length).to.be.greaterThan(800);
    expect(some.length).to.be.greaterThan(300);
  });

  it("let the agent make and use its sessions, and nothing else", async () => {
    const others = (await walked(agent, all)).filter(({ title }) => !REVIEWS.test(title));
    const isOwn = ({ title }: Answered) => SESSIONS.test(title) || PROXY.test(title);
    expect(others.filter((one) => one.code !== 403 && !isOwn(one)).map(told)).to.deep.equal([]);
    // There is none of that name.
    const named = others.filter(
      ({ title }) => PROXY.test(title) || /^(get|update|delete) .*sessions /.test(title),
    );
    expect(named.filter(({ code }) => code < 400).map(told)).to.deep.equal([]);
  });

  it("let whoever comes by the doorway use its session, and nothing else", async () => {
    const others = (await walked(door, all)).filter(({ title }) => !REVIEWS.test(title));
    expect(others.filter(({ title, code }) => code !== 403 && !PROXY.test(title)).map(told)).to.deep.equal(
      [],
    );
    expect(others.filter(({ code }) => code < 400).map(told)).to.deep.equal([]);
  });

  it("open, through the session, what its ServiceAccount may do, which is told in the same words", async () => {
    const [ours, direct] = [await walked(inside, some), await walk(account, some)];
    const byTitle = new Map(direct.map((one) => [one.title, one]));
    const others = ours.filter(({ title }) => !REVIEWS.test(title));
    expect(others.filter(({ code }) => code !== 403).map(told)).to.deep.equal([]);
    const isOwn = ({ body }: Heard) => body.includes("forbidden in a session");
    const [own, passed] = [others.filter(isOwn), others.filter((one) => !isOwn(one))];
    const differing = passed.filter(
      ({ title, body }) => !/ \/secrets /.test(title) && !byTitle.get(title)?.body.equals(body),
    );
    expect(differing.map((one) => `${told(one)} / ${byTitle.get(one.title)?.body}`)).to.deep.equal([]);
    expect(passed.length).to.be.greaterThan(own.length);
    expect(own.filter(({ title }) => (byTitle.get(title)?.code ?? 0) < 400).map(told)).to.deep.equal([]);
  });

  it("open no more by the doorway", async () => {
    const ones = some.filter(({ title }) => /^(get|create) (\w+\.k8s\.io)?\//.test(title));
    const answers = (await walked(insideByDoor, ones)).filter(({ title }) => !REVIEWS.test(title));
    expect(answers.length).to.be.greaterThan(50);
    expect(answers.filter(({ code }) => code !== 403).map(told)).to.deep.equal([]);
  });

  it("show what everybody may know, and nothing of the API server itself", async () => {
    const asked = (paths: readonly string[]) => paths.map((path) => ({ title: path, call: { path } }));
    for (const one of [agent, door, inside, insideByDoor]) {
      const open = await walked(one, asked(DOCUMENTS));
      expect(open.filter(({ code }) => code !== 200).map(told)).to.deep.equal([]);
      const closed = await walked(one, asked(INTERNALS));
      expect(closed.filter(({ code }) => code < 400).map(told)).to.deep.equal([]);
    }
  });

  it("act as nobody else, whoever is named", async () => {
    const named: Record<string, string>[] = [
      { "impersonate-user": "system:admin" },
      {
        "impersonate-user": "system:serviceaccount:work:bot",
        "impersonate-extra-hoop.dev%2fsession": "demo/x",
      },
      { "impersonate-user": "bot", "impersonate-group": "system:masters" },
      { "impersonate-user": "bot", "impersonate-uid": "1" },
    ];
    for (const one of [agent, door, inside, insideByDoor])
      for (const headers of named) {
        const { code } = await one.send({ path: "/api/v1/namespaces", headers });
        expect(code, JSON.stringify(headers)).to.equal(403);
      }
  });

  it("cut nobody else's watch: what is too long for a server's connection is refused before it", async () => {
    const other = await line("human");
    const opened = Promise.withResolvers<void>();
    const watch = other.send({ path: "/apis/hoop.dev/v1alpha1/approvals?watch=true" }, opened.resolve);
    await opened.promise;
    const long = await agent.send({ path: `/apis/hoop.dev/v1alpha1?long=${"~".repeat(200_000)}` });
    expect(long.code).to.equal(503);
    expect((await other.send({ path: "/apis/hoop.dev/v1alpha1" })).code).to.equal(200);
    expect(await Promise.race([watch, "open"])).to.equal("open");
    other.close();
    await watch;
  });

  it("are told apart: who it is through the session, is the ServiceAccount, with the session's own marks", async () => {
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const whoIs = async (one: Line) => {
      const { status } = json(await one.send({ method: "POST", path, body: review }));
      return (
        status as { userInfo: { username: string; groups: string[]; extra?: Record<string, string[]> } }
      ).userInfo;
    };
    const [own, byDoor] = [await whoIs(inside), await whoIs(insideByDoor)];
    for (const { username, groups } of [own, byDoor]) {
      expect(username).to.equal("system:serviceaccount:work:bot");
      expect(groups).to.have.members([
        "system:serviceaccounts",
        "system:serviceaccounts:work",
        "system:authenticated",
      ]);
    }
    const keys = ["agent", "profile", "session", "session-uid"].map((name) => `hoop.dev/${name}`);
    expect(Object.keys(own.extra ?? {})).to.have.members(keys);
    expect(own.extra?.["hoop.dev/agent"]).to.deep.equal(["bot"]);
    expect(byDoor.extra?.["hoop.dev/agent"]).to.deep.equal([`${issuer.url}#ci`]);
    expect((await whoIs(agent)).username).to.equal("bot");
    expect((await whoIs(door)).username).to.equal("system:serviceaccount:hoop-doorway:hoop-doorway");
  });

  describe("are worth nothing", () => {
    const MAPS = "/api/v1/namespaces/demo/configmaps";
    const refused = async (who: Line, path: string, codes: readonly number[]) =>
      expect((await who.send({ path })).code, path).to.be.oneOf(codes);

    it("for another's session", async () => {
      await refused(agent, `${doorway.path}${MAPS}`, [404]);
      await refused(door, `${session.path}${MAPS}`, [404]);
      await refused(account, `${session.path}${MAPS}`, FORBIDDEN);
    });

    it("by another token of the doorway, though its name is the same", async () => {
      const other = await bed.controlPlane.serviceAccountToken("hoop-doorway", "hoop-doorway");
      const { send } = await line(await withToken("other-door", other));
      expect((await send({ path: `${doorway.path}${MAPS}` })).code).to.equal(404);
    });

    it("as a token for somebody else", async () => {
      const made = await bed.must("human", [
        ...["create", "token", "hoop-doorway", "-n", "hoop-doorway", "--audience", "https://else.example"],
      ]);
      const { send } = await line(await withToken("else-door", made.trim()));
      for (const path of ["/version", doorway.path]) expect((await send({ path })).code).to.equal(401);
    });

    it("nested: a session is used through no other", async () => {
      for (const path of [session.path, doorway.path]) {
        await refused(inside, `${path}${MAPS}`, [403]);
        await refused(insideByDoor, `${path}${MAPS}`, [403]);
      }
    });

    it("past the API server, where one says oneself who one is", async () => {
      const forged = {
        ...{ "x-remote-user": "bot", "x-remote-group": "system:authenticated" },
        "x-remote-extra-authentication.kubernetes.io%2fcredential-id": "x",
      };
      const call: Call = { path: `${session.path}${MAPS}`, headers: forged };
      const nobody = rawCaller(bed.apiPort, {});
      const admitted = rawCaller(bed.apiPort, { token: doorway.token });
      expect((await nobody(call)).code).to.be.oneOf(FORBIDDEN);
      // It is still whose the token is.
      expect((await admitted(call)).code).to.equal(404);
    });
  });

  it("leave no tokens where people and auditors look", async () => {
    const raw = await bed.must("human", ["get", "records.hoop.dev", "-A", "-o", "json"]);
    const audit = await readFile(`${bed.controlPlane.directory}/logs/audit.log`, "utf8");
    for (const [where, text] of [
      ["records", raw],
      ["audit", audit],
      ["logs", logs.join("\n")],
      ["sessions", await bed.must("human", ["get", "sessions", "-A", "-o", "json"])],
    ])
      expect(CREDENTIAL.exec(text ?? "")?.[0], where).to.equal(undefined);
    expect(raw).to.contain("selfsubjectreviews");
  });

  it("are answered without any credential, in header lines and bodies", () => {
    expect(said.length).to.be.greaterThan(2000);
    const found = said.filter(
      ({ head, body }) => CREDENTIAL.test(head) || CREDENTIAL.test(body.toString("latin1")),
    );
    expect(found.map(told)).to.deep.equal([]);
  });

  describe("of one that may do everything,", () => {
    const EVERYTHING = [
      { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      { nonResourceURLs: ["*"], verbs: ["*"] },
    ];
    let worker: Line;

    before(async () => {
      await bed.apply(profiled("worker", { requestsPerSecond: 10_000 }, EVERYTHING));
      const own: Who = { kubeconfig: await bed.controlPlane.kubeconfig("worker") };
      worker = await line((await begin(bed, own, { profile: "worker" })).who);
    });

    it("bring nothing about before people have decided, whichever way it is asked for", async () => {
      const ways = Object.entries(SCALED_TO_NONE);
      const names = ways.map((_, index) => `app-${index}`);
      await bed.apply(names.map(deployment));
      const asked = ways.map(([, call], index) => worker.send(call(names[index] ?? "")));
      const held = await Promise.all(names.map((name) => bed.pending(name)));
      const replicas = async () => {
        const output = await bed.must("human", [
          ...["get", "deployments", "-n", "demo", "--sort-by=.metadata.name"],
          ...["-o", "jsonpath={.items[*].spec.replicas}"],
        ]);
        return output.split(" ").map(Number);
      };
      expect(await replicas()).to.deep.equal(names.map(() => 2));
      const isApproved = (index: number) => index % 2 === 0;
      await Promise.all(held.map((one, index) => bed.decide(one, isApproved(index) ? "Approve" : "Deny")));
      const answers = await Promise.all(asked);
      expect(answers.map(({ code }) => code)).to.deep.equal(
        names.map((_, at) => (isApproved(at) ? 200 : 403)),
      );
      expect(await replicas()).to.deep.equal(names.map((_, at) => (isApproved(at) ? 0 : 2)));
    });

    it("are told no password by what the API server says of what it does not take", async () => {
      await bed.apply(telling());
      for (const [what, call] of Object.entries(TOLD)) {
        const { code, body } = await worker.send({ method: "PATCH", ...call });
        const said = body.toString();
        expect(code, `${what}: ${said}`).to.equal(422);
        expect(said, what)
          .to.include("[masked: ")
          .and.not.match(/variable-pass|argument-pass|setting-pass/);
      }
      const { body } = await worker.send({ path: "/api/v1/namespaces/demo/secrets/telling" });
      expect(body.toString()).to.include("as in [masked: Secret value]");
    });

    it("are held from others by nothing that they keep open", async () => {
      const watch = { path: "/api/v1/namespaces/demo/configmaps?watch=true" };
      const begun = new Set<number>();
      const open = Array.from({ length: 100 }, (_, at) => worker.send(watch, () => begun.add(at)));
      await until("all of them are open", async () => begun.size === 100);
      expect((await worker.send(watch)).code).to.equal(429);
      expect((await worker.send({ path: "/api/v1/namespaces/demo/configmaps" })).code).to.equal(200);
      expect((await inside.send({ path: "/version" })).code).to.equal(200);
      expect((await agent.send({ path: "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions" })).code).to.equal(
        200,
      );
      worker.close();
      expect((await Promise.all(open)).map(({ code }) => code)).to.deep.equal(open.map(() => 0));
    });
  });

  // Last: it ends them.
  describe("are dead", () => {
    it("when the session is over, though their own time is not", async () => {
      for (const name of [session.name, doorway.name])
        await bed.must("human", ["delete", "session", name, "-n", "demo"]);
      expect((await inside.send({ path: "/version" })).code).to.equal(403);
      expect((await insideByDoor.send({ path: "/version" })).code).to.be.oneOf([401, 403]);
    });
  });
});
