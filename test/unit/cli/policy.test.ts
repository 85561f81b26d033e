/** `kubectl hoop policy …`: what authors of policies are told, and how the commands exit. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { pluginVersion } from "../../../cli/commands/version.ts";
import { shippedCatalogue } from "../../../cli/policy/load.ts";
import { type Answered, completions, failed, hoop, json, type Script } from "./scripted.ts";

const POLICY = `apiVersion: policy.hoop.dev/v1alpha1
kind: AgentPolicy
metadata:
  name: shop
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], operations: ["*"], resources: [configmaps]}]
  variables:
  - name: size
    expression: object.data.size()
  rules:
  - name: large
    action: Hold
    when: variables.size > 2 && request.namespace == 'shop'
    messageExpression: "'so many entries: ' + string(variables.size)"
    approval: {groups: [sre], count: 2}
  - name: frozen
    action: Deny
    mode: Warn
    when: request.name == 'frozen'
`;

const TESTS = `apiVersion: policy.hoop.dev/v1alpha1
kind: AgentPolicyTest
as: {serviceAccount: ci/bot}
cases:
- name: three entries wait
  request: {resource: configmaps, namespace: shop, name: a, object: {data: {a: "", b: "", c: ""}}}
  expect: {verdict: Hold, rules: [shop/large], message: "so many entries: 3", approvers: [{groups: [sre], count: 2}]}
- name: elsewhere they do not
  request: {resource: configmaps, namespace: other, name: a, object: {data: {a: "", b: "", c: ""}}}
  expect: {verdict: Allow, notRules: [shop/large]}
`;

const config = (name: string, data: object) =>
  stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop" }, data });

describe("kubectl hoop policy", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "hoop-policy-"));
  });
  after(() => rm(folder, { recursive: true }));

  /** A folder of its own with these files. */
  async function files(contents: Record<string, string>): Promise<string> {
    const root = await mkdtemp(join(folder, "a-"));
    for (const [name, text] of Object.entries(contents)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), text);
    }
    return root;
  }

  describe("test", () => {
    it("judges what lies in a folder, and says what no test triggers", async () => {
      const root = await files({ "shop.yaml": POLICY, "tests/shop.yaml": TESTS });
      const { code, stdout, stderr } = await hoop(["policy", "test", root]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
      expect(stdout.split("\n")).to.deep.equal([
        "RESULT   VERDICT   TEST                    RULES",
        "ok       Hold      three entries wait      shop/large",
        "ok       Allow     elsewhere they do not   <none>",
        "",
        "Triggered by no test:",
        "  shop/frozen",
        "",
        "2 tests, 0 failed; 1 of 2 rules triggered",
        "",
      ]);
    });

    it("says where a test stands that fails, and why", async () => {
      const root = await files({
        "shop.yaml": POLICY,
        "tests/shop.yaml": TESTS.replace("shop/large], message", "shop/small], message"),
      });
      const { code, stdout } = await hoop(["policy", "test", root]);
      expect(code).to.equal(1);
      expect(stdout).to.contain("FAIL     Hold      three entries wait");
      expect(stdout).to.contain(
        `${join(root, "tests/shop.yaml")}:5: three entries wait\n  no rule shop/small; there is: shop/large\n`,
      );
      expect(stdout).to.contain("2 tests, 1 failed; 1 of 2 rules triggered\n");
    });

    const NAMESPACE = `apiVersion: policy.hoop.dev/v1alpha1
kind: AgentPolicyTest
cases:
- name: a namespace goes
  request: {operation: DELETE, resource: namespaces, name: prod, oldObject: {}}
  expect: {verdict: Hold, rules: [namespace-delete]}
`;

    it("judges by the shipped catalogue, or not", async () => {
      const root = await files({ "a.yaml": NAMESPACE });
      expect((await hoop(["policy", "test", root])).code).to.equal(0);
      const without = await hoop(["policy", "test", root, "--no-catalogue"]);
      expect(without.code).to.equal(1);
      expect(without.stdout).to.contain("expected Hold, got Allow");
    });

    it("is JSON", async () => {
      const root = await files({ "shop.yaml": POLICY, "t.yaml": TESTS });
      const { stdout } = await hoop(["policy", "test", root, "-o", "json"]);
      const report = JSON.parse(stdout);
      expect(report).to.deep.include({ failed: 0, rules: 2, untriggered: ["shop/frozen"] });
      expect(report.tests[0]).to.deep.include({
        name: "three entries wait",
        file: join(root, "t.yaml"),
        line: 5,
        passed: true,
        fired: ["shop/large"],
        failures: [],
      });
    });

    it("is JUnit's XML, whatever tests are called", async () => {
      const odd = '"a <b> & \\"c\\" \\u0007"';
      const root = await files({ "t.yaml": TESTS.replace("three entries wait", odd) });
      const { code, stdout } = await hoop(["policy", "test", root, "-o", "junit"]);
      expect(code).to.equal(1);
      expect(stdout).to.match(
        /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name=".*" tests="2" failures="1">/,
      );
      expect(stdout).to.contain('<testcase name="a &lt;b&gt; &amp; &quot;c&quot; \\u{7}"');
      expect(stdout).to.contain('<failure message="expected Hold, got Allow">');
      expect(stdout.match(/<testcase/g)).to.have.length(2);
    });

    const unusable: Record<string, { contents: Record<string, string>; says: string }> = {
      "a policy that does not compile": {
        contents: {
          "shop.yaml": POLICY.replace("variables.size > 2", "variables.sizes > 2"),
          "t.yaml": TESTS,
        },
        says: "shop.yaml:14:11: spec.rules[0].when: ",
      },
      "a policy of another shape": {
        contents: { "shop.yaml": POLICY.replace("action: Hold", "action: Stop"), "t.yaml": TESTS },
        says: "shop.yaml:13:13: spec.rules[0].action: must be Hold or Deny",
      },
      "a test of another shape": {
        contents: {
          "shop.yaml": POLICY,
          "t.yaml": TESTS.replace("expect: {verdict: Hold", "expect: {result: Hold"),
        },
        says: "t.yaml:7:11: cases[0].expect.verdict: is missing",
      },
      "what is no test where tests lie": {
        contents: {
          "shop.yaml": POLICY,
          "tests/t.yaml": TESTS.replace("AgentPolicyTest", "AgentPolicyTests"),
        },
        says: "neither AgentPolicy nor AgentPolicyTest of policy.hoop.dev/v1alpha1: AgentPolicyTests of",
      },
      "two policies of one name": {
        contents: { "a.yaml": POLICY, "b.yaml": POLICY, "t.yaml": TESTS },
        says: "b.yaml:4:9: metadata.name: there is another policy shop",
      },
      "no tests": { contents: { "a.yaml": POLICY }, says: "there is no AgentPolicyTest in" },
      "no YAML": { contents: { "a.yaml": "a: [" }, says: "a.yaml:" },
    };
    for (const [what, { contents, says }] of Object.entries(unusable))
      it(`exits with 2 for ${what}`, async () => {
        const { code, stdout, stderr } = await hoop(["policy", "test", await files(contents)]);
        expect({ code, stdout }).to.deep.equal({ code: 2, stdout: "" });
        expect(stderr).to.contain(says);
      });

    it("exits with 2 for a path that is not there", async () => {
      const { code, stderr } = await hoop(["policy", "test", join(folder, "nowhere")]);
      expect({ code, stderr }).to.deep.equal({
        code: 2,
        stderr: `error: there is no ${join(folder, "nowhere")}\n`,
      });
    });
  });

  describe("check", () => {
    it("says that nothing is wrong", async () => {
      const root = await files({ "shop.yaml": POLICY, "t.yaml": TESTS });
      const { code, stdout } = await hoop(["policy", "check", root]);
      expect({ code, stdout }).to.deep.equal({
        code: 0,
        stdout: "nothing wrong: 1 policy, 2 rules, 2 tests\n",
      });
    });

    it("checks AgentProfiles too, also where there is nothing else", async () => {
      const profile =
        "apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec: {users: [a]}\n";
      const alone = await files({ "p.yaml": profile });
      const { code, stdout } = await hoop(["policy", "check", alone]);
      expect({ code, stdout }).to.deep.equal({ code: 0, stdout: "nothing wrong: 1 profile\n" });
      const { profiles } = JSON.parse((await hoop(["policy", "check", alone, "-o", "json"])).stdout);
      expect(profiles).to.equal(1);
      const both = await files({ "shop.yaml": POLICY, "p.yaml": profile });
      expect((await hoop(["policy", "check", both])).stdout).to.equal(
        "nothing wrong: 1 policy, 2 rules, 0 tests, 1 profile\n",
      );
    });

    it("exits with 2 where there is nothing to check", async () => {
      const { code, stderr } = await hoop(["policy", "check", await files({ "a.yaml": "a: 1\n" })]);
      expect(code).to.equal(2);
      expect(stderr).to.contain("there is no AgentPolicy and no AgentProfile in");
    });

    it("finds all that is wrong at once, in the order of lines", async () => {
      const written = POLICY.replace("action: Hold", "action: Wait").replace(
        "    when: request.name == 'frozen'\n",
        "    when: nosuch == 'frozen'\n    approval: { count: 2 }\n",
      );
      const root = await files({ "shop.yaml": written });
      const { code, stdout } = await hoop(["policy", "check", root]);
      expect(code).to.equal(1);
      expect(stdout.split("\n").map((line) => line.replace(/^\S+:\d+:\d+: /, ""))).to.deep.equal([
        "spec.rules[0].action: must be Hold or Deny",
        "spec.rules[1]: approval is for what is held",
        "spec.rules[1].when: undeclared reference to 'nosuch'",
        "",
      ]);
    });

    const misread: Record<string, [text: string, told: string]> = {
      "a document on the line of its ---": [`a: 1\n--- {b: 2}\n${POLICY}`, ":2:1: kubectl takes nothing but"],
      "a ? in braces": [`a: {b: c?d}\n---\n${POLICY}`, ":1:9: kubectl reads no ? in text without quotes"],
      "a number that JSON does not have": [`a: .inf\n---\n${POLICY}`, ":1:4: is no number that JSON has"],
      "an AgentProfile of the cluster's own": [
        `apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec: {users: [system:admin]}\n`,
        ":4:15: spec.users: the cluster's own users are no agents",
      ],
      "an AgentProfile of nobody": [
        `apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec: {}\n`,
        ":4:7: spec: at least one of users, groups, serviceAccounts, extras and tokens is needed",
      ],
      "an AgentProfile whose agents are to work in sessions, and have none": [
        `apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec: {users: [a], require: session}\n`,
        ":4:7: spec: require: session needs spec.session",
      ],
      "an AgentProfile that says which ports may be forwarded, and that none may": [
        `apiVersion: policy.hoop.dev/v1alpha1
kind: AgentProfile
metadata: {name: a}
spec:
  users: [a]
  session:
    serviceAccount: {namespace: w, name: b}
    forwardedPorts: [80]
`,
        ":7:5: spec.session: forwardedPorts needs portForward: true",
      ],
      "an AgentProfile for all of an issuer": [
        `apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec:\n  tokens:\n    - issuer: https://id\n`,
        ":6:7: spec.tokens[0]: claims or when is needed",
      ],
      "an AgentProfile whose expression does not compile": [
        `apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec:\n  tokens: [{issuer: i, when: claims.a == b}]\n`,
        ":5:42: spec.tokens[0].when: undeclared reference to 'b'",
      ],
      "an AgentProfile of a time zone that is none": [
        `apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec:\n  users: [a]\n  session:\n    serviceAccount: {namespace: w, name: b}\n    windows: [{from: "08:00", to: "09:00", timeZone: Mars/Olympus}]\n`,
        ":8:54: spec.session.windows[0].timeZone: there is no such time zone",
      ],
      "an AgentProfile with a window of no time": [
        `apiVersion: policy.hoop.dev/v1alpha1\nkind: AgentProfile\nmetadata: {name: a}\nspec:\n  users: [a]\n  session:\n    serviceAccount: {namespace: w, name: b}\n    windows: [{from: "8:00", to: "25:00", days: [Monday]}]\n`,
        ":8:50: spec.session.windows[0].days[0]: must be Mon or Tue",
      ],
    };
    for (const [what, [text, told]] of Object.entries(misread))
      it(`finds ${what}`, async () => {
        const root = await files({ "shop.yaml": text });
        const { code, stdout } = await hoop(["policy", "check", root]);
        expect(code).to.equal(1);
        expect(stdout).to.contain(told);
      });

    it("warns of what the cluster would warn of, and finds nothing wrong", async () => {
      const root = await files({
        "odd.yaml": POLICY.replace(/resources: \[[^\]]*\]/, "resources: [deployment]"),
      });
      const { code, stdout } = await hoop(["policy", "check", root]);
      expect(code, stdout).to.equal(0);
      expect(stdout).to.match(
        /odd\.yaml:\d+:\d+: warning: spec\.matchConstraints\..*there is no deployment; it is /,
      );
      expect(stdout).to.match(/\nnothing wrong: 1 policy, 2 rules, 0 tests, 1 warning\n$/);
      const asJson = await hoop(["policy", "check", root, "-o", "json"]);
      expect(JSON.parse(asJson.stdout).warnings).to.have.length(1);
    });

    const block = `    when: |\n      request.name == 'a'\n      && reqest.name == 'b'\n`;
    const folded = `    when: >-\n      request.name == 'a'\n      && reqest.name == 'b'\n`;
    const WHEN = "    when: request.name == 'frozen'\n";
    const places: Record<string, [when: string, place: string]> = {
      "of a plain expression": ["    when: request.name == 'a' && reqest.name == 'b'\n", ":20:34: "],
      "of a quoted one": ["    when: \"request.name == 'a' && reqest.name\"\n", ":20:35: "],
      "of one of several lines": [block, ":22:10: "],
      "of a folded one, as far as it can be told": [folded, " (line 1, column 24 of it)\n"],
    };
    for (const [what, [when, place]] of Object.entries(places))
      it(`tells line and column ${what}`, async () => {
        const root = await files({ "shop.yaml": POLICY.replace(WHEN, when) });
        const { code, stdout } = await hoop(["policy", "check", root]);
        expect(code).to.equal(1);
        expect(stdout.startsWith(`${join(root, "shop.yaml")}:`)).to.equal(true);
        expect(stdout).to.contain(place).and.contain("spec.rules[1].when: ");
      });

    it("tells of a rule that the catalogue does not have", async () => {
      const root = await files({ "shop.yaml": `${POLICY}  catalogue: [{rule: nothing, mode: Off}]\n` });
      const { stdout } = await hoop(["policy", "check", root]);
      expect(stdout).to.match(
        /shop\.yaml:21:\d+: spec\.catalogue\[0\]\.rule: no rule of the catalogue has this name\n/,
      );
      expect(stdout).to.match(
        /shop\.yaml:21:\d+: spec\.catalogue\[0\]\.mode: must be string, is boolean: put/,
      );
    });
  });

  describe("explain", () => {
    async function explained(object: string, ...more: string[]) {
      const root = await files({ "shop.yaml": POLICY, "object/a.yaml": object });
      const args = [
        "-f",
        join(root, "object/a.yaml"),
        "--as",
        "ci/bot",
        "--policies",
        join(root, "shop.yaml"),
      ];
      return hoop(["policy", "explain", ...args, "--no-catalogue", ...more]);
    }

    it("shows what every part comes to, and what decided", async () => {
      const { code, stdout, calls } = await explained(config("a", { a: "1", b: "2", c: "3" }));
      expect({ code, calls }).to.deep.equal({ code: 0, calls: [] });
      expect(stdout.split("\n")).to.deep.equal([
        "CREATE configmaps shop/a as system:serviceaccount:ci:bot",
        "=> Hold",
        "   shop/large: so many entries: 3",
        "   to be decided by 2 of sre",
        "",
        "FIRED  shop/large (Hold, Enforce): so many entries: 3",
        "  when",
        "    variables.size > 2 && request.namespace == 'shop' = true",
        "      variables.size > 2 = true  <-",
        "        variables.size = 3",
        "      request.namespace == 'shop' = true  <-",
        '        request.namespace = "shop"',
        "  variable size",
        "    object.data.size() = 3",
        '      object.data = {"a": "1", "b": "2", "c": "3"}',
        "",
        "quiet  shop/frozen (Deny, Warn)",
        "  when",
        "    request.name == 'frozen' = false  <-",
        '      request.name = "a"',
        "",
      ]);
    });

    it("shows of a quiet rule what is negated with its negation", async () => {
      const pod = stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: {} });
      const root = await files({ "p/shop.yaml": POLICY, "a.yaml": pod });
      const args = ["-f", join(root, "a.yaml"), "--as", "ci/bot", "--policies", join(root, "p")];
      const { stdout } = await hoop(["policy", "explain", ...args]);
      const [, after = ""] = stdout.split("Of the catalogue, quiet:\n");
      const quiet = (after.split("\n\n")[0] ?? "").split("\n").filter((line) => line.includes(": "));
      expect(quiet.length).to.be.greaterThan(3);
      expect(quiet.filter((line) => !line.endsWith(" = false"))).to.deep.equal([]);
    });

    it("tells what is only tried", async () => {
      const { stdout } = await explained(config("frozen", { a: "1" }));
      expect(stdout).to.contain("=> Allow\n   would deny (Warn): shop/frozen: ");
    });

    it("says why a rule could not tell", async () => {
      const { stdout } = await explained(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n",
      );
      expect(stdout).to.contain("=> CouldNotTell: rule shop/large failed: ");
      expect(stdout).to.match(/FAILED {2}shop\/large \(Hold, Enforce\): /);
      expect(stdout).to.match(/object\.data\.size\(\) = \(no such key.*\)\n/);
    });

    it("says why the rules of policies are about other requests", async () => {
      const configMap = stringify({
        ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "shop" } },
        data: { a: "1", b: "2", c: "3" },
      });
      const narrowed = POLICY.replace(
        "  variables:",
        "    namespaceSelector: {matchLabels: {team: shop}}\n  variables:",
      );
      const root = await files({ "p.yaml": narrowed, "object.yaml": configMap });
      const asked = (...paths: string[]) =>
        hoop([
          ...["policy", "explain", "-f", join(root, "object.yaml"), "--as", "ci/bot"],
          ...paths.flatMap((path) => ["--policies", join(root, path)]),
        ]);
      const { stdout, stderr } = await asked("p.yaml");
      expect(stdout).to.contain(
        "Of AgentPolicies, about other requests:\n" +
          "  shop/large: its policy's namespaceSelector does not match: shop has no labels\n",
      );
      expect(stderr).to.contain("note: Namespace shop is taken to have no labels: ");
      const space = stringify({
        ...{ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { team: "shop" } } },
      });
      await writeFile(join(root, "space.yaml"), space);
      const told = await asked("p.yaml", "space.yaml");
      expect(told.stdout).to.contain("=> Hold\n").and.contain("to be decided by 2 of sre\n");
      expect(told.stderr).not.to.contain("taken to have no labels");
    });

    it("refuses an object of another namespace than the one that is given", async () => {
      const { code, stderr } = await explainIn("shop", "demo");
      expect(code).to.equal(1);
      expect(stderr).to.contain("error: the object is of namespace shop, and not of demo\n");
    });

    const explainIn = async (namespace: string, given: string) => {
      const root = await files({
        "p.yaml": POLICY,
        "o.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: ${namespace}}\n`,
      });
      const [object, policies] = [join(root, "o.yaml"), join(root, "p.yaml")];
      return hoop(["policy", "explain", "-f", object, "--as", "a", "--policies", policies, "-n", given]);
    };

    it("counts rules about other requests, and shows them when asked", async () => {
      const pod = stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: {} });
      expect((await explained(pod)).stdout).to.contain("2 rules about other requests (--all shows them).\n");
      expect((await explained(pod, "--all")).stdout).to.contain(
        "not about it  shop/large (Hold, Enforce): its policy's resourceRules do not match\n",
      );
    });

    it("takes an update, a delete and another agent", async () => {
      const root = await files({ "old.yaml": config("a", { a: "1", b: "2" }) });
      const old = ["--old", join(root, "old.yaml")];
      const more = config("a", { c: "3" });
      expect((await explained(more, ...old)).stdout).to.match(/^UPDATE configmaps shop\/a .*\n=> Hold\n/);
      expect((await explained(more, "--operation", "delete")).stdout).to.match(/^DELETE configmaps shop\/a /);
      expect((await explained(more, "--operation", "update")).stderr).to.contain("--old FILE");
      const other = await hoop([
        "policy",
        "explain",
        ...old.with(0, "-f"),
        "--as",
        "carl",
        "--policies",
        root,
      ]);
      expect(other.stdout).to.contain(" as carl\n");
    });

    it("never shows what is secret, however an expression gets at it", async () => {
      const policy = stringify({
        apiVersion: "policy.hoop.dev/v1alpha1",
        kind: "AgentPolicy",
        metadata: { name: "peek" },
        spec: {
          variables: [{ name: "all", expression: "object.stringData.map(k, object.stringData[k])" }],
          rules: [
            {
              name: "peek",
              action: "Hold",
              when: "object.stringData.password.substring(0, 4) + 'x' != '' && object.stringData.password.size() > 3 && variables.all.join('') != '' && object.stringData.password.charAt(1) != ''",
              messageExpression: "'it is ' + object.stringData.password",
            },
          ],
        },
      });
      const secret = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "db" },
        stringData: { password: "tulip-8271" },
      };
      const root = await files({ "p.yaml": policy, "o/s.yaml": stringify(secret) });
      for (const output of ["text", "json"]) {
        const { stdout } = await hoop([
          "policy",
          "explain",
          "-f",
          join(root, "o/s.yaml"),
          "--as",
          "x",
          "--policies",
          join(root, "p.yaml"),
          "-o",
          output,
        ]);
        expect(stdout).to.contain("password.size()").and.contain("[masked: ");
        for (const part of ["tulip", "8271", "tuli", "= 10", '"u"']) expect(stdout).not.to.contain(part);
      }
    });

    /** What Hoop has recorded of its configuration last. */
    const recorded = (spec: object, settings: object) => {
      const record = { kind: "Record", metadata: { name: "7", namespace: "hoop-system" }, spec };
      return {
        "/apis/hoop.dev/v1alpha1/records?fieldSelector=kind%3Dconfiguration%2Cnewest%3D1": {
          items: [record],
        },
        "/apis/hoop.dev/v1alpha1/namespaces/hoop-system/records/7": { ...record, payload: { settings } },
      };
    };
    let version: string;
    let shipped: string[];
    before(async () => {
      version = `v${await pluginVersion()}`;
      shipped = [...(await shippedCatalogue(true)).catalogue.rules.keys()];
      Object.assign(CLUSTER, recorded({ version, rules: [...shipped, "live/tier"] }, {}));
    });

    const CLUSTER: Record<string, object> = {
      "/apis/policy.hoop.dev/v1alpha1/agentpolicies": {
        items: [
          {
            metadata: { name: "live" },
            spec: {
              rules: [
                {
                  name: "tier",
                  action: "Deny",
                  when: "namespaceObject.metadata.labels.tier == 'one' && oldObject != null && authorizer.group('').resource('pods').check('create').allowed()",
                },
              ],
            },
            status: { conditions: [{ type: "Ready", status: "True", message: "" }] },
          },
        ],
      },
      "/api/v1/namespaces/shop": {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name: "shop",
          labels: { tier: "one" },
          annotations: { "hoop.dev/require-approval": "true" },
        },
      },
      "/api/v1/namespaces/ci/serviceaccounts/bot": { metadata: { name: "bot", namespace: "ci" } },
    };
    const kubectl: Script = {
      answer: (args, input): Answered => {
        if (args[0] === "create") return json({ ...JSON.parse(input ?? ""), status: { allowed: true } });
        if (args[1] === "--raw") {
          const found = CLUSTER[args[2] ?? ""];
          return found === undefined ? failed("Error from server (NotFound): not found") : json(found);
        }
        return json({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "shop" } });
      },
    };

    it("judges by the cluster where no policies are given", async () => {
      const root = await files({ "a.yaml": config("a", { a: "1" }) });
      const args = ["policy", "explain", "-f", join(root, "a.yaml"), "--as", "ci/bot", "--context", "prod"];
      const { code, stdout, calls } = await hoop(args, kubectl);
      expect(code).to.equal(0);
      expect(stdout).to.match(
        /^UPDATE configmaps shop\/a as system:serviceaccount:ci:bot\n=> Deny\n {3}live\/tier: /,
      );
      expect(stdout).to.contain("annotation require-approval@namespace/shop\n  true = true");
      expect(calls.every((call) => call.includes("--context=prod"))).to.equal(true);
      expect(calls.flat().filter((word) => word.startsWith("--as"))).to.deep.equal([]);
    });

    /** The cluster with more in it; of kubectl's own kinds it has no Foo. */
    const clusterWith = (more: Record<string, object>): Script => ({
      answer: (args, input) => {
        if (args[1] === "Foo.v1.x.io") return failed('error: the server doesn\'t have a resource type "Foo"');
        const found = args[1] === "--raw" ? more[args[2] ?? ""] : undefined;
        return found === undefined ? kubectl.answer?.(args, input) : json(found);
      },
    });
    const explainAs = async (
      as: string,
      script: Script,
      object = config("a", { a: "1" }),
      ...more: string[]
    ) => {
      const root = await files({ "a.yaml": object });
      return hoop(["policy", "explain", "-f", join(root, "a.yaml"), "--as", as, ...more], script);
    };

    it("says where Hoop may not be asked at all", async () => {
      const profiles = {
        "/apis/policy.hoop.dev/v1alpha1/agentprofiles": {
          items: [{ spec: { users: ["bob"], serviceAccounts: [{ namespace: "ci", name: "bot" }] } }],
        },
      };
      const notesOn = async (as: string, ...more: string[]) =>
        (await explainAs(as, clusterWith(profiles), undefined, ...more)).stderr;
      expect(await notesOn("ci/bot")).to.equal("");
      expect(await notesOn("bob")).to.equal("");
      expect(await notesOn("carl", "--as-group", "hoop:agents")).to.equal("");
      expect(await notesOn("carl", "--as-group", "people")).to.match(
        /^note: no AgentProfile names carl, .*\n$/,
      );
      expect(await notesOn("bob", "--as-group", "system:masters")).to.equal(
        "note: bob is never an agent: Hoop is not asked about it\n",
      );
      expect(await notesOn("ci/nosuch")).to.match(
        /^note: there is no ServiceAccount ci\/nosuch\nnote: no AgentProfile names system:serviceaccount:ci:nosuch, /,
      );
    });

    it("judges by the settings that Hoop has, and says whom they make agents", async () => {
      const settings = {
        namespace: "hoop-elsewhere",
        agents: { groups: ["robots"], users: ["carl"], serviceAccounts: [], extras: {} },
        hold: {
          ...{ maxWaitSeconds: 60, pendingSeconds: 1800, approvedSeconds: 300 },
          approvers: { groups: ["leads"], count: 3 },
        },
        workloads: [{ group: "x.io", resource: "runs", path: "spec.pod" }],
      };
      const script = clusterWith(recorded({ version, rules: shipped }, settings));
      const secret = stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "s", namespace: "shop" },
      });
      const held = await explainAs("carl", script, secret, "--operation", "create");
      expect(held.stdout).to.contain("to be decided by 3 of leads");
      expect(held.stderr).to.equal("");
      expect((await explainAs("eve", script)).stderr).to.equal(
        "note: neither an AgentProfile nor Hoop's settings make eve an agent: Hoop is not asked about it\n",
      );
      const run = stringify({
        ...{ apiVersion: "x.io/v1", kind: "Run", metadata: { name: "r", namespace: "shop" } },
        spec: { pod: { hostNetwork: true, containers: [{ name: "a", image: "i" }] } },
      });
      const args = ["--operation", "create", "--resource", "runs.x.io"] as const;
      expect((await explainAs("carl", script, run, ...args)).stdout).to.contain("host-namespaces");
      const without = clusterWith(recorded({ version, rules: shipped }, {}));
      expect((await explainAs("carl", without, run, ...args)).stdout).not.to.contain(
        "FIRED  host-namespaces",
      );
    });

    it("says so where Hoop's settings are erased from its records", async () => {
      const [list, one] = Object.entries(recorded({ version, rules: shipped }, {}));
      const script = clusterWith(
        Object.fromEntries([list ?? [], [one?.[0], { ...one?.[1], payload: "erased" }]]),
      );
      const { stderr } = await explainAs("carl", script, undefined, "--as-group", "hoop:agents");
      expect(stderr).to.match(/^note: Hoop's settings cannot be seen: they are erased .*\n$/);
    });

    it("leaves out what Hoop does not have, and says what it has otherwise", async () => {
      const rules = [...shipped.filter((rule) => rule !== "secret-create"), "brand-new", "live/tier"];
      const secret = stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "s", namespace: "shop" },
      });
      const script = clusterWith(recorded({ version: "v9.9.9", rules }, {}));
      const more = ["--operation", "create", "--as-group", "hoop:agents"] as const;
      const { stdout, stderr } = await explainAs("carl", script, secret, ...more);
      expect(stdout).not.to.contain("secret-create");
      expect((await explainAs("carl", kubectl, secret, ...more)).stdout).to.contain("secret-create");
      expect(stderr.split("\n")).to.deep.equal([
        `note: Hoop is v9.9.9, and this by the catalogue of this plugin (${version}): rules of one name may differ`,
        "note: Hoop has rules that this plugin does not know, and may judge otherwise: brand-new",
        "note: left out, because Hoop does not have them: secret-create",
        "",
      ]);
    });

    it("says why where what Hoop has cannot be seen, and judges by what came with the plugin", async () => {
      const refusals: [Answered, RegExp][] = [
        [failed("Error from server (Forbidden): records is forbidden: no"), /\(forbidden: no\)/],
        [failed("Error from server (NotFound): not found"), /\(there is no record of it\)/],
        [json({ items: [] }), /\(there is no record of it\)/],
      ];
      for (const [answer, why] of refusals) {
        const script: Script = {
          answer: (args, input) =>
            args[2]?.includes("/records") === true ? answer : kubectl.answer?.(args, input),
        };
        const { code, stderr } = await explainAs("carl", script, undefined, "--as-group", "hoop:agents");
        expect(code).to.equal(0);
        expect(stderr)
          .to.match(/^note: what Hoop judges by cannot be seen .*\n$/)
          .and.to.match(why);
      }
    });

    it("says so where AgentProfiles may not be listed", async () => {
      const script: Script = {
        answer: (args, input) =>
          args[2]?.endsWith("/agentprofiles")
            ? failed("Error from server (Forbidden): agentprofiles is forbidden: no")
            : kubectl.answer?.(args, input),
      };
      expect((await explainAs("ci/bot", script)).stderr).to.equal(
        "note: whether system:serviceaccount:ci:bot is an agent cannot be seen: you may not list AgentProfiles\n",
      );
    });

    const ready = (status: string, message: string) => ({
      conditions: [{ type: "Ready", status, message }],
    });
    const policies = {
      "/apis/policy.hoop.dev/v1alpha1/agentpolicies": {
        items: [
          {
            metadata: { name: "limits" },
            spec: { rules: [{ name: "most", action: "Deny", when: "false" }] },
            status: ready("False", "its parameters cannot be followed: forbidden"),
          },
          {
            metadata: { name: "sandboxes" },
            spec: {
              matchConstraints: { namespaceSelector: { matchLabels: { env: "sandbox" } } },
              catalogue: [
                { rule: "pod-delete", mode: "Off" },
                { rule: "rbac-write", mode: "Enforce", approval: { groups: ["security"], count: 2 } },
              ],
            },
            status: ready("True", ""),
          },
        ],
      },
    };

    it("names the policies that are not in force", async () => {
      const { stdout, stderr } = await explainAs("agent", clusterWith(policies));
      expect(stdout).to.contain("\n=> ");
      expect(stderr).to.equal(
        "note: AgentPolicy limits is not Ready, so Hoop may judge otherwise than told here: " +
          "its parameters cannot be followed: forbidden\n",
      );
      const wide = await hoop(["policy", "list", "-o", "wide"], clusterWith(policies));
      expect(wide.stdout).to.match(/\nlimits\/most +Deny +Enforce \(policy not Ready\) .*cannot be followed/);
    });

    it("judges as Hoop does, which may not read the parameters", async () => {
      const limits = {
        metadata: { name: "limits", generation: 2 },
        spec: {
          paramKind: { apiVersion: "v1", kind: "ConfigMap" },
          paramRef: { name: "most", namespace: "platform" },
          rules: [{ name: "most", action: "Deny", when: "params.data.most == 'x'" }],
        },
        status: {
          problems: [{ path: "spec.paramRef", message: "ConfigMap most cannot be followed: forbidden" }],
          conditions: [
            { type: "Ready", status: "False", message: "it is so", observedGeneration: 2, reason: "Broken" },
          ],
        },
      };
      const { stdout, stderr } = await explainAs(
        "agent",
        clusterWith({ "/apis/policy.hoop.dev/v1alpha1/agentpolicies": { items: [limits] } }),
      );
      expect(stdout).to.contain("=> CouldNotTell: rule limits/most failed: its parameters are not known: ");
      expect(stderr).to.match(/^note: AgentPolicy limits is not Ready, .*it is so\n/);
    });

    it("says of which policies Hoop has not told yet", async () => {
      const [condition] = ready("True", "in force").conditions;
      const item = {
        metadata: { name: "newer", generation: 2 },
        spec: { rules: [{ name: "a", action: "Deny", when: "false" }] },
        status: { conditions: [{ ...condition, observedGeneration: 1 }] },
      };
      const { stderr } = await explainAs(
        "agent",
        clusterWith({ "/apis/policy.hoop.dev/v1alpha1/agentpolicies": { items: [item] } }),
      );
      expect(stderr).to.match(/^note: AgentPolicy newer is not Ready, .*Hoop has not told of it yet/);
    });

    it("lists by which policy and for what a rule is switched", async () => {
      const { stdout } = await hoop(["policy", "list"], clusterWith(policies));
      expect(stdout)
        .to.match(/\npod-delete .* Off by sandboxes, for what it matches\n/)
        .and.match(/\nrbac-write .* 2 of security by sandboxes, for what it matches\n/);
    });

    it("says which kind the cluster does not have", async () => {
      const foo = stringify({ apiVersion: "x.io/v1", kind: "Foo", metadata: { name: "a" } });
      const { code, stderr } = await explainAs("agent", clusterWith({}), foo);
      expect(code).to.equal(1);
      expect(stderr).to.contain("error: this cluster has no kind Foo in x.io/v1\n");
    });

    it("lists the cluster's rules beside the catalogue's", async () => {
      const { stdout } = await hoop(["policy", "list"], kubectl);
      expect(stdout).to.match(/^RULE +ACTION +MODE +SEVERITY +FROM +SWITCHED\n/);
      expect(stdout).to.match(/\nnamespace-delete +Hold +Enforce +\w+ +catalogue\/\w+ +<none>\n/);
      expect(stdout).to.match(/\nlive\/tier +Deny +Enforce +<none> +live +<none>\n/);
      const alone = await hoop(["policy", "list", "--no-catalogue", "-o", "json"], kubectl);
      expect(JSON.parse(alone.stdout)).to.have.length(1);
    });

    it("says so where the cluster has no policies", async () => {
      const { code, stderr } = await hoop(["policy", "list"], {
        answer: () =>
          failed("Error from server (NotFound): the server could not find the requested resource"),
      });
      expect(code).to.equal(1);
      expect(stderr).to.contain("error: ");
    });
  });

  it("completes files where it takes files", async () => {
    expect(await completions(["policy", "test", "a"])).to.equal(":0\n");
    expect(await completions(["policy", "explain", "-f", ""])).to.equal(":0\n");
    expect(await completions(["policy", "test", "--cata"])).to.contain("--catalogue");
    expect(await completions(["policy", ""])).to.contain("explain\t");
  });
});
