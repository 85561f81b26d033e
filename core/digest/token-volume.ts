/**
 * The volume with a ServiceAccount's token that admission adds to a Pod, under a random name
 * (plugin/pkg/admission/serviceaccount: TokenVolumeSource, mountServiceAccountToken).
 */
import { isObject, type Json, type JsonObject, list, member, text } from "../admission.ts";
import { isSame } from "./changes.ts";
import { replaced } from "./paths.ts";

/** `names.SimpleNameGenerator` ends a name with five of these. */
const NAME = /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/;
const PROJECTED: JsonObject = {
  defaultMode: 0o644,
  sources: [
    { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    {
      downwardAPI: {
        items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
      },
    },
  ],
};

/**
 * The Pod with the random names replaced, in the volumes and wherever containers mount them. A volume of such a
 * name with any other content keeps its name. The new names are none that a client could use.
 */
export function withPlainTokenVolume(pod: JsonObject): JsonObject {
  const volumes = list(member(pod, "spec"), "volumes").filter(isTokenVolume);
  const names = new Map(volumes.map((volume, index) => [text(volume, "name"), `kube-api-access-*${index}`]));
  if (names.size === 0) return pod;
  const rename = (value: Json) => (typeof value === "string" ? (names.get(value) ?? value) : value);
  return [
    ["spec", "volumes", "*", "name"],
    ["spec", "containers", "*", "volumeMounts", "*", "name"],
    ["spec", "initContainers", "*", "volumeMounts", "*", "name"],
  ].reduce((rest, path) => replaced(rest, path, rename), pod);
}

function isTokenVolume(volume: Json): boolean {
  return (
    isObject(volume) &&
    NAME.test(text(volume, "name")) &&
    isSame({ ...volume, name: "" }, { name: "", projected: PROJECTED })
  );
}
