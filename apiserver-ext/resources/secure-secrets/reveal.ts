/** `secure-secrets/reveal`: one value of a Secret, once, to whoever may have it. An agent waits for a human first. */
import Type, { type Static } from "typebox";
import { answered } from "#core/outcome/own.ts";
import type { SecretsBackend } from "#core/secrets/backend.ts";
import { seal } from "#core/secrets/resolve.ts";
import { liveOf, secretUid, type ViewOptions, valuesOf } from "#core/secrets/view.ts";
import { defineSubresource, type KubeObject } from "#kit/resource.ts";
import { invalid, methodNotAllowed, notFound, StatusError } from "#kit/status.ts";
import { GROUP, VERSION } from "../group.ts";
import { type JudgePorts, judged } from "./judged.ts";
import { SELF, told } from "./refusals.ts";
import { weightOf } from "./values.ts";

const SecretReveal = Type.Object({
  key: Type.String({ description: "Which value." }),
  value: Type.Optional(Type.String({ description: "Base64. Only in the answer." })),
});

type SecretReveal = KubeObject & Static<typeof SecretReveal>;

interface RevealPorts extends JudgePorts {
  secrets: SecretsBackend;
}

export function reveal(ports: RevealPorts, view: ViewOptions) {
  return defineSubresource<SecretReveal>({
    kind: "SecretReveal",
    schema: SecretReveal,
    verbs: ["create"],
    read: async () => {
      throw methodNotAllowed();
    },
    write: async (caller, namespace, name, { key, metadata: sent }, options) => {
      if (options.dryRun) throw new StatusError("BadRequest", "a reveal cannot be tried out");
      const live = await told(ports.secrets.get(namespace, name, "", options.signal));
      if (live === undefined) throw notFound(SELF, name);
      const value = new Map(valuesOf(live)).get(key);
      if (value === undefined) throw noSuchKey(name);
      const bytes = Buffer.from(value, "base64");
      const { annotations = {} } = sent;
      const object = {
        ...{ apiVersion: `${GROUP}/${VERSION}`, kind: "SecretReveal" },
        ...{ metadata: { name, namespace, annotations }, key },
        value: view.placeholders.sealed({ uid: secretUid(live), key }, bytes, "kept"),
      };
      const wish = { operation: "CONNECT" as const, subresource: "reveal", namespace, name, object };
      const record = await judged(
        ports,
        { ...wish, oldObject: seal(liveOf(live, view), view), bytes: weightOf(live) },
        { ...options, caller },
      );
      await answered(ports, record);
      ports.log.info(
        { auditID: options.auditID, user: caller.username, secret: `${namespace}/${name}`, key },
        "reveal",
      );
      return {
        ...{ apiVersion: `${GROUP}/${VERSION}`, kind: "SecretReveal" },
        ...{ metadata: { ...sent, name, namespace }, key, value },
      };
    },
  });
}

function noSuchKey(name: string): StatusError {
  const cause = { reason: "FieldValueNotFound", message: "Not found", field: "key" };
  return invalid({ group: GROUP, kind: "SecretReveal", name }, [cause]);
}
