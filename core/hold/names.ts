/** Names of approvals: made so that a person can type and grep them, such as `delete-ns-prod-7x2k`. */
import type { AdmissionRequest } from "../admission.ts";
import type { Random } from "../ports.ts";

const SHORT: ReadonlyMap<string, string> = new Map([
  ["namespaces", "ns"],
  ["pods", "pod"],
  ["deployments", "deploy"],
  ["statefulsets", "sts"],
  ["daemonsets", "ds"],
  ["replicasets", "rs"],
  ["replicationcontrollers", "rc"],
  ["services", "svc"],
  ["configmaps", "cm"],
  ["serviceaccounts", "sa"],
  ["customresourcedefinitions", "crd"],
  ["certificatesigningrequests", "csr"],
]);

const MAX_LENGTH = 63;

export function approvalName(request: AdmissionRequest, random: Random): string {
  const { resource } = request.resource;
  const verb = request.operation === "CONNECT" ? request.subresource : request.operation;
  const kind = SHORT.get(resource) ?? request.kind.kind;
  const parts = request.operation === "CONNECT" ? [verb, request.name] : [verb, kind, request.name];
  const suffix = random.suffix(4);
  const readable = parts
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, MAX_LENGTH - suffix.length - 1)
    .replace(/^-+|-+$/g, "");
  return `${readable}-${suffix}`;
}
