/**
 * What goes on while parts are replaced: agents write, and ask for what authorization looks at; people list and watch
 * the aggregated API. Nothing of it may be refused.
 */
import { once } from "node:events";
import { Agent, request } from "node:https";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import { type Caller, credentialsIn, type Identity, type Reply, rawCaller } from "./raw.ts";
import type { Testbed } from "./testbed.ts";

export interface SteadyLoad {
  /** Sends everything to this port of the API server from now on; resolves when nothing is under way elsewhere. */
  moveTo(port: number): Promise<void>;
  /** Resolves when each of the loops has been answered so many times more. */
  answered(times: number): Promise<void>;
  /** What was not answered as it should be, since this was asked last. */
  refusals(): string[];
  /** The names of the ConfigMaps that agents created, all in `demo`. */
  created: string[];
  stop(): Promise<void>;
}

/** One thing that is asked for again and again. */
interface Kind {
  name: string;
  as: "agent" | "human";
  /** How many at once. */
  loops: number;
  expected: number;
  call: (id: string) => { method?: string; path: string; body?: object };
}

const KINDS: readonly Kind[] = [
  {
    name: "an agent's write",
    as: "agent",
    loops: 6,
    expected: 201,
    call: (id) => ({
      method: "POST",
      path: "/api/v1/namespaces/demo/configmaps",
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: id } },
    }),
  },
  {
    // Authorization asks for each name anew, and lets it pass to find that there is none.
    name: "an agent's read that authorization looks at",
    as: "agent",
    loops: 2,
    expected: 404,
    call: (id) => ({ path: `/apis/certificates.k8s.io/v1/certificatesigningrequests/${id}` }),
  },
  {
    name: "a list of approvals",
    as: "human",
    loops: 3,
    expected: 200,
    call: () => ({ path: "/apis/hoop.dev/v1alpha1/approvals" }),
  },
];

const PAUSE = 5;

/** Resolves once everything is answered as it should be: a new API server may take a while. */
export async function steadyLoad(bed: Testbed): Promise<SteadyLoad> {
  const human = await credentialsIn(bed.kubeconfig("human"));
  const agent = await credentialsIn(bed.kubeconfig("agent"));
  const identities = { human: human.identity, agent: agent.identity };
  let port = human.port;
  let over = false;
  const counts = new Map<string, number>();
  const created: string[] = [];
  let wrong: string[] = [];

  async function loop(kind: Kind, name: string): Promise<void> {
    const callers = new Map<number, ReturnType<typeof rawCaller>>();
    for (let turn = 0; !over; turn++) {
      const id = `${name}-${turn}`;
      const caller = callers.get(port) ?? rawCaller(port, identities[kind.as]);
      callers.set(port, caller);
      const reply = await caller(kind.call(id)).catch((error): Reply => ({ code: 0, text: String(error) }));
      if (reply.code !== kind.expected) wrong.push(`${kind.name}: ${reply.code} ${reply.text}`);
      else if (kind.expected === 201) created.push(id);
      counts.set(name, turn + 1);
      await delay(PAUSE);
    }
  }

  async function watchLoop(name: string): Promise<void> {
    for (let turn = 0; !over; turn++) {
      const problem = await watchOnce(port, identities.human, () => over).catch(String);
      if (problem !== undefined) wrong.push(`a watch of approvals: ${problem}`);
      counts.set(name, turn + 1);
    }
  }

  /** The API server opens connections when it needs them: these are opened all the time, and believe what it believes. */
  async function connectLoop(name: string): Promise<void> {
    for (let turn = 0; !over; turn++) {
      const problem = await connectOnce(bed, rawCaller(port, identities.human)).catch(String);
      if (problem !== undefined) wrong.push(`a new connection: ${problem}`);
      counts.set(name, turn + 1);
    }
  }

  const names = KINDS.flatMap((kind, at) =>
    Array.from({ length: kind.loops }, (_, n) => [kind, `load-${at}-${n}`] as const),
  );
  const connecting = ["connect-0", "connect-1", "connect-2"];
  const loops = [
    ...names.map(([kind, name]) => loop(kind, name)),
    ...connecting.map(connectLoop),
    watchLoop("watch"),
  ];
  const turned = async (loopNames: readonly string[], times: number) => {
    const wanted = loopNames.map((name) => [name, (counts.get(name) ?? 0) + times] as const);
    while (wanted.some(([name, count]) => (counts.get(name) ?? 0) < count)) await delay(PAUSE);
  };
  const asking = names.map(([, name]) => name);
  const answered = (times: number) => turned(asking, times);
  do {
    wrong = [];
    await answered(30);
  } while (wrong.length > 0);
  return {
    created,
    answered,
    async moveTo(to) {
      port = to;
      await turned([...asking, ...connecting, "watch"], 1);
    },
    refusals() {
      const found = wrong;
      wrong = [];
      return found;
    },
    async stop() {
      over = true;
      await Promise.all(loops);
    },
  };
}

/** One watch of two seconds, or until its server ends it; what was wrong with it. */
async function watchOnce(
  port: number,
  { cert, key }: Identity,
  over: () => boolean,
): Promise<string | undefined> {
  if (over()) return undefined;
  const sent = request({
    host: "127.0.0.1",
    port,
    path: "/apis/hoop.dev/v1alpha1/approvals?watch=true&timeoutSeconds=2",
    agent: new Agent({ rejectUnauthorized: false }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }).end();
  const [response] = await once(sent, "response");
  let problem = response.statusCode === 200 ? undefined : `${response.statusCode}`;
  for await (const line of createInterface({ input: response }))
    if (problem !== undefined || line.includes('"ERROR"')) problem = `${problem ?? "an event"} ${line}`;
  return problem;
}

/** How old what an API server knows of a registration may be; and what no API server believes that long after. */
const NOTICED_LATE = 1_000;
const TOO_LATE = 4_000;

/** Two new connections to Hoop that believe its registrations' caBundle of a moment ago; what was wrong with them. */
async function connectOnce({ webhookPort, apiPort }: Testbed, caller: Caller): Promise<string | undefined> {
  const webhooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hoop";
  const service = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.hoop.dev";
  const asked = performance.now();
  const [registration, apiService] = await Promise.all([
    caller({ path: webhooks }),
    caller({ path: service }),
  ]);
  const {
    webhooks: [webhook],
  } = JSON.parse(registration.text) as {
    webhooks: [{ clientConfig: { caBundle: string } }];
  };
  const { spec } = JSON.parse(apiService.text) as { spec: { caBundle: string } };
  await delay(NOTICED_LATE * Math.random());
  // A machine that stood still meanwhile tells nothing.
  if (performance.now() - asked > TOO_LATE) return undefined;
  for (const [port, bundle] of [
    [webhookPort, webhook.clientConfig.caBundle],
    [apiPort, spec.caBundle],
  ] as const) {
    const ca = Buffer.from(bundle, "base64").toString();
    const socket = connect({ host: "127.0.0.1", port, ca, servername: "hoop.hoop-system.svc" });
    const [error] = await Promise.race([
      once(socket, "secureConnect").then(() => []),
      once(socket, "close").then(() => ["closed"]),
    ]).catch((problem) => [problem]);
    socket.destroy();
    if (error !== undefined) return String(error);
  }
  return undefined;
}
