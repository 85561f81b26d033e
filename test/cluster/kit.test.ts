/** The kit behind a real API server: what kubectl and the controllers make of it. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { subjectAccessReview } from "#cluster/access-review.ts";
import { type Client, connect } from "#cluster/client.ts";
import { tokenReview } from "#cluster/token-review.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { type AuthenticationConfig, parseAuthenticationConfig } from "#kit/authentication-config.ts";
import { delegatedAuthentication } from "#kit/authn.ts";
import { delegatedAuthorization } from "#kit/authz.ts";
import { type Listening, listen } from "#kit/listen.ts";
import { type ApiHandler, createApi } from "#kit/server.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { type Loose, putWidget, VERSION, widgets } from "../unit/kit/toy.ts";

describe("the kit behind a real API server", function () {
  this.timeout(300_000);
  let plane: ControlPlane;
  let client: Client;
  let store: Store;
  let api: ApiHandler;
  let server: Listening;
  let config: AuthenticationConfig | undefined;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane({ controllerManager: true });
    client = connect(plane.adminKubeconfig);
    await plane.createNamespace("a");
    await serve();
    await register();
  });
  after(async () => {
    await server?.close(() => api.close(), 5000);
    await client?.close();
    await plane?.stop();
  });

  async function serve(): Promise<void> {
    store = memoryStore();
    api = createApi({
      title: "Toys",
      version: VERSION,
      resources: [widgets(store)],
      authenticate: delegatedAuthentication({
        config: () => config,
        tokenReview: (token) => tokenReview(client, token),
      }),
      authorize: delegatedAuthorization((spec) => subjectAccessReview(client, spec)),
      log: { error: (fields, message) => console.error(message, fields) },
    });
    const { data } = JSON.parse(
      await kubectl([
        "get",
        "configmap",
        "-n",
        "kube-system",
        "extension-apiserver-authentication",
        "-o",
        "json",
      ]),
    );
    config = parseAuthenticationConfig(data);
  }

  async function register(): Promise<void> {
    const ca = createAuthority("toys");
    const { key, certificate } = issueServing(ca, { dns: ["toys.a.svc"], ips: [] }, 1);
    server = await listen({ key, cert: certificate, host: "127.0.0.1", port: 0, handler: api });
    await kubectl(["apply", "-f", "-"], {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "toys", namespace: "a" },
      spec: { type: "ExternalName", externalName: "localhost", ports: [{ port: server.port }] },
    });
    await kubectl(["apply", "-f", "-"], {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: "v1.toy.example.com" },
      spec: {
        ...{ group: "toy.example.com", version: "v1", groupPriorityMinimum: 1000, versionPriority: 10 },
        service: { namespace: "a", name: "toys", port: server.port },
        caBundle: Buffer.from(ca.certificate).toString("base64"),
      },
    });
    await kubectl(["wait", "apiservice/v1.toy.example.com", "--for=condition=Available", "--timeout=120s"]);
  }

  async function kubectl(args: string[], object?: object): Promise<string> {
    const options = object === undefined ? {} : { input: JSON.stringify(object) };
    const { code, stdout, stderr } = await plane.kubectl(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  async function eventually(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 200));
  }

  it("is discovered, with short names, categories and subresources", async () => {
    const resources = await kubectl([
      "api-resources",
      "--api-group=toy.example.com",
      "-o",
      "wide",
      "--no-headers",
    ]);
    expect(resources).to.match(/^widgets +wd +toy.example.com\/v1 +true +Widget +get,list,watch +toys\s*$/);
    const groups: Loose = JSON.parse(await kubectl(["get", "--raw", "/apis"]));
    expect(groups.groups.map(({ name }: Loose) => name)).to.include("toy.example.com");
  });

  it("is listed as a table, by short name and by category, wide and sorted", async () => {
    await putWidget(store, "a", "one");
    await putWidget(store, "a", "two", { color: "blue" });
    expect(await kubectl(["get", "wd", "-n", "a"])).to.match(
      /^NAME +COLOR +AGE\none +red +\d+\S*\ntwo +blue/,
    );
    expect(await kubectl(["get", "toys", "-A", "-o", "wide"])).to.match(/NAMESPACE +NAME +COLOR +AGE +SIZE/);
    expect(await kubectl(["get", "wd", "-n", "a", "--sort-by=.metadata.name", "-o", "name"])).to.equal(
      "widget.toy.example.com/one\nwidget.toy.example.com/two\n",
    );
    expect(
      await kubectl(["get", "wd", "-n", "a", "--field-selector=spec.color=blue", "-o", "name"]),
    ).to.equal("widget.toy.example.com/two\n");
  });

  it("is explained", async () => {
    // The API server fetches the document some time after it has found the group.
    await eventually(async () => (await plane.kubectl(["explain", "widget"])).code === 0);
    const explained = await kubectl(["explain", "widget.spec", "--recursive"]);
    expect(explained).to.match(/GROUP: +toy.example.com\nKIND: +Widget\nVERSION: +v1/);
    expect(explained).to.match(/color\t<string> -required-\s+enum: red, blue/);
    expect(await kubectl(["explain", "widget.metadata"])).to.include("FIELD: metadata <ObjectMeta>");
  });

  it("leaves the cluster's merged OpenAPI v2 whole, and is in it under its own names", async () => {
    let names: string[] = [];
    await eventually(async () => {
      names = Object.keys(JSON.parse(await kubectl(["get", "--raw", "/openapi/v2"])).definitions);
      return names.includes("com.example.toy.v1.Widget");
    });
    expect(names).to.include("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    expect(names.filter((name) => name.endsWith("_v2"))).to.deep.equal([]);
  });

  it("is watched by kubectl, and waited for", async () => {
    await putWidget(store, "a", "watched");
    // A single object would be watched from whenever kubectl comes to it; a list is watched from its own version.
    const one = ["get", "wd", "-n", "a", "--field-selector=metadata.name=watched"];
    const watching = plane.spawnKubectl([...one, "-w", "--output-watch-events", "--no-headers"]);
    const lines = createInterface(watching.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).to.match(/^ADDED +watched +red/);
    await putWidget(store, "a", "watched", { color: "blue" });
    expect((await lines.next()).value).to.match(/^MODIFIED +watched +blue/);
    const waiting = kubectl([
      "wait",
      "widget/watched",
      "-n",
      "a",
      "--for=jsonpath={.spec.color}=red",
      "--timeout=60s",
    ]);
    await putWidget(store, "a", "watched", { color: "red" });
    expect(await waiting).to.include("condition met");
    const gone = kubectl(["wait", "widget/watched", "-n", "a", "--for=delete", "--timeout=60s"]);
    await store.commit({ deletes: [{ key: "widgets/ns-a/watched" }] });
    await gone;
    watching.kill();
    await once(watching, "close");
  });

  it("has its subresource read and patched by plain kubectl", async () => {
    await putWidget(store, "a", "dull");
    const patch = ["patch", "widget", "dull", "-n", "a", "--subresource=polish"];
    await kubectl([...patch, "--type=merge", "-p", '{"shine":"matt"}']);
    await kubectl([...patch, "--type=json", "-p", '[{"op":"replace","path":"/shine","value":"bright"}]']);
    const read = await kubectl([
      "get",
      "widget",
      "dull",
      "-n",
      "a",
      "--subresource=polish",
      "-o",
      "jsonpath={.shine}",
    ]);
    expect(read).to.equal("bright");
    const dry = [
      ...patch,
      "--type=merge",
      "-p",
      '{"shine":"matt"}',
      "--dry-run=server",
      "-o",
      "jsonpath={.shine}",
    ];
    expect(await kubectl(dry)).to.equal("matt");
    expect(
      await kubectl(["get", "widget", "dull", "-n", "a", "--subresource=polish", "-o", "jsonpath={.shine}"]),
    ).to.equal("bright");
    const wrong = await plane.kubectl([...patch, "--type=merge", "-p", '{"shine":"dull"}']);
    expect(wrong.stderr).to.match(/The Polish "dull" is invalid: shine: Unsupported value/);
  });

  it("answers a user by the cluster's RBAC, through the API server and around it", async () => {
    const kubeconfig = await plane.kubeconfig("ann", ["devs"]);
    const denied = await plane.kubectl(["get", "wd", "-n", "a"], { kubeconfig });
    expect(denied.stderr).to.match(
      /widgets.toy.example.com is forbidden: User "ann" cannot list resource "widgets" in API group "toy.example.com" in the namespace "a"/,
    );
    await kubectl([
      "create",
      "role",
      "toys",
      "-n",
      "a",
      "--verb=get,list",
      "--resource=widgets.toy.example.com",
    ]);
    await kubectl(["create", "rolebinding", "toys", "-n", "a", "--role=toys", "--group=devs"]);
    await eventually(async () => (await plane.kubectl(["get", "wd", "-n", "a"], { kubeconfig })).code === 0);
    expect((await plane.kubectl(["get", "wd", "-A"], { kubeconfig })).stderr).to.include(
      "at the cluster scope",
    );
    const asAnn = ["get", "wd", "-A", "--as=ann", "--as-group=devs"];
    expect((await plane.kubectl(asAnn)).stderr).to.include('User "ann" cannot list');
    const direct = [`--server=https://localhost:${server.port}`, "--insecure-skip-tls-verify"];
    expect(
      (await plane.kubectl([...direct, "get", "--raw", "/apis/toy.example.com/v1/widgets"], { kubeconfig }))
        .stderr,
    ).to.match(/forbidden/i);
    const impersonating = await plane.kubectl([
      ...direct,
      "get",
      "--raw",
      "/apis/toy.example.com/v1/widgets",
      "--as=ann",
    ]);
    expect(impersonating.stderr).to.include("impersonation is not served");
  });

  it("does not stand in the way of a namespace's deletion", async () => {
    await plane.createNamespace("doomed");
    await putWidget(store, "doomed", "one");
    await kubectl(["delete", "namespace", "doomed", "--timeout=120s"]);
  });
});
