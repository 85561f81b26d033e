/** The aggregated API hoop.dev/v1alpha1: the resources, mounted on the kit. */
import type { AuthenticationConfig } from "#kit/authentication-config.ts";
import { delegatedAuthentication, type TokenReview } from "#kit/authn.ts";
import { delegatedAuthorization, type SubjectAccessReview } from "#kit/authz.ts";
import type { RequestEvent } from "#kit/events.ts";
import type { Checks } from "#kit/health.ts";
import type { Namespaces } from "#kit/namespaces.ts";
import { type ApiHandler, createApi } from "#kit/server.ts";
import type { BrokerPorts } from "./broker/ports.ts";
import { sessionProxy } from "./broker/proxy.ts";
import { type ApprovalsPorts, approvals } from "./resources/approvals.ts";
import { type LedgersPorts, ledgers } from "./resources/ledgers.ts";
import { proven } from "./resources/proven.ts";
import { type RecordsPorts, records } from "./resources/records.ts";
import { type SecureSecretsPorts, secureSecrets } from "./resources/secure-secrets.ts";
import { type SessionsPorts, sessions } from "./resources/sessions.ts";

export interface AggregatedApiPorts
  extends ApprovalsPorts,
    RecordsPorts,
    LedgersPorts,
    SecureSecretsPorts,
    SessionsPorts,
    BrokerPorts {
  /** How the cluster vouches for callers, as of now; `undefined` while that is not known. */
  authenticationConfig: () => AuthenticationConfig | undefined;
  tokenReview: TokenReview;
  subjectAccessReview: SubjectAccessReview;
  namespaces: Namespaces;
  version: string;
  /** Whether everything that it stands on is there, by name. */
  checks: Checks;
  /** Told of each request that has ended. */
  onRequest: (event: RequestEvent) => void;
}

export function aggregatedApi(ports: AggregatedApiPorts): ApiHandler {
  return createApi({
    title: "Hoop",
    resources: [
      approvals(ports),
      records(ports),
      ledgers(ports),
      secureSecrets(ports),
      sessions(ports, sessionProxy(ports)),
    ],
    authenticate: proven(
      ports,
      delegatedAuthentication({ config: ports.authenticationConfig, tokenReview: ports.tokenReview }),
    ),
    authorize: delegatedAuthorization(ports.subjectAccessReview),
    namespaces: ports.namespaces,
    version: versionInfo(ports.version),
    log: ports.log,
    checks: ports.checks,
    onRequest: ports.onRequest,
  });
}

/** What `GET /version` tells; there is no build step, so nothing of a build. */
function versionInfo(gitVersion: string) {
  const [major = "0", minor = "0"] = gitVersion.replace(/^v/, "").split(".");
  return {
    major,
    minor,
    gitVersion,
    gitCommit: "",
    gitTreeState: "",
    buildDate: "",
    goVersion: "",
    compiler: "node",
    platform: `${process.platform}/${process.arch}`,
  };
}
