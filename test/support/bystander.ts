/** A cluster in which an API of the kit breaks, and what everybody else notices of it. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { gadgets, OUR_GROUP } from "../conformance/api/gadget.ts";
import { type KitApi, serveBehind } from "./kit-api.ts";
import { type Informer, informer } from "./probe.ts";
import { type Shell, shellOf } from "./shell.ts";

const API_SERVICE = `v1.${OUR_GROUP}`;

export interface Cluster {
  plane: ControlPlane;
  api: KitApi;
  /** In the namespace `work`. */
  shell: Shell;
  /** Every operation of the store fails from now on, or none does. */
  setStoreGone(gone: boolean): void;
  /** Waits until the API server believes the API to be there, or not; tells it to look again. */
  believed(available: boolean): Promise<void>;
  /** As `believed`, and requests for its objects are handed on, or not. */
  served(handedOn: boolean): Promise<void>;
  /** Creates a gadget, and waits until the informer that runs from the start has heard of it. */
  heard(name: string): Promise<void>;
  /** Creates and deletes what has nothing to do with the API. */
  othersWork(name: string): Promise<void>;
  /** A namespace without anything of ours in it, on its way out. */
  leaving(name: string): Promise<{ isStuck(): Promise<void>; isGone(): Promise<void> }>;
  close(): Promise<void>;
}

export function gadget(name: string): object {
  return { apiVersion: `${OUR_GROUP}/v1`, kind: "Gadget", metadata: { name }, spec: { color: "red" } };
}

export async function startCluster(): Promise<Cluster> {
  const plane = await startControlPlane();
  const { store, setGone } = breakable(memoryStore());
  // That requests go wrong is what is wanted here.
  const api = await serveBehind(plane, [gadgets(store)], () => {});
  await plane.controllerManager.start();
  await plane.createNamespace("work");
  const shell = await shellOf(plane.kubectlPath, plane.adminKubeconfig, "work");
  const target = { kubeconfig: plane.adminKubeconfig, group: OUR_GROUP, resource: "gadgets", kind: "Gadget" };
  const following = await informer("inform-dynamic", { ...target, namespace: "work" }, { watchList: true });
  await following.until(({ event }) => event === "synced");
  return {
    ...{ plane, api, shell, setStoreGone: setGone },
    ...observers(plane, shell, following),
    async close() {
      await following.stop();
      await shell.close();
      await plane.stop();
      await api.close();
      await store.close();
    },
  };
}

function observers(plane: ControlPlane, shell: Shell, following: Informer) {
  const told = async (command: string, fits: (said: string) => boolean) => {
    for (;;) {
      const { stdout, stderr } = await shell.kubectl(command);
      if (fits(stdout + stderr)) return;
      await delay(250);
    }
  };
  const believed = async (available: boolean) => {
    const condition = `get apiservice ${API_SERVICE} -o jsonpath={.status.conditions[?(@.type=="Available")].status}`;
    const wanted = available ? "True" : "False";
    for (let asked = 0; (await shell.must(condition)) !== wanted; asked++) {
      // Left alone it looks every 30 s. What is changed while it looks, for up to 5 s, it looks at all over again.
      if (asked % 40 === 0)
        await shell.must(`annotate apiservice ${API_SERVICE} --overwrite look=${Date.now()}`);
      await delay(250);
    }
  };
  return {
    believed,
    async served(handedOn: boolean) {
      await believed(handedOn);
      while (((await shell.kubectl("get gadgets")).code === 0) !== handedOn) await delay(250);
    },
    async heard(name: string) {
      await shell.must("create -f -", { input: gadget(name) });
      await following.until((said) => said["event"] === "add" && said["name"] === name);
    },
    async othersWork(name: string) {
      await shell.must(`create configmap ${name}`);
      expect(await shell.must("get configmaps -o name")).to.include(`configmap/${name}`);
      await shell.must(`delete configmap ${name}`);
    },
    async leaving(name: string) {
      await plane.createNamespace(name);
      await shell.must(`delete namespace ${name} --wait=false`);
      const failure = `get namespace ${name} -o jsonpath={.status.conditions[?(@.status=="True")].type}`;
      return {
        isStuck: () => told(failure, (types) => /NamespaceDeletion(Discovery|Content)Failure/.test(types)),
        isGone: () => told(`get namespace ${name} -o name`, (said) => said.includes("NotFound")),
      };
    },
  };
}

/** A store that can be made to fail, as a database does that is gone. */
function breakable(store: Store): { store: Store; setGone: (gone: boolean) => void } {
  let isGone = false;
  const handler: ProxyHandler<Store> = {
    get(target, name: keyof Store) {
      const member = target[name];
      if (name === "onCommit" || name === "close") return member.bind(target);
      return (...args: unknown[]) =>
        isGone ? Promise.reject(new Error("the database is gone")) : Reflect.apply(member, target, args);
    },
  };
  return {
    store: new Proxy(store, handler),
    setGone(gone) {
      isGone = gone;
    },
  };
}
