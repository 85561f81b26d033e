/** OCSF events of class API Activity (6003), a line each: what agents asked for, and what people decided about it. */
import type { JsonObject } from "../admission.ts";
import { list, text } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { type About, aboutOf } from "./about.ts";
import { type Exported, type Format, payloadOf } from "./exported.ts";

/** Of the schema. */
const VERSION = "1.3.0";
const CATEGORY = 6;
const CLASS = 6003;

export const ocsf: Format = {
  extension: "ocsf.jsonl",
  begin: () => "",
  line: (one) => {
    const about = aboutOf(one.entry);
    const isDecision = about.kind === "approval" && about.event === "decided";
    if (about.kind !== "admission" && about.kind !== "request" && !isDecision) return undefined;
    return `${JSON.stringify(eventOf(one, about))}\n`;
  },
  end: () => "",
};

/** activity_id: 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other. */
const ACTIVITIES: Readonly<Record<string, readonly [id: number, name: string, caption?: string]>> = {
  create: [1, "Create"],
  get: [2, "Read"],
  list: [2, "Read"],
  watch: [2, "Read"],
  update: [3, "Update"],
  patch: [3, "Update"],
  delete: [4, "Delete"],
  deletecollection: [4, "Delete"],
};

const [UNKNOWN, INFORMATIONAL, LOW, MEDIUM] = ["Unknown", "Informational", "Low", "Medium"].map(
  (severity, severity_id) => ({ severity_id, severity }),
);
const SUCCESS = { status_id: 1, status: "Success" };
const FAILURE = { status_id: 2, status: "Failure" };

/** How it ended, in OCSF's numbers and their captions; only what is `Other` has words of its own. */
const ENDS: Readonly<Record<string, object>> = {
  allowed: { ...INFORMATIONAL, ...SUCCESS },
  held: { ...LOW, status_id: 99, status: "held" },
  denied: { ...MEDIUM, ...FAILURE },
  failed: { ...INFORMATIONAL, ...FAILURE },
  Approve: { ...INFORMATIONAL, ...SUCCESS },
  Deny: { ...INFORMATIONAL, ...SUCCESS },
};
const NOT_KNOWN = { ...UNKNOWN, status_id: 0, status: "Unknown" };

function eventOf(one: Exported, about: About): object {
  const isDecision = about.kind === "approval";
  const operation = isDecision ? about.decision.verdict.toLowerCase() : about.operation.toLowerCase();
  const [activity, name, caption = name] = ACTIVITIES[operation] ?? [99, operation, "Other"];
  const ended = isDecision ? about.decision.verdict : answerOf(one.entry, about);
  const payload = payloadOf(one);
  return {
    activity_id: activity,
    activity_name: name,
    category_uid: CATEGORY,
    category_name: "Application Activity",
    class_uid: CLASS,
    class_name: "API Activity",
    type_uid: CLASS * 100 + activity,
    type_name: `API Activity: ${caption}`,
    time: Date.parse(about.time),
    ...(ENDS[ended] ?? NOT_KNOWN),
    status_detail: ended || undefined,
    message: about.message || undefined,
    metadata: {
      version: VERSION,
      product: { name: "Hoop for Kubernetes", vendor_name: "hoop.dev", uid: "hoop-kubernetes" },
      uid: String(one.index),
      sequence: one.index,
      original_time: about.time,
      event_code: about.kind,
      correlation_uid: correlation(about),
    },
    actor: isDecision
      ? { user: { name: about.decision.user, type_id: 1 } }
      : {
          user: {
            name: about.agent.username,
            type_id: 99,
            type: "Agent",
            credential_uid: about.agent.credentialID || undefined,
            groups: about.agent.groups.map((group) => ({ name: group })),
          },
          session: about.session === "" ? undefined : { uid: about.session },
        },
    api: {
      operation,
      group: { name: about.target.group || "core" },
      version: about.target.version || undefined,
      service: { name: "kube-apiserver" },
      request: { uid: text(one.entry, "request") || String(one.index) },
      response: responseOf(one.entry, about),
    },
    src_endpoint: sourceOf(one.entry, about),
    resources: resourcesOf(about, one.entry),
    http_request:
      text(one.entry, "userAgent") === "" ? undefined : { user_agent: text(one.entry, "userAgent") },
    unmapped: {
      rules: about.rules.join(","),
      verdict: about.verdict,
      entry: one.text,
      ...(payload === undefined ? {} : { payload: canonical(payload) }),
    },
  };
}

function answerOf({ code }: JsonObject, { answer }: About): string {
  if (answer !== "" || typeof code !== "number") return answer;
  if (code < 400) return "allowed";
  return code === 401 || code === 403 ? "denied" : "failed";
}

function correlation({ approval }: About): string | undefined {
  return approval.name === "" ? undefined : `${approval.namespace}/${approval.name}`;
}

function responseOf({ code }: JsonObject, { message }: About): object | undefined {
  return typeof code === "number" ? { code, message: message || undefined } : undefined;
}

/** What admission sees has no address: then it is known by who asked. */
function sourceOf(entry: JsonObject, { agent, decision, kind }: About): object {
  const [ip, ...others] = list(entry, "sourceIPs");
  if (typeof ip !== "string") return { name: kind === "approval" ? decision.user : agent.username };
  return { ip, ...(others.length === 0 ? {} : { intermediate_ips: others }) };
}

/** What is no resource is known by its path. */
function resourcesOf({ target }: About, entry: JsonObject): object[] {
  const { resource, subresource, namespace, name, uid, group } = target;
  const type = [group, resource, subresource].filter((part) => part !== "").join("/");
  const [path = ""] = text(entry, "uri").split("?", 1);
  return [
    {
      name: name || resource || path,
      type: type || undefined,
      namespace: namespace || undefined,
      uid: uid || undefined,
    },
  ];
}
