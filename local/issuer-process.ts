/** The OpenID Connect provider of the tour as a process of a local installation, and what is to be had of it. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Component, component, type Lifetime } from "#controlplane/component.ts";
import { issuedToken, issuerFile } from "./issuer-file.ts";
import type { Layout, Remembered } from "./state-directory.ts";

const MAIN = join(import.meta.dirname, "issuer.ts");
const TOKEN = join(import.meta.dirname, "oidc-token.ts");

export async function issuerProcess(
  state: Layout,
  { ports }: Remembered,
  lifetime: Lifetime,
): Promise<Component> {
  await mkdir(dirname(state.issuer), { recursive: true, mode: 0o700 });
  const { issuer } = await issuerFile(state.issuer, ports.issuer);
  return component({
    name: "issuer",
    directory: state.directory,
    lifetime,
    spec: async () => ({
      command: [process.execPath, MAIN, state.issuer],
      ready: () =>
        fetch(`${issuer}/jwks`).then(
          ({ ok }) => ok,
          () => false,
        ),
    }),
  });
}

/** A token that has not been exchanged yet, and the program that gets others. */
export async function writeToken(state: Layout, { ports }: Remembered): Promise<void> {
  const token = await issuedToken(await issuerFile(state.issuer, ports.issuer));
  await writeFile(state.token, `${token}\n`, { mode: 0o600 });
  const script = `#!/bin/sh\nexec '${process.execPath}' '${TOKEN}' '${state.issuer}'\n`;
  await writeFile(join(state.bin, "oidc-token"), script, { mode: 0o700 });
}
