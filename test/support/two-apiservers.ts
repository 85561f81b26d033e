/** A second kube-apiserver over the same etcd, and one address that leads to either: as a cluster has it whose API servers are replaced. */
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Component, component } from "#controlplane/component.ts";
import { componentProcess } from "#controlplane/leftovers.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import { credentialsIn, rawCaller } from "./raw.ts";
import type { Testbed } from "./testbed.ts";

interface ApiServer {
  port: number;
  server: Component;
}

export interface TwoApiServers {
  /** The testbed's own and the other one, with their ports. */
  servers: readonly [ApiServer, ApiServer];
  /** Where new connections through {@link kubeconfig}'s address go from now on. */
  leadTo(port: number): void;
  /** A copy of the kubeconfig (path) with the address that leads to either. */
  kubeconfig(file: string): Promise<string>;
  /** Resolves when the API server of that port stamps and sends to Hoop what agents write. */
  untilInUse(port: number): Promise<void>;
  stop(): Promise<void>;
}

/** The second one has started when this resolves. */
export async function twoApiServers(bed: Testbed): Promise<TwoApiServers> {
  const { directory, apiserver, ports } = bed.controlPlane;
  const running = await componentProcess(directory, "kube-apiserver");
  if (running === undefined) throw new Error("the testbed has no kube-apiserver");
  const port = await claimPort();
  const command = running.commandLine
    .split(" ")
    .map((word) => word.replace(/^(--secure-port=).*/, `$1${port}`));
  const isReady = async () => {
    const { identity } = await credentialsIn(bed.kubeconfig("human"));
    const reply = await rawCaller(port, identity)({ path: "/readyz" }).catch(() => undefined);
    return reply?.code === 200;
  };
  const second = component({
    name: "kube-apiserver-2",
    directory,
    lifetime: "parent",
    spec: async () => ({ command, ready: isReady }),
  });
  await second.start();
  const address = await leadingAddress(ports.apiserver);
  return {
    servers: [
      { port: ports.apiserver, server: apiserver },
      { port, server: second },
    ],
    leadTo: address.leadTo,
    async kubeconfig(file) {
      const text = await readFile(file, "utf8");
      const copy = join(directory, `leading-${process.hrtime.bigint()}.kubeconfig`);
      await writeFile(copy, text.replace(`:${ports.apiserver}`, `:${address.port}`), { mode: 0o600 });
      return copy;
    },
    async untilInUse(at) {
      const { identity } = await credentialsIn(bed.kubeconfig("agent"));
      const agent = rawCaller(at, identity);
      const human = rawCaller(at, (await credentialsIn(bed.kubeconfig("human"))).identity);
      for (;;) {
        const made = await agent({
          method: "POST",
          path: "/api/v1/namespaces/demo/configmaps?dryRun=All",
          body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "probe" } },
        });
        const listed = await human({ path: "/apis/hoop.dev/v1alpha1/approvals" });
        if (made.code === 201 && made.text.includes("hoop.dev/agent") && listed.code === 200) return;
        await delay(100);
      }
    },
    async stop() {
      address.close();
      await second.kill();
      await releasePort(port);
    },
  };
}

/** Passes bytes on: TLS and HTTP go through as they are. */
async function leadingAddress(first: number) {
  let target = first;
  const server = createServer((socket) => {
    const onward = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const)
      from.on("error", () => to.destroy()).pipe(to);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    leadTo: (port: number) => {
      target = port;
    },
    close: () => server.close(),
  };
}
