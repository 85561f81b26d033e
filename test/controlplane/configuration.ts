import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Flags } from "./flags.ts";

/** Configurations of a kube-apiserver that are files; each an object with its apiVersion and kind. */
export interface ApiserverConfiguration {
  /** An AuthorizationConfiguration: then there is no --authorization-mode. */
  readonly authorizationConfig?: object;
  /** An AdmissionConfiguration. */
  readonly admissionConfig?: object;
  /** An AuthenticationConfiguration. */
  readonly authenticationConfig?: object;
  /** An audit Policy; the log is logs/audit.log in the control plane's directory. */
  readonly auditPolicy?: object;
  /** A kubeconfig: where audit events are sent, in batches. */
  readonly auditWebhook?: object;
}

const flagNames = {
  authorizationConfig: "authorization-config",
  admissionConfig: "admission-control-config-file",
  authenticationConfig: "authentication-config",
  auditPolicy: "audit-policy-file",
  auditWebhook: "audit-webhook-config-file",
} as const satisfies Record<keyof ApiserverConfiguration, string>;

/** As kind-config.yaml has them. */
const AUDIT_WEBHOOK_FLAGS: Flags = {
  "audit-webhook-batch-max-wait": "1s",
  "audit-webhook-truncate-enabled": "true",
  "audit-webhook-truncate-max-batch-size": "1048576",
};

const writeChanged = async (path: string, content: string): Promise<boolean> => {
  const before = await readFile(path, "utf8").catch(() => undefined);
  if (before === content) return false;
  await writeFile(path, content, { mode: 0o600 });
  return true;
};

/**
 * Writes the configurations into `directory`/config. `changed`: one of the files is not what it was, so that an
 * API server that already runs goes by an older one.
 */
export const writeConfiguration = async (
  directory: string,
  configuration: ApiserverConfiguration,
): Promise<{ flags: Flags; changed: boolean }> => {
  const flags: Record<string, string> = {};
  let changed = false;
  await mkdir(join(directory, "config"), { recursive: true });
  for (const name of Object.keys(flagNames) as (keyof ApiserverConfiguration)[]) {
    const value = configuration[name];
    if (value === undefined) continue;
    const path = join(directory, "config", `${flagNames[name]}.json`);
    // JSON is YAML, which is what kube-apiserver reads.
    if (await writeChanged(path, `${JSON.stringify(value, null, 2)}\n`)) changed = true;
    flags[flagNames[name]] = path;
  }
  if (configuration.auditPolicy !== undefined) flags["audit-log-path"] = join(directory, "logs", "audit.log");
  if (configuration.auditWebhook !== undefined) Object.assign(flags, AUDIT_WEBHOOK_FLAGS);
  return { flags, changed };
};
