import { review } from "#core/review.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "./support/clock.ts";
import { request, reviewPorts, TERMS } from "./support/reviews.ts";
const chain = (depth: number) => { let d: any = {}; for (let i = 0; i < depth; i++) d = {a: d}; return d; };
const texts: Record<string, any> = {
  list: Array.from({length: 150000}, (_, i) => "a" + i),
  env: Array.from({length: 30000}, (_, i) => ({name: "TOKEN" + i, value: "abc" + i})),
  env400: Array.from({length: 30000}, (_, i) => ({name: "TOKEN" + i, value: "abc" + i})),
  nested90: Array.from({length: 3000}, () => chain(90)),
  nested450: Array.from({length: 500}, () => chain(450)),
};
const maps: Record<string, (v: any) => any> = {
  list: (v) => [...v].reverse(),
  env: (v) => v.map((e: any) => ({...e, value: e.value + "z"})),
  env400: (v) => v.map((e: any, i: number) => i % 75 ? e : ({...e, value: e.value + "z"})),
};
for (const [name, t] of Object.entries(texts)) for (const field of name.startsWith("env") ? ["f", "env"] : ["f"]) {
  const clock = new ManualClock();
  const store = memoryStore();
  const ports = await reviewPorts(store, clock, { rules: [{ name: "all", action: "hold", why: "x", match: [{ resources: ["*"] }] }], terms: {...TERMS, maxWaitSeconds: 0} });
  const obj = (x: any) => ({ metadata: { name: "x" }, data: { [field]: x }, kind: "Thing" });
  const rev = maps[name] ?? ((v: any) => v.slice(1));
  for (const [op, object, oldObject] of [["CREATE", obj(t), null], ["UPDATE", obj(rev(t)), obj(t)]] as any[]) {
    const s = performance.now();
    await review(ports, request({ operation: op, object, oldObject, name: "x", namespace: "demo", resource: { group: "example.com", version: "v1", resource: "things" } }), { caller: "verified", until: clock.now() + 1000, gone: new AbortController().signal });
    const size = (await store.list("approvals/")).rows.map((r) => r.value.length).join();
    console.log(name, field, JSON.stringify(t).length, op, Math.round(performance.now() - s), "ms; stored", size);
  }
}
