/** What an agent can say it would like an answer to be. */
import type { Chance } from "../crash/chance.ts";
import { pick } from "./aim.ts";

const MEDIA = [
  ...Array.from({ length: 12 }, () => "application/json"),
  ...Array.from({ length: 4 }, () => "application/yaml"),
  ...Array.from({ length: 4 }, () => "application/vnd.kubernetes.protobuf"),
  ...Array.from({ length: 4 }, () => "application/cbor"),
  "application/cbor-seq",
  "*/*",
  "text/plain",
];
const AS = [
  "",
  "",
  "",
  "",
  "",
  "",
  "Table",
  "Table",
  "PartialObjectMetadata",
  "PartialObjectMetadataList",
  "x",
];
const VERSIONS = ["v=v1;g=meta.k8s.io", "v=v1beta1;g=meta.k8s.io", "v=v1;g=", "g=meta.k8s.io", "v=v9;g=x"];

function media(chance: Chance): string {
  const as = pick(chance, AS);
  const version = chance.sometimes(0.85) ? VERSIONS[0] : pick(chance, VERSIONS);
  const parameters = [
    pick(chance, MEDIA),
    ...(as === "" ? [] : [`as=${as}`, version]),
    ...(chance.sometimes(0.05) ? ["stream=watch"] : []),
    ...(chance.sometimes(0.05) ? ["pretty=1"] : []),
    ...(chance.sometimes(0.05) ? ["q=0.5"] : []),
  ];
  return parameters.join(";");
}

/** Mostly what kubectl would say, often what nobody says. */
export function accept(chance: Chance): string {
  const preferred = Array.from({ length: chance.sometimes(0.2) ? 2 : 1 }, () => media(chance));
  return [...preferred, ...(chance.sometimes(0.5) ? ["application/json"] : [])].join(", ");
}
