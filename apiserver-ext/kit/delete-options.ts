/** DeleteOptions, from the body of a request or else from its query. */
import { contentType, decodeOptions, readBody } from "./body.ts";
import { causes, invalidValue, notSupported } from "./field-errors.ts";
import { readStruct, type Struct } from "./go-struct.ts";
import type { ApiRequest } from "./request.ts";
import { invalid, StatusError } from "./status.ts";
import { dryRunErrors } from "./write-options.ts";

export type Propagation = "Foreground" | "Background" | "Orphan";

export interface DeleteOptions {
  dryRun: boolean;
  /** What the object must be. */
  uid: string | undefined;
  resourceVersion: string | undefined;
  propagation: Propagation | undefined;
  /** The older way to say Orphan (true) or Background. */
  orphanDependents: boolean | undefined;
}

const PRECONDITIONS: Struct = {
  name: "Preconditions",
  fields: { uid: "string", resourceVersion: "string" },
  pointers: ["uid", "resourceVersion"],
};

const DELETE_OPTIONS: Struct = {
  name: "DeleteOptions",
  fields: {
    ...{
      kind: "string",
      apiVersion: "string",
      gracePeriodSeconds: "int64",
      preconditions: { struct: PRECONDITIONS },
    },
    ...{ orphanDependents: "bool", propagationPolicy: "string", dryRun: { list: "string" } },
    ignoreStoreReadErrorWithClusterBreakingPotential: "bool",
  },
  pointers: ["orphanDependents", "propagationPolicy"],
};

/** What the fields of DeleteOptions are once they are typed. */
interface Given {
  preconditions?: { uid?: string; resourceVersion?: string };
  orphanDependents?: boolean;
  propagationPolicy?: string;
  dryRun?: string[];
}

/** @throws {StatusError} BadRequest, UnsupportedMediaType, RequestEntityTooLarge or Invalid. */
export async function deleteOptions(request: ApiRequest, query: URLSearchParams): Promise<DeleteOptions> {
  const text = await readBody(request);
  const given = text === "" ? fromQuery(query) : fromBody(contentType(request), text);
  const { propagationPolicy, orphanDependents, dryRun = [], preconditions = {} } = given;
  const propagation = POLICIES.find((each) => each === propagationPolicy);
  const errors = [
    ...(propagationPolicy !== undefined && orphanDependents !== undefined
      ? [
          invalidValue(
            "propagationPolicy",
            propagationPolicy,
            "orphanDependents and deletionPropagation cannot be both set",
          ),
        ]
      : []),
    ...(propagationPolicy !== undefined && !propagation
      ? [notSupported("propagationPolicy", propagationPolicy, [...POLICIES, "nil"])]
      : []),
    ...dryRunErrors(dryRun),
  ];
  if (errors.length > 0)
    throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions", name: "" }, causes(errors));
  const { uid, resourceVersion } = preconditions;
  return { dryRun: dryRun.length > 0, uid, resourceVersion, propagation, orphanDependents };
}

const POLICIES: readonly Propagation[] = ["Foreground", "Background", "Orphan"];

/** Of any group and version: clients send those of the resource that they delete. */
function fromBody(type: string, text: string): Given {
  const options = decodeOptions(type, text);
  const reading = readStruct(DELETE_OPTIONS, options, "");
  if (reading.outcome === "mistyped") throw new StatusError("BadRequest", reading.why);
  const { kind = "DeleteOptions", apiVersion = "v1" } = reading.fields as {
    kind?: string;
    apiVersion?: string;
  };
  if (kind !== "DeleteOptions") {
    const registered = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`;
    throw new StatusError("BadRequest", `${registered} in scheme "pkg/runtime/scheme.go:111"`);
  }
  return reading.fields as Given;
}

function fromQuery(query: URLSearchParams): Given {
  const seconds = query.get("gracePeriodSeconds");
  // Nothing here ends gracefully; what is no number is refused all the same.
  if (seconds !== null && !/^[+-]?\d+$/.test(seconds))
    throw new StatusError(
      "BadRequest",
      `strconv.ParseInt: parsing ${JSON.stringify(seconds)}: invalid syntax`,
    );
  const [propagationPolicy, orphan] = [query.get("propagationPolicy"), query.get("orphanDependents")];
  const [uid, resourceVersion] = [query.get("uid") ?? "", query.get("resourceVersion") ?? ""];
  return {
    preconditions: {
      ...(uid === "" ? {} : { uid }),
      ...(resourceVersion === "" ? {} : { resourceVersion }),
    },
    ...(propagationPolicy === null ? {} : { propagationPolicy }),
    ...(orphan === null ? {} : { orphanDependents: !["false", "0"].includes(orphan.toLowerCase()) }),
    dryRun: query.getAll("dryRun"),
  };
}
