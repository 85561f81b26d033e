/** Whom servers behind the aggregator, Hoop's API among them, believe who somebody is. */
import { parseJson } from "../json.ts";
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";

export const FRONT_PROXY = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Nothing, where the API server names whom it lets speak for others, or has no front proxy. */
export function frontProxyFindings({ frontProxy = {} }: Facts): Finding[] {
  const proxies = certificatesIn(frontProxy["requestheader-client-ca-file"]);
  if (proxies.length === 0 || !isEmptyList(frontProxy["requestheader-allowed-names"])) return [];
  const clients = certificatesIn(frontProxy["client-ca-file"]);
  const isOfClients = proxies.some((one) => clients.includes(one));
  return [
    {
      id: "front-proxy-names",
      severity: isOfClients ? "critical" : "medium",
      title: "any certificate of the front proxy's authority is believed, whatever its name",
      detail: isOfClients
        ? "requestheader-allowed-names is empty, and clients' certificates come from the same authority: every one of " +
          "these may say in a header who it is, approvers included, to Hoop's API and every other aggregated one."
        : "requestheader-allowed-names is empty: whoever has any client certificate of that authority may say in a " +
          "header who he is, approvers included, to Hoop's API and every other aggregated one.",
      ways: [56],
      control: "IA-5",
      agents: [],
      openings: [],
      objects: ["ConfigMap/kube-system/extension-apiserver-authentication"],
      fix: [
        {
          says:
            "start each API server with --requestheader-allowed-names=front-proxy-client, or what else the common name in " +
            "its --proxy-client-cert-file is; it writes this ConfigMap itself",
        },
        ...(isOfClients
          ? [{ says: "give the front proxy an authority of its own: --requestheader-client-ca-file" }]
          : []),
      ],
    },
  ];
}

function certificatesIn(pem = ""): string[] {
  return (pem.match(CERTIFICATE) ?? []).map((one) => one.replace(/\s/g, ""));
}

/** What is no list Hoop does not believe either: it serves nobody then. */
function isEmptyList(text = ""): boolean {
  try {
    const names = parseJson(text);
    return Array.isArray(names) && names.length === 0;
  } catch {
    return false;
  }
}
