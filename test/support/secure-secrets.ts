/** Secrets of one namespace, as a person sees them and as an agent does. */
import type { KubectlOptions } from "#controlplane/kubectl.ts";
import type { Approval } from "#core/approval.ts";
import type { Ended, Testbed } from "./testbed.ts";

/** A SecureSecret as it is read. */
export interface Shown {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  type: string;
  immutable?: boolean;
  data?: Record<string, string>;
  sizes?: Record<string, string>;
}

export interface SecretsOf {
  /** A Secret with these values, as text, made or changed by a person. */
  seed(name: string, values: Record<string, string>, more?: object): Promise<void>;
  /** What the agent is shown. */
  show(name: string): Promise<Shown>;
  /** What is really there, as text. */
  real(name: string): Promise<Record<string, string>>;
  /** Runs the agent's command, which is held, and lets a person approve it. Rejects unless it is held. */
  approved(
    name: string,
    args: readonly string[],
    options?: KubectlOptions,
  ): Promise<Ended & { approval: Approval }>;
}

export function secretsOf(bed: Testbed, namespace: string): SecretsOf {
  return {
    seed: async (name, stringData, more = {}) => {
      const metadata = { name, namespace };
      const secret = { apiVersion: "v1", kind: "Secret", type: "Opaque", metadata, stringData, ...more };
      await bed.apply(secret);
    },
    show: async (name) =>
      JSON.parse(await bed.must("agent", ["get", "secure-secret", name, "-n", namespace, "-o", "json"])),
    real: async (name) => {
      const text = await bed.must("human", ["get", "secret", name, "-n", namespace, "-o", "json"]);
      const { data = {} } = JSON.parse(text) as { data?: Record<string, string> };
      return Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]),
      );
    },
    approved: async (name, args, options = {}) => {
      const ended = bed.kubectl("agent", args, options);
      const tooEarly = ended.then(({ output }): Promise<Approval> => {
        throw new Error(`kubectl ${args.join(" ")} was not held: ${output}`);
      });
      tooEarly.catch(() => undefined);
      const approval = await Promise.race([bed.pending(name), tooEarly]);
      await bed.decide(approval, "Approve");
      return { approval, ...(await ended) };
    },
  };
}
