/** Whether the API server can believe whom it calls: the caBundles of the registrations. */
import { X509Certificate } from "node:crypto";
import { apiService, registration, SERVICE } from "./objects.ts";
import { type Finding, failed, notChecked, type Probe, passed } from "./step.ts";

interface Bundle {
  /** Whose. */
  where: string;
  /** As it stands there. */
  encoded: string | undefined;
}

export async function certificates(probe: Probe): Promise<Finding> {
  const [service, validating, mutating] = await Promise.all([
    apiService(probe),
    registration(probe, "validatingwebhookconfigurations"),
    registration(probe, "mutatingwebhookconfigurations"),
  ]);
  const ofService = { where: `APIService ${SERVICE}`, encoded: service?.spec.caBundle };
  const ofWebhooks = [...(validating?.webhooks ?? []), ...(mutating?.webhooks ?? [])].map(
    ({ name, clientConfig }): Bundle => ({ where: `webhook ${name}`, encoded: clientConfig.caBundle }),
  );
  const bundles: Bundle[] = [...(service === undefined ? [] : [ofService]), ...ofWebhooks];
  if (bundles.length === 0) return notChecked("there is nothing that could have a caBundle");
  for (const { where, encoded } of bundles) {
    const wrong = wrongBundle(encoded, probe.context.now());
    if (wrong !== undefined) return failed("HOOP-006", `${where}: ${wrong}`);
  }
  const [first, ...others] = bundles;
  const foreign = others.find(({ encoded }) => !shareOne(first?.encoded, encoded));
  if (foreign !== undefined)
    return failed("HOOP-020", `${foreign.where} trusts another authority than ${first?.where}`);
  return passed("each registration has a caBundle that is valid now, all of the same authority");
}

function wrongBundle(encoded: string | undefined, now: number): string | undefined {
  if (encoded === undefined || encoded === "") return "it has no caBundle; Hoop puts it there when it runs";
  const pems = pemsIn(encoded);
  if (pems.length === 0) return "its caBundle holds no certificate";
  try {
    const valid = pems
      .map((pem) => new X509Certificate(pem))
      .some(
        ({ validFromDate, validToDate }) => validFromDate.getTime() <= now && now < validToDate.getTime(),
      );
    return valid ? undefined : "its caBundle has run out";
  } catch {
    return "its caBundle cannot be read";
  }
}

/** While a CA is replaced a bundle holds both, and not all of them do at the same moment. */
function shareOne(one: string | undefined, other: string | undefined): boolean {
  const pems = new Set(pemsIn(one ?? ""));
  return pemsIn(other ?? "").some((pem) => pems.has(pem));
}

function pemsIn(encoded: string): string[] {
  const text = Buffer.from(encoded, "base64").toString("latin1");
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
