import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { ControlPlane } from "#controlplane/controlplane.ts";
import type { KubectlOptions } from "#controlplane/kubectl.ts";

/** A Pod (JSON) that is on `node` already: there is no scheduler. */
export const podOn = (name: string, namespace: string, node: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { nodeName: node, containers: [{ name: "main", image: "none" }] },
  });

/** What kubectl says; fails unless it exits with 0. */
export const must = async (
  plane: ControlPlane,
  args: readonly string[],
  options?: KubectlOptions,
): Promise<string> => {
  const { code, stdout, stderr } = await plane.kubectl(args, options);
  expect(code, `kubectl ${args.join(" ")}\n${stderr}`).to.equal(0);
  return stdout;
};

/** Resolves when it holds; fails after `patience` milliseconds. */
export const until = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
  patience = 300_000,
): Promise<void> => {
  const deadline = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(50);
  }
};

/**
 * What the API server's documents do not name yet, kubectl validates by itself, and says so in other words. Where the
 * API server failed to fetch a document, it tries again after a minute.
 */
export async function untilDocumented(plane: ControlPlane, path: string): Promise<void> {
  const isNamed = async () => {
    const { stdout } = await plane.kubectl(["get", "--raw", "/openapi/v3"]);
    return stdout.includes(`"${path}"`);
  };
  await until(`/openapi/v3 names ${path}`, isNamed, 300_000);
}
