/** `secure-secrets` while the way between Hoop and the API server is slow, or breaks. */
import { readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { parse } from "yaml";
import { asUserOf, type Caller, credentialsIn } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { type ThinLine, thinLine } from "../support/thin-line.ts";
import { watched } from "../support/watched.ts";

const VALUE = "correct-horse-battery-staple";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const CORE = "/api/v1/namespaces/shop/secrets";
const LIST = "/apis/hoop.dev/v1alpha1/namespaces/shop/secure-secrets";
/** Together more than fits into the buffers on the way. */
const COUNT = 24;
const SIZE = 700_000;

describe("secure-secrets while the API server is slow or gone", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let line: ThinLine;
  let agent: Caller;
  let person: Caller;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed();
    await bed.must("human", ["create", "namespace", "shop"]);
    agent = await asUserOf(bed.kubeconfig("agent"));
    person = await asUserOf(bed.kubeconfig("human"));
    for (let at = 0; at < COUNT; at++) await make(`big-${String(at).padStart(2, "0")}`, "v".repeat(SIZE));
    line = await thinLine((await credentialsIn(bed.kubeconfig("human"))).port);
    await bed.stopHoop();
    await throughLine();
    await bed.startHoop();
  });
  after(async () => {
    line?.open();
    await bed?.stop();
    await line?.close();
  });

  /** Hoop's own kubeconfig leads over the line from now on. */
  async function throughLine(): Promise<void> {
    const { kubeconfig } = parse(bed.settingsYaml) as { kubeconfig: string };
    const text = await readFile(kubeconfig, "utf8");
    await writeFile(kubeconfig, text.replace(/(server: "?https:\/\/127\.0\.0\.1:)\d+/, `$1${line.port}`));
  }

  async function make(name: string, value: string): Promise<void> {
    const body = { apiVersion: "v1", kind: "Secret", metadata: { name }, data: { value: base64(value) } };
    const { code, text } = await person({ method: "POST", path: CORE, body });
    if (code !== 201) throw new Error(text);
  }

  /** Whole, or nothing that could be taken for it. */
  const whole = async (): Promise<string[] | undefined> => {
    const { code, text } = await agent({ path: LIST }).catch(() => ({ code: 0, text: "" }));
    if (code !== 200) return undefined;
    try {
      const { items } = JSON.parse(text) as { items: { metadata: { name: string } }[] };
      return items.map(({ metadata }) => metadata.name);
    } catch {
      return undefined;
    }
  };

  it("a list that stops in the middle goes on when the API server does, and is whole", async () => {
    line.holdAfter(4_000_000);
    const listed = whole();
    await line.held();
    line.open();
    expect(await listed).to.have.length(COUNT);
  });

  it("a list that breaks in the middle is never taken for a whole one; the next is whole", async () => {
    line.holdAfter(4_000_000);
    const listed = whole();
    await line.held();
    line.cut();
    line.open();
    expect(await listed).to.equal(undefined);
    expect(await untilWhole()).to.have.length(COUNT);
  });

  it("what is asked while nothing comes through fails, and nothing is told but that", async () => {
    await untilWhole();
    line.holdAfter(0);
    const asked = agent({ path: `${LIST}/big-00` });
    await line.held();
    line.cut();
    const { code, text } = await asked;
    line.open();
    expect(code, text).to.be.oneOf([500, 503]);
    expect(text).not.to.contain("127.0.0.1").and.not.to.contain("ECONN").and.not.to.contain("vvvv");
    expect(await untilWhole()).to.have.length(COUNT);
  });

  it("a watch that is cut ends between two events, and can be gone on with", async () => {
    await untilWhole();
    const path = (version: string) => `${LIST}?watch=true&resourceVersion=${version}`;
    const { text } = await person({ path: `${CORE}?limit=1` });
    const from = (JSON.parse(text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
    const watching = await watched(bed.kubeconfig("agent"), path(from));
    await make("seen-before", VALUE);
    const [last] = (await watching.until(({ object }) => object.metadata?.name === "seen-before")).slice(-1);
    line.cut();
    await watching.ended;
    expect(watching.frames.map(({ type }) => type).filter((type) => type !== "BOOKMARK")).to.satisfy(
      ([first, ...rest]: string[]) => first === "ADDED" && rest.every((type) => type === "ERROR"),
    );
    await make("seen-after", VALUE);
    await untilWhole();
    const again = await watched(bed.kubeconfig("agent"), path(last?.object.metadata?.resourceVersion ?? ""));
    const frames = await again.until(({ object }) => object.metadata?.name === "seen-after");
    again.stop();
    expect(frames.filter(({ type }) => type === "ADDED")).to.have.length(1);
    expect(JSON.stringify([...watching.frames, ...frames])).not.to.contain(base64(VALUE));
  });

  async function untilWhole(): Promise<string[]> {
    for (let tries = 0; tries < 1000; tries++) {
      const names = await whole();
      if (names !== undefined) return names.filter((name) => name.startsWith("big-"));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error("it is not listed again");
  }
});
