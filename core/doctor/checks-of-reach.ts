/** Ways into pods, nodes and the network. */
import { asks, CHANGES, type Check, READS } from "./check.ts";

const IN_CLUSTER = { cluster: true } as const;

export const REACH_CHECKS: readonly Check[] = [
  {
    id: "node-proxy",
    severity: "critical",
    title: "reaches the kubelets' API",
    detail:
      "With it a kubelet runs commands in every pod of its node. Asked directly, no API server sees it.",
    ways: [12, 13],
    control: "AC-3",
    asks: () => asks("", ["nodes/proxy"], ["get", "create", "update", "patch", "delete"], IN_CLUSTER),
  },
  {
    id: "kubelet-read",
    severity: "high",
    title: "reads from the kubelets",
    detail:
      "Logs of the node, its pods with their environment, and checkpoints, which are the memory of containers.",
    ways: [13],
    control: "AC-3",
    asks: () => [
      ...asks("", ["nodes/log", "nodes/pods", "nodes/configz"], ["get"], IN_CLUSTER),
      ...asks("", ["nodes/checkpoint"], ["get", "create"], IN_CLUSTER),
    ],
  },
  {
    id: "pod-connect",
    severity: "high",
    judged: "info",
    title: "runs commands in pods, or talks to them past their Services",
    detail: "A pod's files and environment hold its Secrets and its ServiceAccount's token.",
    ways: [12, 22, 23, 24],
    control: "AC-3",
    asks: () => [
      ...asks("", ["pods/exec", "pods/attach", "pods/portforward"], ["get", "create"]),
      ...asks("", ["pods/proxy", "services/proxy"], ["get", "create", "update", "patch", "delete"]),
      ...asks("", ["pods/ephemeralcontainers"], ["update", "patch"]),
    ],
  },
  {
    id: "workloads",
    severity: "high",
    judged: "info",
    title: "runs pods",
    detail:
      "Whoever makes a pod can mount any Secret of its namespace in it, and run as any ServiceAccount there.",
    ways: [18, 19, 20, 29],
    control: "AC-6",
    asks: () => [
      ...asks("", ["pods", "replicationcontrollers"], CHANGES),
      ...asks("apps", ["deployments", "statefulsets", "daemonsets", "replicasets"], CHANGES),
      ...asks("batch", ["jobs", "cronjobs"], CHANGES),
    ],
  },
  {
    id: "volumes",
    severity: "medium",
    judged: "info",
    title: "makes PersistentVolumes",
    detail: "A volume of type hostPath gives a node's files to whoever claims it.",
    ways: [31],
    control: "CM-5",
    asks: () => asks("", ["persistentvolumes"], ["create"], IN_CLUSTER),
  },
  {
    id: "nodes",
    severity: "medium",
    judged: "info",
    title: "changes nodes",
    detail:
      "Taints and labels move pods, Hoop's included; the addresses say where the API server looks for a kubelet.",
    ways: [32, 38],
    control: "CM-5",
    asks: () => asks("", ["nodes", "nodes/status"], ["update", "patch", "delete"], IN_CLUSTER),
  },
  {
    id: "bindings",
    severity: "low",
    title: "puts pods on nodes past the scheduler",
    detail: "Control-plane nodes included, whatever their taints.",
    ways: [32],
    control: "CM-5",
    asks: () => asks("", ["pods/binding", "bindings"], ["create"]),
  },
  {
    id: "endpoints",
    severity: "medium",
    title: "steers Services elsewhere",
    detail: "Endpoints written by hand send a Service's traffic to any address, Hoop's Service included.",
    ways: [33],
    control: "SC-7",
    asks: () => [
      ...asks("", ["endpoints", "services/status"], CHANGES),
      ...asks("discovery.k8s.io", ["endpointslices"], CHANGES),
    ],
  },
  {
    id: "cluster-dns",
    severity: "medium",
    title: "says what names mean in the cluster",
    detail:
      "Every name that is looked up, a webhook's and a registry's too, is answered by this configuration.",
    ways: [33, 34],
    control: "SC-7",
    asks: () =>
      asks("", ["configmaps"], ["update", "patch", "delete"], {
        namespaces: ["kube-system"],
        names: ["coredns", "coredns-custom", "kube-dns", "node-local-dns"],
      }),
  },
  {
    id: "plaintext",
    severity: "info",
    title: "reads where passwords are often left in plain text",
    detail: "ConfigMaps, logs, and the environment in workloads and their revisions. Nothing masks these.",
    ways: [11],
    control: "AC-6",
    asks: () => [
      ...asks("", ["configmaps"], READS),
      ...asks("", ["pods/log"], ["get"]),
      ...asks("apps", ["controllerrevisions", "deployments"], READS),
    ],
  },
];
