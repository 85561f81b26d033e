/** What `/mutate` adds: provenance, and nothing that an agent's own request would not have changed. */
import { expect } from "chai";
import { applyPatch } from "rfc6902";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { stampPatch } from "#core/stamp.ts";
import { mutationReview } from "#webhook/answers.ts";
import { request, user } from "../../support/reviews.ts";

const STAMP = { "hoop.dev/agent": "ci-bot" };
const TEMPLATE = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "main", image: "app:1" }] },
};

const KINDS = {
  configmaps: { group: "", kind: "ConfigMap" },
  pods: { group: "", kind: "Pod" },
  deployments: { group: "apps", kind: "Deployment" },
  cronjobs: { group: "batch", kind: "CronJob" },
};

function write(
  resource: keyof typeof KINDS,
  object: JsonObject | null,
  oldObject: JsonObject | null = null,
  rest: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  const { group, kind } = KINDS[resource];
  const operation = object === null ? "DELETE" : oldObject === null ? "CREATE" : "UPDATE";
  const version = "v1";
  const names = { kind: { group, version, kind }, resource: { group, version, resource } };
  return request({ ...names, name: "web", namespace: "demo", operation, object, oldObject, ...rest });
}

const deployment = (
  replicas: number,
  template: JsonObject = TEMPLATE,
  metadata: JsonObject = {},
): JsonObject => ({
  metadata: { name: "web", ...metadata },
  spec: { replicas, template },
});
const annotated = (...at: string[]) => ({ path: at, annotations: STAMP });

/** What the patched object has, where it was changed. */
interface Stamped {
  path: string[];
  annotations: object;
}

const cases: Record<string, [AdmissionRequest, Stamped[]]> = {
  "a new object": [write("configmaps", { metadata: { name: "web" }, data: {} }), [annotated()]],
  "a new object with annotations of its own": [
    write("configmaps", { metadata: { name: "web", annotations: { "a/b~c": "d" } } }),
    [{ path: [], annotations: { "a/b~c": "d", ...STAMP } }],
  ],
  "a new object that claims to be another agent's": [
    write("configmaps", { metadata: { name: "web", annotations: { "hoop.dev/agent": "somebody" } } }),
    [annotated()],
  ],
  "a new Deployment, and its template": [
    write("deployments", deployment(1)),
    [annotated(), annotated("spec", "template")],
  ],
  "a new Deployment whose template has no metadata": [
    write("deployments", deployment(1, { spec: { containers: [] } })),
    [annotated(), annotated("spec", "template")],
  ],
  "a new CronJob, and the template within its template": [
    write("cronjobs", { metadata: { name: "web" }, spec: { jobTemplate: { spec: { template: TEMPLATE } } } }),
    [annotated(), annotated("spec", "jobTemplate", "spec", "template")],
  ],
  "a change of something": [
    write(
      "configmaps",
      { metadata: { name: "web" }, data: { a: "2" } },
      { metadata: { name: "web" }, data: { a: "1" } },
    ),
    [annotated()],
  ],
  "a change by another agent than before": [
    write(
      "configmaps",
      { metadata: { name: "web", annotations: { "hoop.dev/agent": "old-bot" } }, data: { a: "2" } },
      { metadata: { name: "web", annotations: { "hoop.dev/agent": "old-bot" } }, data: { a: "1" } },
    ),
    [annotated()],
  ],
  "a scaling, and not the template, which would roll out": [
    write("deployments", deployment(3), deployment(1)),
    [annotated()],
  ],
  "a change of the template, and that too": [
    write("deployments", deployment(1, { ...TEMPLATE, spec: { containers: [] } }), deployment(1)),
    [annotated(), annotated("spec", "template")],
  ],
  "a change of nothing: not at all": [write("deployments", deployment(1), deployment(1)), []],
  "an object that is stamped already: not at all": [
    write("configmaps", { metadata: { name: "web", annotations: STAMP }, data: { a: "2" } }),
    [],
  ],
  "a deletion: not at all": [write("pods", null, { metadata: { name: "web" } }), []],
  "a subresource: not at all": [
    write(
      "pods",
      { metadata: { name: "web" }, status: {} },
      { metadata: { name: "web" } },
      { subresource: "status" },
    ),
    [],
  ],
  "an object without metadata: not at all": [write("configmaps", { data: {} }), []],
};

const at = (object: JsonObject | null, path: readonly string[]): JsonObject =>
  path.reduce<JsonObject>((found, key) => found[key] as JsonObject, object ?? {});

describe("/mutate stamps", () => {
  for (const [name, [asked, stamped]] of Object.entries(cases))
    it(name, () => {
      const patch = stampPatch(asked);
      const wanted = structuredClone(asked.object);
      for (const { path, annotations } of stamped) {
        const holder = at(wanted, path);
        holder["metadata"] = {
          ...(holder["metadata"] as JsonObject),
          annotations: annotations as JsonObject,
        };
      }
      const patched = structuredClone(asked.object);
      expect(applyPatch(patched, patch).filter((error) => error !== null)).to.deep.equal([]);
      expect(patched).to.deep.equal(wanted);
      expect(patch.length > 0).to.equal(stamped.length > 0);
    });

  it("with the name of the agent in a session, and not the ServiceAccount's", () => {
    const asked = write("configmaps", { metadata: { name: "web" } });
    const extra = new Map([["hoop.dev/agent", ["https://ci.example#build 7"]]]);
    const userInfo = { ...asked.userInfo, username: "system:serviceaccount:work:bot", extra };
    const patch = stampPatch({ ...asked, userInfo });
    expect(patch.at(-1)).to.include({ value: "https://ci.example#build 7" });
  });

  it("with the name of the agent as it is, whatever is in it", () => {
    const name = 'system:serviceaccount:a:b"~/\n';
    const userInfo = user(name, ["hoop:agents"]);
    const asked = write("configmaps", { metadata: { name: "web" } }, null, { userInfo });
    const answer = mutationReview(asked.uid, stampPatch(asked)) as { response: { patch: string } };
    const patch = JSON.parse(Buffer.from(answer.response.patch, "base64").toString());
    expect(patch.at(-1).value).to.equal(name);
  });
});
