import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { issue } from "./certificates.ts";
import { type Credential, isKubeconfigFor, kubeconfigYaml } from "./kubeconfig.ts";
import type { Pki } from "./pki.ts";

/** Makes kubeconfigs for one control plane. Each resolves with the file's path. */
export interface Credentials {
  /** By client certificate; a file that already is just that stays, its credential too. */
  certificate(user: string, groups: readonly string[], file?: string): Promise<string>;
  token(name: string, token: string): Promise<string>;
}

const fileName = (name: string, ...more: readonly string[]): string => {
  const readable = name.replaceAll(/[^A-Za-z0-9.-]/g, "_");
  if (readable === name && more.length === 0) return `${name}.kubeconfig`;
  const hash = createHash("sha256")
    .update([name, ...more].join("\0"))
    .digest("hex");
  return `${readable}-${hash.slice(0, 8)}.kubeconfig`;
};

/** `directory` holds the kubeconfigs that are given no file of their own. */
export const credentials = (directory: string, server: string, ca: Pki["ca"]): Credentials => {
  const write = async (file: string, user: string, credential: Credential): Promise<string> => {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, kubeconfigYaml({ server, ca: ca.certificate, user, credential }), { mode: 0o600 });
    return file;
  };
  return {
    async certificate(user, groups, file = join(directory, fileName(user, ...groups))) {
      const path = resolve(file);
      if (await isKubeconfigFor(path, { server, ca: ca.certificate, user, groups })) return path;
      return write(path, user, { certificate: await issue(ca, { commonName: user, organizations: groups }) });
    },
    token: (name, token) => write(join(directory, fileName(name, "token")), name, { token }),
  };
};
