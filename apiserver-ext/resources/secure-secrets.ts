/** `secure-secrets`: Secrets that can be read, watched, created and edited without a value being seen. Nothing is stored. */
import type { CoreSecret, SecretsBackend } from "#core/secrets/backend.ts";
import { placeholders } from "#core/secrets/placeholder.ts";
import { LAST_APPLIED, type Reveals } from "#core/secrets/view.ts";
import { type Caller, defineResource } from "#kit/resource.ts";
import { GROUP, VERSION } from "./group.ts";
import { secretsApplier } from "./secure-secrets/apply.ts";
import { guesses } from "./secure-secrets/guesses.ts";
import type { JudgePorts } from "./secure-secrets/judged.ts";
import { keyCount, keyNames, type SecureSecret, SecureSecretContent } from "./secure-secrets/object.ts";
import { secretsReader } from "./secure-secrets/reader.ts";
import { reveal } from "./secure-secrets/reveal.ts";
import { validate, validateUpdate } from "./secure-secrets/validate.ts";
import { secretsWriter } from "./secure-secrets/writer.ts";

/** Keys whose values are no secret. Each list left empty stands for any; one without keys reveals nothing. */
export interface RevealRule {
  keys: readonly string[];
  types: readonly string[];
  namespaces: readonly string[];
}

export interface SecureSecretsPorts extends JudgePorts {
  secrets: SecretsBackend;
  reveal: readonly RevealRule[];
}

export function secureSecrets(ports: SecureSecretsPorts) {
  const view = { placeholders: placeholders(ports.installationKey), reveals: revealsBy(ports.reveal) };
  const writing = { ...ports, guesses: guesses(ports.clock.now) };
  return defineResource<SecureSecret>({
    group: GROUP,
    version: VERSION,
    kind: "SecureSecret",
    plural: "secure-secrets",
    singular: "secure-secret",
    scope: "Namespaced",
    shortNames: ["ssec"],
    categories: [],
    description:
      "A SecureSecret is a Secret of the same name as it may be seen: each value is a placeholder. Sent back, a " +
      "placeholder keeps the value. Writes change the Secret. There is no delete: delete the Secret.",
    schema: SecureSecretContent,
    secretValues: true,
    unconditionalUpdate: true,
    columns: [
      { name: "Type", type: "string", description: "What it is for.", cell: ({ type }) => type ?? "" },
      { name: "Data", type: "integer", description: "How many keys it has.", cell: keyCount },
      {
        name: "Age",
        type: "date",
        description: "Since when it is there.",
        cell: ({ metadata }) => metadata.creationTimestamp,
      },
      {
        name: "Keys",
        type: "string",
        priority: 1,
        description: "Its keys, where they were read.",
        cell: keyNames,
      },
    ],
    fields: { type: ({ type }) => type ?? "" },
    visible: notOfHoop(ports),
    storage: {
      ...secretsReader(ports.secrets, view, ports.installationNamespace),
      ...secretsWriter(writing, view),
      ...secretsApplier(writing, view),
    },
    verbs: ["get", "list", "watch", "create", "update", "patch"],
    strategy: {
      prepareForCreate: withoutSizes,
      // They are told, not set.
      prepareForUpdate: (object, { sizes }) => ({
        ...withoutLastApplied(withoutSizes(object)),
        ...(sizes ? { sizes } : {}),
      }),
      validate,
      validateUpdate,
    },
    subresources: { reveal: reveal(ports, view) },
  });
}

/** Agents see nothing of what Hoop itself keeps. */
function notOfHoop({ agents, installationNamespace }: SecureSecretsPorts) {
  return (caller: Caller) =>
    agents.identify(caller).kind === "agent"
      ? ({ metadata }: SecureSecret) => metadata.namespace !== installationNamespace
      : undefined;
}

function withoutSizes({ sizes: _, ...object }: SecureSecret): SecureSecret {
  return object as SecureSecret;
}

/** It is never kept, so what differs in nothing else is no change, and nobody has to approve it. */
function withoutLastApplied(object: SecureSecret): SecureSecret {
  const { annotations, ...metadata } = object.metadata;
  const { [LAST_APPLIED]: _, ...kept } = annotations ?? {};
  const shown = Object.keys(kept).length === 0 ? metadata : { ...metadata, annotations: kept };
  return { ...object, metadata: shown };
}

function revealsBy(rules: readonly RevealRule[]): Reveals {
  const isIn = (list: readonly string[], value: unknown) =>
    list.length === 0 || (typeof value === "string" && list.includes(value));
  const namespaceOf = ({ metadata }: CoreSecret) => (metadata as { namespace?: string }).namespace;
  return (secret, key) =>
    rules.some(
      ({ keys, types, namespaces }) =>
        keys.includes(key) && isIn(types, secret["type"]) && isIn(namespaces, namespaceOf(secret)),
    );
}
