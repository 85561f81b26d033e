/** Writes of agents and people, and whose names are on the objects afterwards (`stamps.test.ts`). */
import { clusterScoped, HARMLESS, selected, template } from "./objects.ts";

/** inside: bot, in a session. account: as which that session acts, by a token of its own. */
export type Who = "agent" | "other" | "human" | "inside" | "account";
export type Json = Record<string, unknown>;

export interface Step {
  who: Who;
  method: "POST" | "PUT" | "PATCH";
  /** Below the namespace: `configmaps/NAME`; with a leading slash the whole path. */
  path: string;
  body: Json;
  type?: string;
}

export interface Case {
  /** What was there before. */
  given?: Step[];
  does: Step;
  /** Which object to look at; left out, the one in the answer. */
  of?: string;
  /** Whose names are on it: `hoop.dev/agent` on the object, and on its pod template. */
  stamps: { object?: string; template?: string };
  /** Whether the resourceVersion is the one before. */
  unchanged?: true;
}

const post = (who: Who, path: string, body: Json): Step => ({ who, method: "POST", path, body });
const put = (who: Who, path: string, body: Json): Step => ({ who, method: "PUT", path, body });
const patch = (who: Who, path: string, body: Json, type = "merge-patch+json"): Step => ({
  who,
  method: "PATCH",
  path,
  body,
  type: `application/${type}`,
});
const apply = (who: Who, path: string, body: Json): Step =>
  patch(who, `${path}?fieldManager=${who}&force=true`, body, "apply-patch+yaml");

const object = (
  apiVersion: string,
  kind: string,
  name: string,
  rest: Json = {},
  metadata: Json = {},
): Json => ({
  apiVersion,
  kind,
  metadata: { name, ...metadata },
  ...rest,
});
export const configMap = (name: string, data: Json = { a: "1" }, metadata: Json = {}): Json =>
  object("v1", "ConfigMap", name, { data }, metadata);
export const CONFIG_MAPS = "/api/v1/namespaces/NS/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/NS/deployments";
const JOBS = "/apis/batch/v1/namespaces/NS/jobs";
const CRON_JOBS = "/apis/batch/v1/namespaces/NS/cronjobs";
const REVISIONS = "/apis/apps/v1/namespaces/NS/controllerrevisions";
export const WIDGETS = "/apis/example.com/v1/namespaces/NS/widgets";
export const widget = (name: string, spec: Json): Json => object("example.com/v1", "Widget", name, { spec });
/** Lets agents make what the catalogue holds whatever is in it. */
export const LENIENT = clusterScoped("policy.hoop.dev/v1alpha1", "AgentPolicy", "lenient", {
  spec: {
    catalogue: ["controller-revision", "pod-adoption", "status-write"].map((rule) => ({ rule, mode: "Off" })),
  },
});
export const WIDGET_KIND = clusterScoped(
  "apiextensions.k8s.io/v1",
  "CustomResourceDefinition",
  "widgets.example.com",
  {
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  },
);
const NEVER = { restartPolicy: "Never", ...HARMLESS };
const NOTED = { metadata: { labels: { app: "web" }, annotations: { checked: "yes" } } };
const labelled = { metadata: { labels: { tier: "front" } } };
const app = (name: string, kind = "Deployment", rest: Json = {}): Json =>
  object("apps/v1", kind, name, { spec: { ...selected(HARMLESS), ...rest } });
const jobOf = (name: string, rest: Json = {}): Json =>
  object("batch/v1", "Job", name, { spec: { template: { spec: NEVER }, ...rest } });
const cronJobOf = (name: string): Json =>
  object("batch/v1", "CronJob", name, {
    spec: { schedule: "0 4 * * *", jobTemplate: { spec: { template: { spec: NEVER } } } },
  });
const revision = (name: string, spec: Json): Json =>
  object("apps/v1", "ControllerRevision", name, { data: { spec }, revision: 1 });
const image = (tag: string): Json => ({ template: { spec: { containers: [{ name: "main", image: tag }] } } });

/** Whose name is on what they make. */
export const NAMES = {
  ...{ agent: "agent", other: "other", inside: "bot", account: "system:serviceaccount:work:bot" },
} as const satisfies Partial<Record<Who, string>>;

/** It is the agent's name that counts, not that of the ServiceAccount as which its session acts. */
const IN_SESSIONS: Readonly<Record<string, Case>> = {
  "an object, created in a session": {
    does: post("inside", CONFIG_MAPS, configMap("session-made")),
    stamps: { object: NAMES.inside },
  },
  "an object that says another made it, created in a session": {
    does: post(
      "inside",
      CONFIG_MAPS,
      configMap("session-forged", {}, { annotations: { "hoop.dev/agent": "boss" } }),
    ),
    stamps: { object: NAMES.inside },
  },
  "a Deployment, created in a session": {
    does: post("inside", DEPLOYMENTS, app("session-app")),
    stamps: { object: NAMES.inside, template: NAMES.inside },
  },
  "an object of a session, applied there a second time as it is": {
    given: [apply("inside", `${CONFIG_MAPS}/session-twice`, configMap("session-twice"))],
    does: apply("inside", `${CONFIG_MAPS}/session-twice`, configMap("session-twice")),
    stamps: { object: NAMES.inside },
    unchanged: true,
  },
  "an object, created with a token of the ServiceAccount itself": {
    does: post("account", CONFIG_MAPS, configMap("account-made")),
    stamps: { object: NAMES.account },
  },
  "an object of the ServiceAccount, changed in a session that acts as it": {
    given: [post("account", CONFIG_MAPS, configMap("account-first"))],
    does: patch("inside", `${CONFIG_MAPS}/account-first`, { data: { b: "2" } }),
    stamps: { object: NAMES.inside },
  },
  "an object of a session, changed by the ServiceAccount itself": {
    given: [post("inside", CONFIG_MAPS, configMap("session-first"))],
    does: patch("account", `${CONFIG_MAPS}/session-first`, { data: { b: "2" } }),
    stamps: { object: NAMES.account },
  },
  "an object that the ServiceAccount itself says is the agent's": {
    does: post(
      "account",
      CONFIG_MAPS,
      configMap("account-forged", {}, { annotations: { "hoop.dev/agent": NAMES.inside } }),
    ),
    stamps: { object: NAMES.account },
  },
};

export const CASES: Readonly<Record<string, Case>> = {
  ...IN_SESSIONS,
  "an object without annotations, created": {
    does: post("agent", "configmaps", configMap("plain")),
    stamps: { object: "agent" },
  },
  "an object with annotations, created": {
    does: post("agent", "configmaps", configMap("noted", {}, { annotations: { team: "a", "x.y/z_z": "b" } })),
    stamps: { object: "agent" },
  },
  "an object that says another made it, created": {
    does: post("agent", "configmaps", configMap("forged", {}, { annotations: { "hoop.dev/agent": "boss" } })),
    stamps: { object: "agent" },
  },
  "an object with a generated name, created": {
    does: post("agent", "configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { generateName: "made-" },
    }),
    stamps: { object: "agent" },
  },
  "an object in no namespace, created": {
    does: post("agent", "/api/v1/namespaces", object("v1", "Namespace", "NS-made")),
    stamps: { object: "agent" },
  },
  "a dry run of a create": {
    does: post("agent", "configmaps?dryRun=All", configMap("dry")),
    stamps: { object: "agent" },
  },
  "a Service, created": {
    does: post("agent", "services", object("v1", "Service", "svc", { spec: { ports: [{ port: 80 }] } })),
    stamps: { object: "agent" },
  },
  "a Pod, created": {
    does: post("agent", "pods", object("v1", "Pod", "pod", { spec: HARMLESS })),
    stamps: { object: "agent" },
  },
  "a Deployment, created": {
    does: post("agent", DEPLOYMENTS, app("made")),
    stamps: { object: "agent", template: "agent" },
  },
  "a StatefulSet, created": {
    does: post("agent", "/apis/apps/v1/namespaces/NS/statefulsets", app("made", "StatefulSet")),
    stamps: { object: "agent", template: "agent" },
  },
  "a DaemonSet, created": {
    does: post("agent", "/apis/apps/v1/namespaces/NS/daemonsets", app("made", "DaemonSet")),
    stamps: { object: "agent", template: "agent" },
  },
  "a ReplicaSet, created": {
    does: post("agent", "/apis/apps/v1/namespaces/NS/replicasets", app("made", "ReplicaSet")),
    stamps: { object: "agent", template: "agent" },
  },
  "a ReplicationController, created": {
    does: post(
      "agent",
      "replicationcontrollers",
      object("v1", "ReplicationController", "made", { spec: { template: template(HARMLESS) } }),
    ),
    stamps: { object: "agent", template: "agent" },
  },
  "a PodTemplate, created": {
    does: post(
      "agent",
      "podtemplates",
      object("v1", "PodTemplate", "made", { template: template(HARMLESS) }),
    ),
    stamps: { object: "agent", template: "agent" },
  },
  "a Job, created": {
    does: post("agent", JOBS, jobOf("made")),
    stamps: { object: "agent", template: "agent" },
  },
  "a CronJob, created": {
    does: post("agent", CRON_JOBS, cronJobOf("made")),
    stamps: { object: "agent", template: "agent" },
  },
  "a Deployment with annotations on its template, created by server-side apply": {
    does: apply(
      "agent",
      `${DEPLOYMENTS}/applied`,
      object("apps/v1", "Deployment", "applied", {
        spec: {
          selector: { matchLabels: { app: "web" } },
          template: { ...NOTED, spec: HARMLESS },
        },
      }),
    ),
    stamps: { object: "agent", template: "agent" },
  },
  "a CronJob with annotations on its template, created": {
    does: post(
      "agent",
      CRON_JOBS,
      object("batch/v1", "CronJob", "noted", {
        spec: { schedule: "0 4 * * *", jobTemplate: { spec: { template: { ...NOTED, spec: NEVER } } } },
      }),
    ),
    stamps: { object: "agent", template: "agent" },
  },
  "a PodTemplate with annotations, created": {
    does: post(
      "agent",
      "podtemplates",
      object("v1", "PodTemplate", "noted", { template: { ...NOTED, spec: HARMLESS } }),
    ),
    stamps: { object: "agent", template: "agent" },
  },
  "a ControllerRevision, created": {
    does: post("agent", REVISIONS, revision("made", { template: { spec: HARMLESS } })),
    stamps: { object: "agent", template: "agent" },
  },
  "a custom resource, created": {
    does: post("agent", WIDGETS, widget("one", { size: 3 })),
    stamps: { object: "agent" },
  },
  "a person's custom resource, patched": {
    given: [post("human", WIDGETS, widget("two", { size: 3 }))],
    does: patch("agent", `${WIDGETS}/two`, { spec: { size: 4.5 } }),
    stamps: { object: "agent" },
  },
  "a person's custom resource, patched by less than a double can tell": {
    given: [post("human", WIDGETS, widget("big", { size: "9007199254740992n" }))],
    does: patch("agent", `${WIDGETS}/big`, { spec: { size: "9007199254740993n" } }),
    stamps: { object: "agent" },
  },
  "a person's object, patched": {
    given: [post("human", "configmaps", configMap("patched"))],
    does: patch("agent", "configmaps/patched", { data: { b: "2" } }),
    stamps: { object: "agent" },
  },
  "a person's object, patched to what it is": {
    given: [post("human", "configmaps", configMap("same"))],
    does: patch("agent", "configmaps/same", { data: { a: "1" } }),
    stamps: {},
    unchanged: true,
  },
  "an agent's object, applied a second time as it is": {
    given: [apply("agent", "configmaps/twice", configMap("twice"))],
    does: apply("agent", "configmaps/twice", configMap("twice")),
    stamps: { object: "agent" },
    unchanged: true,
  },
  "an agent's object, put again without its stamp": {
    given: [post("agent", "configmaps", configMap("put"))],
    does: put("agent", "configmaps/put", configMap("put")),
    stamps: { object: "agent" },
    unchanged: true,
  },
  "another agent's object, changed": {
    given: [post("other", "configmaps", configMap("taken"))],
    does: patch("agent", "configmaps/taken", { data: { b: "2" } }),
    stamps: { object: "agent" },
  },
  "an agent's object, changed by it once more": {
    given: [post("agent", "configmaps", configMap("again"))],
    does: patch("agent", "configmaps/again", { data: { b: "2" } }),
    stamps: { object: "agent" },
  },
  "an agent's object, changed by it once more and said to be another's": {
    given: [post("agent", "configmaps", configMap("disowned"))],
    does: patch("agent", "configmaps/disowned", { metadata: { annotations: { "hoop.dev/agent": "boss" } } }),
    stamps: { object: "agent" },
  },
  "an agent's Deployment, given another image by it": {
    given: [post("human", DEPLOYMENTS, app("twice")), patch("agent", `${DEPLOYMENTS}/twice`, labelled)],
    does: patch("agent", `${DEPLOYMENTS}/twice`, { spec: image("app:2") }, "strategic-merge-patch+json"),
    stamps: { object: "agent", template: "agent" },
  },
  "an agent's object, changed by a person": {
    given: [post("agent", "configmaps", configMap("back"))],
    does: patch("human", "configmaps/back", { data: { b: "2" } }),
    stamps: { object: "agent" },
  },
  "a person's own write": {
    does: post("human", DEPLOYMENTS, app("person")),
    stamps: {},
  },
  "a person's Deployment, labelled": {
    given: [post("human", DEPLOYMENTS, app("labelled"))],
    does: patch("agent", `${DEPLOYMENTS}/labelled`, labelled),
    stamps: { object: "agent" },
  },
  "a person's Deployment, scaled": {
    given: [post("human", DEPLOYMENTS, app("scaled"))],
    does: patch("agent", `${DEPLOYMENTS}/scaled/scale`, { spec: { replicas: 3 } }),
    of: `${DEPLOYMENTS}/scaled`,
    stamps: {},
  },
  "a person's Deployment, scaled by a patch of itself": {
    given: [post("human", DEPLOYMENTS, app("grown"))],
    does: patch("agent", `${DEPLOYMENTS}/grown`, { spec: { replicas: 3 } }),
    stamps: { object: "agent" },
  },
  "a person's Deployment, its status patched": {
    given: [post("human", DEPLOYMENTS, app("status"))],
    does: patch("agent", `${DEPLOYMENTS}/status/status`, { status: { observedGeneration: 1 } }),
    stamps: {},
  },
  "a person's Deployment, given another image": {
    given: [post("human", DEPLOYMENTS, app("rolled"))],
    does: patch("agent", `${DEPLOYMENTS}/rolled`, { spec: image("app:2") }, "strategic-merge-patch+json"),
    stamps: { object: "agent", template: "agent" },
  },
  "a person's Deployment, restarted": {
    given: [post("human", DEPLOYMENTS, app("restarted"))],
    does: patch("agent", `${DEPLOYMENTS}/restarted`, { spec: { template: NOTED } }),
    stamps: { object: "agent", template: "agent" },
  },
  "another agent's Deployment, labelled": {
    given: [post("other", DEPLOYMENTS, app("others"))],
    does: patch("agent", `${DEPLOYMENTS}/others`, labelled),
    stamps: { object: "agent", template: "other" },
  },
  "another agent's Deployment, given another image by server-side apply": {
    given: [apply("other", `${DEPLOYMENTS}/shared`, app("shared"))],
    does: apply(
      "agent",
      `${DEPLOYMENTS}/shared`,
      object("apps/v1", "Deployment", "shared", { spec: image("app:2") }),
    ),
    stamps: { object: "agent", template: "agent" },
  },
  "a person's Job, labelled": {
    given: [post("human", JOBS, jobOf("labelled"))],
    does: patch("agent", `${JOBS}/labelled`, labelled),
    stamps: { object: "agent" },
  },
  "a person's suspended Job, moved to other nodes": {
    given: [post("human", JOBS, jobOf("moved", { suspend: true }))],
    does: patch("agent", `${JOBS}/moved`, {
      spec: { template: { spec: { nodeSelector: { disk: "fast" } } } },
    }),
    stamps: { object: "agent", template: "agent" },
  },
  "a person's CronJob, rescheduled": {
    given: [post("human", CRON_JOBS, cronJobOf("later"))],
    does: patch("agent", `${CRON_JOBS}/later`, { spec: { schedule: "0 5 * * *" } }),
    stamps: { object: "agent" },
  },
  "a person's CronJob, given another image": {
    given: [post("human", CRON_JOBS, cronJobOf("rolled"))],
    does: patch(
      "agent",
      `${CRON_JOBS}/rolled`,
      { spec: { jobTemplate: { spec: image("app:2") } } },
      "strategic-merge-patch+json",
    ),
    stamps: { object: "agent", template: "agent" },
  },
};
