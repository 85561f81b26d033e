/** What a session is begun with, as a kubeconfig's `exec` says it: all but secrets. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";

export interface Terms {
  profile: string;
  namespace: string;
  /** Hoop's /token. */
  exchange: string;
  /** Whom it must show a certificate of: a file. */
  exchangeCa?: string | undefined;
  /** Where an OpenID Connect token is; left out: the CI system is asked for one. */
  tokenFile?: string | undefined;
  /** For whom it is asked for one. */
  audience?: string | undefined;
  duration?: string | undefined;
  reason?: string | undefined;
  /** Means nothing, but that what was kept for others does not count. */
  key?: string | undefined;
}

/** In the order in which they are written. */
const FLAGS = {
  ...{ profile: "profile", namespace: "namespace", exchange: "exchange", exchangeCa: "exchange-ca" },
  ...{ tokenFile: "token-file", audience: "audience", duration: "duration", reason: "reason" },
  key: "key",
} as const satisfies Record<keyof Terms, string>;

const NAMES = Object.keys(FLAGS) as (keyof Terms)[];

/** Files by their whole path: a kubeconfig is used from anywhere. */
export function termsOf(flags: Terms): Terms {
  const { exchangeCa, tokenFile } = flags;
  const terms = Object.fromEntries(NAMES.map((name) => [name, flags[name]])) as unknown as Terms;
  return {
    ...terms,
    ...(exchangeCa === undefined ? {} : { exchangeCa: resolve(exchangeCa) }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(tokenFile) }),
  };
}

/** `user` of a kubeconfig. */
export function execOf(terms: Terms): Record<string, unknown> {
  const args = NAMES.flatMap((name) =>
    terms[name] === undefined ? [] : [`--${FLAGS[name]}=${terms[name]}`],
  );
  return {
    exec: {
      apiVersion: "client.authentication.k8s.io/v1",
      ...{ command: "kubectl-hoop", args: ["credential", ...args] },
      installHint: "kubectl-hoop is Hoop's plugin of kubectl; it must be on the PATH.",
      ...{ provideClusterInfo: true, interactiveMode: "Never" },
    },
  };
}

/** What {@link execOf} was given, from a `user` of a kubeconfig; undefined for any other. */
export function termsIn(user: Record<string, unknown>): Terms | undefined {
  const exec = user["exec"];
  const args = typeof exec === "object" && exec !== null && "args" in exec ? exec.args : undefined;
  if (!Array.isArray(args) || args[0] !== "credential") return undefined;
  const found = new Map(args.slice(1).map((arg) => splitAt(String(arg))));
  const terms = Object.fromEntries(NAMES.map((name) => [name, found.get(`--${FLAGS[name]}`)]));
  const { profile, namespace, exchange, ...others } = terms;
  if (profile === undefined || namespace === undefined || exchange === undefined) return undefined;
  return { ...others, profile, namespace, exchange };
}

function splitAt(arg: string): [string, string] {
  const at = arg.indexOf("=");
  return at < 0 ? [arg, ""] : [arg.slice(0, at), arg.slice(at + 1)];
}

/** The same for the same terms. */
export function keyOf({ key, ...terms }: Terms): string {
  const others = NAMES.filter((name) => name !== "key").map((name) => terms[name] ?? null);
  // Without one it is what it was before there were keys: who has logged out stays so.
  const values = key === undefined ? others : [...others, key];
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 32);
}
