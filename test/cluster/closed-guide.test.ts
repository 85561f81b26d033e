/** docs/guides/secrets-ways.md, row by row: its commands, as the agents of its two columns, do what the columns say. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { until } from "../support/control-plane.ts";
import { startTestbed, type Testbed, type TestbedOptions, type Who } from "../support/testbed.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const COMPONENTS = join(ROOT, "deploy", "components");
const VALUES = ["s3cret-value", Buffer.from("s3cret-value").toString("base64")];

interface Row {
  way: string;
  args: string[];
  /** Of each column. */
  self: string;
  managed: string;
}

/** As a shell takes it apart that is given nothing but words and quotes. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, one, two, bare]) => one ?? two ?? bare ?? "");

function rowsOf(guide: string): Row[] {
  return [...guide.matchAll(/^\| (.+?) +\| `kubectl (.+?)` +\| (.+?) +\| (.+?) +\|$/gm)].map(
    ([, way = "", command = "", self = "", managed = ""]) => ({ way, args: words(command), self, managed }),
  );
}

const verdict = (rule: string): RegExp => new RegExp(`\\(rule ${rule}\\)`);

/** What kubectl prints, and how it ends, by the words of a column. */
function expectation(column: string): { shows: RegExp; code: number; hides: boolean } {
  const [, who = "", rule = ""] = /^(\w+)(?:, `([\w-]+)`)?$/.exec(column) ?? [];
  switch (who) {
    case "authorization":
      return { shows: verdict(rule), code: 1, hides: true };
    case "admission":
      return {
        shows: new RegExp(`denied for agents: [\\s\\S]*${verdict(rule).source}`),
        code: 1,
        hides: true,
      };
    case "held":
      return { shows: new RegExp(`HELD, not refused[\\s\\S]*rule=[\\w,-]*${rule}`), code: 1, hides: true };
    case "RBAC":
      return { shows: /User "agent" cannot|^no\b(?!.*hoop: )/m, code: 1, hides: true };
    case "masked":
      return { shows: /password: /, code: 0, hides: true };
    case "open":
      return { shows: /./, code: 0, hides: false };
    default:
      throw new Error(`the guide says "${column}"`);
  }
}

describe("the guide to the ways to Secrets", () => {
  let guide: string;
  let folder: string;
  let rows: Row[];

  before(async () => {
    guide = await readFile(join(ROOT, "docs", "guides", "secrets-ways.md"), "utf8");
    rows = rowsOf(guide);
    folder = await mkdtemp(join(tmpdir(), "hoop-ways-"));
    for (const [, name = "", text = ""] of guide.matchAll(/`(\w+\.yaml)`:\n\n```yaml\n([\s\S]*?)```/g))
      await writeFile(join(folder, name), text);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  /** What a person prepares. */
  async function prepare(bed: Testbed): Promise<void> {
    const [, block = ""] = /```sh\n([\s\S]*?)```/.exec(guide) ?? [];
    const lines = block.trim().split("\n");
    expect(lines).to.have.length.greaterThan(4);
    for (const line of lines) await bed.must("human", words(line).slice(1));
  }

  async function showsAll(bed: Testbed, who: Who, column: "self" | "managed"): Promise<void> {
    expect(rows, "rows of the table").to.have.length.greaterThan(25);
    for (const row of rows) {
      const args = row.args.map((word) => (/^\w+\.yaml$/.test(word) ? join(folder, word) : word));
      const { shows, code, hides } = expectation(row[column]);
      const ended = await bed.kubectl(who, args);
      expect(ended.output, row.way).to.match(shows);
      expect(ended.code, row.way).to.equal(code);
      if (hides) for (const value of VALUES) expect(ended.output, row.way).not.to.contain(value);
    }
  }

  async function onTestbed(options: TestbedOptions, use: (bed: Testbed) => Promise<void>): Promise<void> {
    const bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } }, ...options });
    try {
      await prepare(bed);
      await use(bed);
    } finally {
      await bed.stop();
    }
  }

  it("tells what a cluster-admin agent meets where the API server's flags are ours", () =>
    onTestbed({}, (bed) => showsAll(bed, "agent", "self")));

  it("tells what an agent with the guide's rights meets where they are not", () =>
    onTestbed({ configured: false }, async (bed) => {
      const bound = (kind: string, name: string, namespace?: string) => ({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind,
        metadata: { name, ...(namespace !== undefined && { namespace }) },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "hoop:agents" }],
      });
      for (const file of ["agent-rbac/agent-work.yaml", "net/net-policy.yaml"]) {
        const text = await readFile(join(COMPONENTS, file), "utf8");
        await bed.apply(parseAllDocuments(text).map((document) => document.toJS() as object));
      }
      await bed.apply([
        bound("RoleBinding", "hoop-agent-work", "demo"),
        bound("ClusterRoleBinding", "hoop-agent"),
      ]);
      await bed.must("human", ["delete", "clusterrolebinding", "tour-agents"]);
      await until("the net is there", async () =>
        (
          await bed.kubectl("agent", ["annotate", "pod", "web", "-n", "demo", "hoop.dev/x=y"])
        ).output.includes("'net.hoop.dev'"),
      );
      await showsAll(bed, "agent", "managed");
    }));
});
