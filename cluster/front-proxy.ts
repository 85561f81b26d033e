/**
 * How the API server makes itself known to extension servers: the ConfigMap
 * kube-system/extension-apiserver-authentication, with the CAs, certificate names and header names of its front proxy.
 */
import type { Log } from "#core/ports.ts";
import type { Client } from "./client.ts";
import { follow, type Listed } from "./list-watch.ts";

const NAME = "extension-apiserver-authentication";

export type FrontProxyData = Record<string, string>;

export interface FrontProxy {
  /** The data of the ConfigMap, undefined before it was read and where there is none. */
  current(): FrontProxyData | undefined;
  /** Calls back after each change. Returns the way to stop. */
  onChange(listener: (data: FrontProxyData | undefined) => void): () => void;
  /** Resolves when it was looked for the first time. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

type ConfigMap = Listed & { data?: FrontProxyData };

export function frontProxy(client: Client, log: Log): FrontProxy {
  const listeners = new Set<(data: FrontProxyData | undefined) => void>();
  let current: FrontProxyData | undefined;

  function set(data: FrontProxyData | undefined): void {
    if (JSON.stringify(data) === JSON.stringify(current)) return;
    current = data;
    for (const listener of listeners) listener(data);
  }

  const following = follow<ConfigMap>(
    client,
    {
      path: "/api/v1/namespaces/kube-system/configmaps",
      fieldSelector: `metadata.name=${NAME}`,
      replace: (objects) => set(objects[0] === undefined ? undefined : (objects[0].data ?? {})),
      put: (object) => set(object.data ?? {}),
      remove: () => set(undefined),
    },
    log,
  );
  return {
    current: () => current,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ready: following.ready,
    stop: following.stop,
  };
}
