import { review } from "#core/review.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "./support/clock.ts";
import { request, reviewPorts, TERMS } from "./support/reviews.ts";
const chain = (depth: number) => { let d: any = {}; for (let i = 0; i < depth; i++) d = {a: d}; return d; };
for (const depth of [30, 90, 450]) {
  const t = Array.from({length: Math.floor(1_350_000 / 6 / depth)}, () => chain(depth));
  const clock = new ManualClock();
  const store = memoryStore();
  const ports = await reviewPorts(store, clock, { rules: [{ name: "all", action: "hold", why: "x", match: [{ resources: ["*"] }] }], terms: {...TERMS, maxWaitSeconds: 0} });
  const obj = (x: any) => ({ metadata: { name: "x" }, data: { f: x }, kind: "Thing" });
  for (const [op, object, oldObject] of [["CREATE", obj(t), null], ["UPDATE", obj(t.slice(1)), obj(t)]] as any[]) {
    const s = performance.now();
    await review(ports, request({ operation: op, object, oldObject, name: "x", namespace: "demo", resource: { group: "example.com", version: "v1", resource: "things" } }), { caller: "verified", until: clock.now() + 1000, gone: new AbortController().signal });
    const size = (await store.list("approvals/")).rows.map((r) => r.value.length).join();
    console.log(depth, JSON.stringify(t).length, op, Math.round(performance.now() - s), "ms; stored", size);
  }
}
