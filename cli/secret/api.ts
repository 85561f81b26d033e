/** The Secrets as their views show them, over kubectl. A value goes to it on its standard input only. */
import { connectionArgs } from "../api.ts";
import { ApiError, apiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { readJson } from "../json.ts";
import type { Kubectl } from "../kubectl.ts";
import type { SecretName } from "./target.ts";

/** As it is read, in base64: placeholders, and what is no secret. */
export interface Shown {
  apiVersion: string;
  kind: "SecureSecret";
  metadata: { name: string; namespace: string; resourceVersion?: string };
  type?: string;
  data?: Record<string, string>;
  sizes?: Record<string, string>;
}

export interface Place {
  namespace: string;
  name: string;
}

export interface Secrets {
  /** Where the command line means. */
  place(named: SecretName): Promise<Place>;
  /** undefined where there is none. Rejects with {@link ApiError}, as all of these do. */
  get(place: Place): Promise<Shown | undefined>;
  create(secret: Shown, dryRun: boolean): Promise<void>;
  /** To the version that was read. */
  replace(secret: Shown, dryRun: boolean): Promise<void>;
  reveal(place: Place, key: string, reason: string | undefined): Promise<Uint8Array>;
}

const ROOT = "/apis/hoop.dev/v1alpha1";
const API_VERSION = "hoop.dev/v1alpha1";
const MANAGER = "kubectl-hoop";

export function secretsApi(kubectl: Kubectl, flags: ConnectionFlags): Secrets {
  const timeout = flags.requestTimeout === undefined ? [] : [`--request-timeout=${flags.requestTimeout}`];
  const run = async (args: readonly string[], input?: object) => {
    const given = input === undefined ? {} : { input: JSON.stringify(input) };
    const finished = await kubectl.run([...args, ...connectionArgs(flags), ...timeout], given);
    if (finished.code !== 0) throw apiError(finished);
    return finished.stdout;
  };
  const sent = (verb: "create" | "replace", path: string, body: object, dryRun = false) =>
    run([verb, `--raw=${path}?fieldManager=${MANAGER}${dryRun ? "&dryRun=All" : ""}`, "--filename=-"], body);
  return {
    place: async ({ namespace = flags.namespace, name }) => ({
      namespace: namespace ?? (await currentNamespace(run)),
      name,
    }),
    get: async (place) => {
      try {
        return parse<Shown>(await run(["get", `--raw=${pathOf(place)}`]), "SecureSecret");
      } catch (error) {
        // Without the API itself the answer is NotFound too, but then its message is not about this name.
        if (
          error instanceof ApiError &&
          error.reason === "NotFound" &&
          error.message.includes(`"${place.name}"`)
        )
          return undefined;
        throw error;
      }
    },
    create: async (secret, dryRun) => {
      await sent("create", collectionOf(secret.metadata), secret, dryRun);
    },
    replace: async (secret, dryRun) => {
      await sent("replace", pathOf(secret.metadata), secret, dryRun);
    },
    reveal: async (place, key, reason) => {
      const annotations = reason === undefined ? {} : { annotations: { "hoop.dev/reason": reason } };
      const metadata = { ...place, ...annotations };
      const body = { apiVersion: API_VERSION, kind: "SecretReveal", metadata, key };
      const answer = await sent("create", `${pathOf(place)}/reveal`, body);
      const { value = "" } = parse<{ value?: string }>(answer, "SecretReveal");
      return Buffer.from(value, "base64");
    },
  };
}

export function newSecret(place: Place, type: string): Shown {
  return { apiVersion: API_VERSION, kind: "SecureSecret", metadata: { ...place }, type };
}

function collectionOf({ namespace }: Pick<Place, "namespace">): string {
  return `${ROOT}/namespaces/${namespace}/secure-secrets`;
}

function pathOf({ namespace, name }: Place): string {
  return `${collectionOf({ namespace })}/${name}`;
}

/** kubectl alone knows: from the context, or from the pod it runs in. A dry run tells what it would put in. */
async function currentNamespace(run: (args: readonly string[], input: object) => Promise<string>) {
  const how = [
    "--dry-run=client",
    "--validate=false",
    "--filename=-",
    "--output=jsonpath={.metadata.namespace}",
  ];
  const any = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "any" } };
  return (await run(["create", ...how], any)) || "default";
}

/** The parsing edge. */
function parse<T>(text: string, kind: string): T {
  const value = readJson(text);
  if (typeof value === "object" && value !== null && "kind" in value && value.kind === kind)
    return value as T;
  throw new CommandError(`the server's answer is not the ${kind} that was asked for`);
}
