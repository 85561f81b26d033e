import { checkContentType, contentType, readBody } from "../body.ts";
import { decodeBody } from "../decode.ts";
import type { Answer } from "../encode.ts";
import { type Target, withOwnersOnce } from "../lifecycle.ts";
import type { KubeObject } from "../resource.ts";
import { conflict, type StatusError } from "../status.ts";
import { writeOptions } from "../write-options.ts";
import type { Call } from "./call.ts";
import { addressed, edited } from "./editing.ts";
import { shapeOf, shown, withWarnings } from "./writing.ts";

/** Replaces the object, or its status. */
export function update<T extends KubeObject>(call: Call<T>, target: Target = "object"): Promise<Answer> {
  return withWarnings(async (warn) => {
    const { request, info, served } = call;
    const shape = shapeOf(call);
    const text = await readBody(request);
    const options = writeOptions(request, info.query, "update");
    const type = contentType(request);
    checkContentType(type);
    const object = decodeBody(served.rules, type, text, { validation: options.fieldValidation, warn });
    const owned = withOwnersOnce(addressed(info, object as T));
    warn(owned.warnings);
    const { uid = "" } = owned.object.metadata;
    const result = await edited(call, target, options, warn, (old) => {
      if (uid !== "" && uid !== old.metadata.uid) throw anotherObject(call, uid, old, options.dryRun);
      return { object: owned.object, warnings: [] };
    });
    warn(result.warnings);
    return shown(call, shape, 200, result.object);
  });
}

/** In the words of the storage of kube-apiserver, which scripts look for; its dry runs leave a part out. */
function anotherObject<T extends KubeObject>(
  { definition, info }: Call<T>,
  uid: string,
  { metadata }: T,
  dryRun: boolean,
): StatusError {
  const { group, plural } = definition;
  const path = [group, plural, info.namespace, metadata.name].filter((part) => part !== "");
  const key = `${dryRun ? "" : "/registry"}/${path.join("/")}`;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`;
  return conflict(
    definition,
    metadata.name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}
