/** The Hoop server as a process of a local installation. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Component, component, type Lifetime } from "#controlplane/component.ts";
import { AUDIENCE } from "./issuer-file.ts";
import { replaceLink } from "./links.ts";
import { NODE_ENVIRONMENT, NODE_FLAGS } from "./node-flags.ts";
import type { Layout, Remembered } from "./state-directory.ts";

const MAIN = join(import.meta.dirname, "..", "main.ts");

export async function hoopProcess(
  state: Layout,
  { ports, foreign }: Remembered,
  kubeconfig: string,
  lifetime: Lifetime,
): Promise<Component> {
  await mkdir(state.data, { recursive: true, mode: 0o700 });
  const issuer = {
    issuer: `http://127.0.0.1:${ports.issuer}`,
    audiences: [AUDIENCE],
    usernamePrefix: "oidc:",
  };
  const settings = {
    kubeconfig,
    listen: { host: "127.0.0.1", api: ports.api, webhook: ports.webhook, web: 0 },
    store: { driver: "sqlite", file: join(state.data, "hoop.db") },
    certificates: state.certificates,
    ...(foreign === undefined
      ? { exchange: { issuers: [issuer], port: ports.exchange } }
      : { callers: { mode: "unguessable-path", secret: foreign.secret } }),
  };
  const header = "# Written by npm start at each start; see settings.ts for what there is to set.\n";
  await writeFile(state.settings, header + stringify(settings), { mode: 0o600 });
  // Where people look for it; the component keeps its pid files together.
  await replaceLink(join("pids", "hoop.pid"), state.hoopPid);
  return component({
    name: "hoop",
    directory: state.directory,
    lifetime,
    spec: async () => ({
      env: { ...NODE_ENVIRONMENT },
      command: [process.execPath, ...NODE_FLAGS, MAIN, "--config", state.settings],
      ready: () => isReady(ports.api, join(state.certificates, "ca.crt")),
    }),
  });
}

async function isReady(port: number, authority: string): Promise<boolean> {
  const ca = await readFile(authority).catch(() => undefined);
  if (ca === undefined) return false;
  return new Promise((resolve) => {
    const asked = request({
      host: "127.0.0.1",
      port,
      path: "/readyz",
      ca,
      servername: "localhost",
      timeout: 2000,
    });
    asked.on("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
    asked.end();
  });
}
