/** Requests to secure-secrets as an attacker makes them, of Secrets that a person has made in namespace `demo`. */
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import { type Manifest, namespaced } from "./objects.ts";
import { asUserOf, type Call, type Caller } from "./raw.ts";
import { startTestbed, type Testbed } from "./testbed.ts";

export const VALUE = 'c0rrect "horse"/battery+staple?';
export const HOOP = "/apis/hoop.dev/v1alpha1";
export const SECRETS = `${HOOP}/namespaces/demo/secure-secrets`;
const CORE = "/api/v1/namespaces/demo/secrets";
const MERGE = "application/merge-patch+json";
const APPLY = "application/apply-patch+yaml";

export const base64 = (text: string) => Buffer.from(text).toString("base64");

export const view = (name: string, rest: object = {}, metadata: object = {}): Manifest => ({
  ...namespaced("hoop.dev/v1alpha1", "SecureSecret", name, rest),
  metadata: { name, namespace: "demo", ...metadata },
});
export const merge = (name: string, body: object, query = ""): Call => ({
  ...{ method: "PATCH", type: MERGE, path: `${SECRETS}/${name}${query}`, body },
});
export const apply = (name: string, rest: object, metadata: object = {}, query = ""): Call => ({
  ...{ method: "PATCH", type: APPLY, path: `${SECRETS}/${name}?fieldManager=mallory${query}` },
  body: view(name, rest, metadata),
});
export const create = (name: string, rest: object, metadata: object = {}): Call => ({
  ...{ method: "POST", path: SECRETS, body: view(name, rest, metadata) },
});
export const reveal = (name: string, key: string): Call => ({
  ...{ method: "POST", path: `${SECRETS}/${name}/reveal` },
  body: { apiVersion: "hoop.dev/v1alpha1", kind: "SecretReveal", key },
});

export interface SecretsBed {
  bed: Testbed;
  agent: Caller;
  human: Caller;
  /** A new Secret, as a person makes it; its name. */
  seed(stringData?: Record<string, string>, more?: { metadata?: object; type?: string }): Promise<string>;
  /** Removes the Secret and makes another of that name. */
  anew(name: string): Promise<void>;
  /** A person's own change of the Secret. */
  change(name: string, body: object): Promise<void>;
  real(name: string): Promise<{ data: Record<string, string>; metadata: { annotations?: object } }>;
  /** Sends what is held, and lets a person approve it. */
  approved(call: Call): Promise<Approval>;
}

/** Nobody waits: what is held is told at once. */
export async function startSecretsBed(): Promise<SecretsBed> {
  const bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
  const [agent, human] = await Promise.all([
    asUserOf(bed.kubeconfig("agent")),
    asUserOf(bed.kubeconfig("human")),
  ]);
  let made = 0;
  const must = async (call: Call): Promise<string> => {
    const { code, text } = await human(call);
    expect(code, text).to.be.below(300);
    return text;
  };
  const make = async (
    name: string,
    stringData: object,
    { metadata = {}, ...rest }: { metadata?: object },
  ) => {
    const body = {
      ...namespaced("v1", "Secret", name, { stringData, ...rest }),
      metadata: { name, ...metadata },
    };
    await must({ method: "POST", path: CORE, body });
    return name;
  };
  return {
    ...{ bed, agent, human },
    seed: (stringData = { password: VALUE }, more = {}) => make(`s${made++}`, stringData, more),
    anew: async (name) => {
      await must({ method: "DELETE", path: `${CORE}/${name}` });
      await make(name, { password: VALUE }, {});
    },
    change: async (name, body) => {
      await must({ method: "PATCH", type: MERGE, path: `${CORE}/${name}`, body });
    },
    real: async (name) => JSON.parse(await must({ path: `${CORE}/${name}` })),
    approved: async (call) => {
      const { text } = await agent(call);
      const [, name] = /approval=(\S+)/.exec(text) ?? [];
      const approval = await bed.approval(({ metadata }) => metadata.name === name);
      await bed.decide(approval, "Approve");
      return approval;
    },
  };
}
