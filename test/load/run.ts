/**
 * `npm run load`: a thousand reviews wait in one Hoop, as shipped, others come and go beside them, and people decide
 * them all. Prints how long after its decision each was answered, and what the process has come to hold in memory.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BODIES } from "../bench/bodies.ts";
import { cpuSeconds } from "../bench/processes.ts";
import { percentile } from "../bench/report.ts";
import { startProcess } from "../support/hoop-process.ts";
import { memoryOf } from "../support/memory.ts";
import { optionsOf } from "../support/options.ts";
import { asUserOf } from "../support/raw.ts";
import { type ReviewClient, reviewClient, untilDecided } from "../support/review-client.ts";
import { podCreate, request } from "../support/reviews.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const HELP = `npm run load -- [OPTION…]

  --waiting N  reviews that wait (1000)
  --beside N   others that come and go, so many at once (64)
  --seconds N  for so long (5)
`;

const options = optionsOf(HELP, {
  waiting: { type: "string", default: "1000" },
  beside: { type: "string", default: "64" },
  seconds: { type: "string", default: "5" },
});
const WAITING = Number(options.waiting);
const BESIDE = Number(options.beside);
const SECONDS = Number(options.seconds);

interface Held {
  name: string;
  /** When it was answered. */
  answered: Promise<number>;
}

function holdMany(client: ReviewClient): Held[] {
  return Array.from({ length: WAITING }, (_, n) => {
    const name = `held-${n}`;
    const answered = untilDecided(client, podCreate(name)).then(({ allowed, status }) => {
      if (!allowed) throw new Error(`${name}: ${status?.message}`);
      return performance.now();
    });
    return { name, answered };
  });
}

/** Harmless reviews of 60 KB, so many at a time, until the time is over: how many. */
async function passBy(client: ReviewClient): Promise<number> {
  const body = BODIES.find(({ name }) => name.includes("60 KB"));
  if (body === undefined) throw new Error("the bench has no body of 60 KB any more");
  const review = request({
    operation: "CREATE",
    kind: { group: "apps", version: "v1", kind: "Deployment" },
    resource: { group: "apps", version: "v1", resource: "deployments" },
    name: "beside",
    namespace: "demo",
    object: { ...JSON.parse(body.text), metadata: { name: "beside", namespace: "demo" } },
  });
  const until = performance.now() + SECONDS * 1000;
  let count = 0;
  const one = async () => {
    for (; performance.now() < until; count++) {
      const { allowed, status } = await client.review(review);
      if (!allowed) throw new Error(`refused: ${status?.message}`);
    }
  };
  await Promise.all(Array.from({ length: BESIDE }, one));
  return count;
}

/** Through kube-apiserver, sixteen at a time. Milliseconds from each decision's answer to its review's. */
async function decideAll(bed: Testbed, held: readonly Held[]): Promise<number[]> {
  const approver = await asUserOf(bed.kubeconfig("approver"));
  const approvals = new Map(
    (await bed.approvals("demo")).map((one) => [one.spec.target.name, one.metadata.name]),
  );
  const waits: Promise<number>[] = [];
  const left = [...held];
  const decider = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { code, text } = await approver({
        method: "PATCH",
        path: `/apis/hoop.dev/v1alpha1/namespaces/demo/approvals/${approvals.get(next.name)}/approval`,
        type: "application/merge-patch+json",
        body: { decision: { verdict: "Approve", comment: "" } },
      });
      const decided = performance.now();
      if (code !== 200) throw new Error(`${code} ${text}`);
      waits.push(next.answered.then((at) => Math.max(0, at - decided)));
    }
  };
  await Promise.all(Array.from({ length: 16 }, decider));
  return Promise.all(waits);
}

async function pendingCount(bed: Testbed): Promise<number> {
  return (await bed.approvals("demo")).filter(({ status }) => status.phase === "Pending").length;
}

async function measure(bed: Testbed, pid: number): Promise<void> {
  const say = (what: string) => {
    const { resident, most } = memoryOf(pid);
    console.log(`${what.padEnd(76)} ${resident.toFixed(0)} MiB resident, ${most.toFixed(0)} at most`);
  };
  const passing = async (client: ReviewClient, when: string) => {
    const before = cpuSeconds(pid);
    const count = await passBy(client);
    const micros = ((cpuSeconds(pid) - before) / Math.max(1, count)) * 1e6;
    say(
      `${(count / SECONDS).toFixed(0)} reviews of 60 KB a second, ${BESIDE} at once, ${micros.toFixed(0)} µs each, ${when}`,
    );
  };
  say("it serves");
  const [client, beside] = [
    await reviewClient(bed.webhookPort, bed.certificates, 4),
    await reviewClient(bed.webhookPort, bed.certificates, 4),
  ];
  await passing(beside, "while nobody waits");
  const held = holdMany(client);
  while ((await pendingCount(bed)) < WAITING) await delay(100);
  say(`${WAITING} reviews wait`);
  await passing(beside, "meanwhile");
  const times = await decideAll(bed, held);
  const [median, most] = [0.5, 1].map((p) => percentile(times, p).toFixed(0));
  say(`all are answered: ${median} ms after the decision in the median, ${most} at most`);
  client.close();
  beside.close();
}

async function main(): Promise<void> {
  // As in the image; the first start fills it.
  process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "hoop-load-compile-cache");
  const bed = await startTestbed({ settings: { hold: { maxWaiters: WAITING } } });
  try {
    await bed.stopHoop();
    const first = await startProcess(bed);
    first.child.kill();
    await first.ended;
    const hoop = await startProcess(bed);
    await measure(bed, hoop.child.pid ?? 0);
    hoop.child.kill();
    await hoop.ended;
  } finally {
    await bed.stop();
  }
}

await main();
process.exit();
