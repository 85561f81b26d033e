/** What lasts through a session, as an unmodified kubectl does it: commands, copies and ports of pods. */
import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { HARMLESS, pod } from "../support/objects.ts";
import { printed } from "../support/output.ts";
import { type Begun, begin, profiled } from "../support/session.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const RULES = [
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
  {
    apiGroups: [""],
    resources: ["pods/exec", "pods/attach", "pods/portforward"],
    verbs: ["get", "create"],
  },
];

describe("what lasts in a session", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let session: Begun;
  let closed: Begun;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ node: true });
    const [bot, shy]: Who[] = [
      { kubeconfig: await bed.controlPlane.kubeconfig("bot") },
      { kubeconfig: await bed.controlPlane.kubeconfig("shy") },
    ];
    await bed.defaultAccount("demo");
    await bed.apply([
      ...profiled("bot", { portForward: true }, RULES),
      ...profiled("shy", { exec: { stdin: false, tty: false } }, RULES),
      pod("web", { ...HARMLESS, nodeName: "node-1" }),
    ]);
    session = await begin(bed, bot as Who, { profile: "bot" });
    closed = await begin(bed, shy as Who, { profile: "shy" });
  });
  after(() => bed?.stop());

  it("PROBE", async () => {
    const f = bed.start(session.who, ["port-forward", "-n", "demo", "pod/web", ":80", "-v=0"]);
    setTimeout(async () => { try { await bed.decide(await bed.pending("web", "CONNECT"), "Approve"); } catch (e) { console.log(String(e)); } }, 10);
    await Promise.race([printed(f, /Forwarding from 127.0.0.1:(\d+)/), f.ended]).then(async (x) => {
      console.log(JSON.stringify(x).slice(0, 3000));
      const port = /127.0.0.1:(\d+)/.exec(String(x))?.[1];
      for (let i = 0; i < 2; i++) { const c = request({ port, host: "127.0.0.1", path: "/" }); c.end(); const [r] = await once(c, "response"); console.log(await text(r)); }
    });
    f.child.kill();
    console.log((await f.ended).output.slice(-3000));
    const raw = await bed.must("human", ["get", "--raw", "/apis/hoop.dev/v1alpha1/records"]);
    for (const { spec } of JSON.parse(raw).items) if (spec.kind === "brokered" && /portforward/.test(spec.uri)) console.log(JSON.stringify(spec));
    for (const { spec, payload } of JSON.parse(raw).items) if (spec.event === "stream") console.log(await bed.must("human", ["get", "--raw", "/apis/hoop.dev/v1alpha1/records"]).then(() => JSON.stringify(payload ?? null)));
  });
});
