/** Requests that change nothing. */
import fc from "fast-check";
import { NAMES } from "./bodies.ts";
import { EVERYWHERE, RESOURCE, type Step, step } from "./step.ts";

type Pair = readonly [string, string];

const PARTIAL = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const PARTIAL_LIST = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const TABLE = "as=Table;g=meta.k8s.io;v=v1";

export const ACCEPTS: readonly string[] = [
  "application/json",
  "*/*",
  "application/*",
  "application/yaml",
  `application/json;${TABLE}`,
  `application/json;${TABLE},application/json;as=Table;g=meta.k8s.io;v=v1beta1,application/json`,
  "application/json;as=Table;g=meta.k8s.io;v=v1beta1",
  `application/json;${PARTIAL}`,
  `application/json;${PARTIAL_LIST}`,
  `application/json;${PARTIAL_LIST},application/json;${PARTIAL}`,
  "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1",
  "application/json;as=Odd;g=meta.k8s.io;v=v1",
  "application/json;as=Table;g=other.k8s.io;v=v1",
  "application/json;as=Table;g=meta.k8s.io;v=v9",
  "text/html",
  "text/html, */*;q=0.5",
  "application/json;q=0.1, application/yaml",
  "application/json;pretty=1",
  "application/json;stream=watch",
  "application/xml",
  "odd",
  "",
];

const accept = fc.oneof(
  { weight: 1, arbitrary: fc.constant("application/json") },
  { weight: 1, arbitrary: fc.constantFrom(...ACCEPTS) },
);

export const LABELS: readonly string[] = [
  "tier=front",
  "tier==front",
  "tier!=front",
  "tier in (front,back)",
  "tier notin (front)",
  "tier",
  "!tier",
  "tier=front,env=prod",
  "tier=",
  "env notin (prod),tier",
];

const BAD_LABELS: readonly string[] = [
  "tier=(",
  "a b",
  "tier in ()",
  ",",
  "tier=front,,",
  "=x",
  "tier>x",
  "tier=not valid!",
];

const FIELDS: readonly string[] = [
  "metadata.name=a",
  "metadata.name!=a",
  "spec.color=red",
  "spec.color==red",
  "spec.color!=red",
  "spec.size=1",
  "status.phase=Done",
  "status.phase=",
  "spec.color=red,spec.size!=2",
  "metadata.namespace={{ns}}",
];

const BAD_FIELDS: readonly string[] = [
  "spec.note=x",
  "odd",
  "spec.color",
  "metadata.uid=x",
  "=",
  "spec.color=a=b",
  "metadata.name=a,",
];

/** Versions that are there at once on both sides; versions of the future take their time. */
const VERSIONS: readonly string[] = [
  "",
  "0",
  "{{list}}",
  "{{list 1}}",
  "{{list 2}}",
  "{{rv a}}",
  "{{rv b 1}}",
  "-1",
  "x",
  "1.5",
];
const MATCHES: readonly string[] = ["", "Exact", "NotOlderThan", "Odd"];

function sometimes(name: string, values: readonly string[]): fc.Arbitrary<readonly Pair[]> {
  const given = fc.constantFrom(...values).map((value): readonly Pair[] => [[name, value]]);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant<readonly Pair[]>([]) },
    { weight: 1, arbitrary: given },
  );
}

function queryOf(...parts: fc.Arbitrary<readonly Pair[]>[]): fc.Arbitrary<readonly Pair[]> {
  return fc.tuple(...parts).map((all) => all.flat());
}

const listQuery = queryOf(
  sometimes("labelSelector", [...LABELS, ...LABELS, ...BAD_LABELS]),
  sometimes("fieldSelector", [...FIELDS, ...FIELDS, ...BAD_FIELDS]),
  sometimes("resourceVersion", VERSIONS),
  sometimes("resourceVersionMatch", MATCHES),
  sometimes("limit", ["1", "1", "2", "2", "500", "0", "-1", "x"]),
  sometimes("continue", ["{{continue}}", "{{continue}}", "{{continue}}", "x", ""]),
  sometimes("includeObject", ["None", "Metadata", "Object", "Odd"]),
  sometimes("pretty", ["true", "1", "false", "odd"]),
  sometimes("odd", ["x"]),
);

const getQuery = queryOf(
  sometimes("resourceVersion", VERSIONS),
  sometimes("includeObject", ["None", "Metadata", "Object", "Odd"]),
  sometimes("pretty", ["true", "0"]),
  sometimes("odd", ["x"]),
);

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<string>(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom("missing", "Bad_Name", "a%2Fb", "a/", "%20") },
);
const reading = fc.oneof(
  { weight: 9, arbitrary: fc.constant("GET") },
  { weight: 1, arbitrary: fc.constant("HEAD") },
);

const get = fc
  .tuple(reading, name, getQuery, accept, fc.constantFrom("", "", "", "/status", "/odd"))
  .map(([method, which, query, wanted, subresource]) =>
    step(method, `${RESOURCE}/${which}${subresource}`, { query, headers: { accept: wanted } }),
  );

const collection = fc.oneof(
  { weight: 6, arbitrary: fc.constant(RESOURCE) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(EVERYWHERE, "/apis/{{group}}/v1/namespaces/missing/gadgets", `${RESOURCE}/`),
  },
);

const list = fc
  .tuple(reading, collection, listQuery, accept)
  .map(([method, path, query, wanted]) => step(method, path, { query, headers: { accept: wanted } }));

/** Methods and paths that nobody should use. */
const odd = fc
  .tuple(
    fc.constantFrom("OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "LOCK", "GET", "HEAD"),
    fc.constantFrom(
      "/apis/{{group}}/v1/gadgets/a",
      "/apis/{{group}}/v1/gizmos",
      "/apis/{{group}}/v1/namespaces/{{ns}}/gizmos/a",
      "/apis/{{group}}/v2/gadgets",
      `${RESOURCE}/a/scale`,
      `${RESOURCE}/a/status/more`,
      `${RESOURCE}/a/odd`,
    ),
  )
  .map(([method, path]) => step(method, path));

const optionless = fc
  .tuple(
    fc.constantFrom("OPTIONS", "TRACE", "LOCK"),
    fc.constantFrom(RESOURCE, `${RESOURCE}/a`, `${RESOURCE}/a/status`),
  )
  .map(([method, path]) => step(method, path));

export const reads: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: get },
  { weight: 12, arbitrary: list },
  { weight: 1, arbitrary: odd },
  { weight: 1, arbitrary: optionless },
);

/** What ends by the last events of a run matches them, whatever it selects. */
const watchQuery = fc
  .tuple(
    fc.oneof(
      sometimes("labelSelector", LABELS),
      sometimes(
        "fieldSelector",
        FIELDS.filter((field) => !field.includes("status.phase=D")),
      ),
    ),
    fc.oneof(
      {
        weight: 4,
        arbitrary: sometimes("resourceVersion", ["", "0", "{{list}}", "{{list 1}}", "{{rv a}}", "x", "-1"]),
      },
      {
        weight: 2,
        arbitrary: queryOf(
          fc.constant<readonly Pair[]>([
            ["sendInitialEvents", "true"],
            ["resourceVersionMatch", "NotOlderThan"],
          ]),
          sometimes("resourceVersion", ["", "0", "{{list}}", "{{rv b}}"]),
        ),
      },
      {
        weight: 1,
        arbitrary: queryOf(
          sometimes("sendInitialEvents", ["true", "false", "odd"]),
          sometimes("resourceVersionMatch", MATCHES),
          sometimes("resourceVersion", ["0", "{{list}}"]),
        ),
      },
    ),
    sometimes("allowWatchBookmarks", ["true", "true", "false", "odd"]),
    sometimes("includeObject", ["None", "Metadata", "Object"]),
    sometimes("limit", ["1"]),
    sometimes("pretty", ["true"]),
  )
  .map((parts): readonly Pair[] => [["watch", "true"], ...parts.flat()]);

/** Where kube-apiserver breaks off and we do not, the two have seen different things. */
const watchAccept = accept.filter((wanted) => !wanted.includes("PartialObjectMetadataList"));

export const watches: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(RESOURCE, RESOURCE, EVERYWHERE), watchQuery, watchAccept)
  .map(([path, query, wanted]) => step("GET", path, { query, headers: { accept: wanted }, watch: true }));
