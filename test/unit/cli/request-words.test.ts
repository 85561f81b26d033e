import { expect } from "chai";
import fc from "fast-check";
import { type AskedFor, requestWords } from "../../../cli/session/request-words.ts";

const NS = "/api/v1/namespaces/shop";
const pods = { group: "", resource: "pods", namespace: "shop" };
const web = { ...pods, name: "web" };
const asked = (verb: string, uri: string, target?: AskedFor["target"]): AskedFor =>
  target === undefined ? { verb, uri } : { verb, uri, target };
const inPod = (subresource: string, query: string, verb = "create") =>
  asked(verb, `${NS}/pods/web/${subresource}?${query}`, { ...web, subresource });

const WORDS: Readonly<Record<string, [request: AskedFor, words: string, body?: unknown]>> = {
  "a list": [asked("list", `${NS}/pods?limit=500`, pods), "list pods -n shop"],
  "a list everywhere": [asked("list", "/api/v1/pods", { group: "", resource: "pods" }), "list pods"],
  "a list by labels and fields": [
    asked("list", `${NS}/pods?fieldSelector=status.phase%3DRunning&labelSelector=app+in+%28a%2Cb%29`, pods),
    "list pods -n shop --field-selector=status.phase=Running -l 'app in (a,b)'",
  ],
  "the next page": [
    asked("list", `${NS}/pods?continue=eyJ2&limit=500`, pods),
    "list pods -n shop (next page)",
  ],
  "a page of another size": [asked("list", `${NS}/pods?limit=5`, pods), "list pods -n shop (page of 5)"],
  "the next one of these": [
    asked("list", `${NS}/pods?limit=5&continue=eyJ2`, pods),
    "list pods -n shop (next page of 5)",
  ],
  "a watch of one object": [
    asked("watch", `${NS}/pods?fieldSelector=metadata.name%3Dweb&resourceVersion=7&watch=true`, web),
    "watch pods/web -n shop",
  ],
  "an object of another group": [
    asked("get", "/apis/apps/v1/namespaces/shop/deployments/web", {
      ...{ group: "apps", resource: "deployments", namespace: "shop", name: "web" },
    }),
    "get deployments.apps/web -n shop",
  ],
  "a namespace, which is in none": [
    asked("get", NS, { group: "", resource: "namespaces", namespace: "shop", name: "shop" }),
    "get namespaces/shop",
  ],
  "a subresource": [
    inPod("status", "fieldManager=kubectl-edit&fieldValidation=Strict", "patch"),
    "patch status pods/web -n shop",
  ],
  "a dry run": [
    asked("create", `${NS}/pods?dryRun=All&fieldManager=kubectl-create`, pods),
    "create pods -n shop (dry run)",
  ],
  "an apply": [
    asked("patch", `${NS}/pods/web?fieldManager=kubectl&force=false`, web),
    "apply --server-side pods/web -n shop",
  ],
  "an apply that takes fields from others": [
    asked("patch", `${NS}/pods/web?force=true`, web),
    "apply --server-side pods/web -n shop --force-conflicts",
  ],
  "a command": [
    inPod(
      "exec",
      "command=sh&command=-c&command=echo+it%27s+%241&container=main&stdin=true&stdout=true&tty=true",
    ),
    "exec pods/web -n shop -c main -i -t -- sh -c 'echo it'\\''s $1'",
  ],
  "a command without input": [
    inPod("exec", "command=id&stdin=false&stdout=true"),
    "exec pods/web -n shop -- id",
  ],
  attaching: [inPod("attach", "stdin=true&stdout=1"), "attach pods/web -n shop -i"],
  ports: [inPod("portforward", "ports=80&ports=443"), "port-forward pods/web -n shop 80 443"],
  logs: [
    inPod("log", "container=main&follow=true&previous=true&tailLines=5&sinceSeconds=60&timestamps", "get"),
    "logs pods/web -n shop -c main -f -p --tail=5 --since=60s --timestamps",
  ],
  "what is behind a proxy": [
    asked("get", `${NS}/pods/web/proxy/admin/?all=1`, { ...web, subresource: "proxy" }),
    "get proxy pods/web -n shop /admin/ all=1",
  ],
  "what is behind one, however it is written": [
    asked("get", `${NS}/pods/we%62/proxy/%61dmin`, { ...web, subresource: "proxy" }),
    "get proxy pods/web -n shop /admin",
  ],
  "how something is deleted, in the address": [
    asked("delete", `${NS}/pods/web?gracePeriodSeconds=0&propagationPolicy=Orphan`, web),
    "delete pods/web -n shop --grace-period=0 --cascade=orphan",
  ],
  "how something is deleted, in the body": [
    asked("delete", `${NS}/pods/web`, web),
    "delete pods/web -n shop --grace-period=0 --cascade=foreground (only if uid=0b9c) (dry run)",
    {
      ...{ kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0, propagationPolicy: "Foreground" },
      ...{ preconditions: { uid: "0b9c" }, dryRun: ["All"] },
    },
  ],
  "a deletion whose body is no text": [
    asked("delete", `${NS}/pods/web`, web),
    "delete pods/web -n shop",
    "[not kept: no text]",
  ],
  "what is not known": [
    asked("get", `${NS}/pods/web?evil=%28dry+run%29&x+y=`, web),
    "get pods/web -n shop evil='(dry run)' 'x y'=''",
  ],
  "names that are none": [
    asked("get", `${NS}/pods/x`, { ...pods, name: "web -n prod" }),
    "get pods/'web -n prod' -n shop",
  ],
  "what is no resource": [asked("get", "/openapi/v3/api/v1?hash=B6&timeout=32s"), "get /openapi/v3/api/v1"],
  "a method that is no verb": [{ verb: "", method: "TRACE", uri: "/" }, "trace /"],
  "what is cut": [
    { ...asked("list", `${NS}/pods?continue=aaa…`, pods), shortened: true },
    "list pods -n shop (next page) …",
  ],
};

describe("what a request asks for, as kubectl says it", () => {
  for (const [what, [request, words, body]] of Object.entries(WORDS))
    it(`says ${what}`, () => {
      expect(requestWords(request, body)).to.equal(words);
    });

  it("says each argument of a command, as a shell takes it", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 4 }), (command) => {
        const query = new URLSearchParams(
          command.map((word): [string, string] => ["command", word]),
        ).toString();
        const words = requestWords(inPod("exec", query));
        const head = "exec pods/web -n shop --";
        expect(words.startsWith(head)).to.equal(true);
        expect(wordsOf(words.slice(head.length))).to.deep.equal(command.map((word) => word.toWellFormed()));
      }),
    );
  });
});

/** As a POSIX shell takes a line apart where only single quotes and a backslash mean something. */
function wordsOf(line: string): string[] {
  const words = line.matchAll(/ ((?:'[^']*'|\\'|[^ '\\])*)/g);
  return [...words].map(([, word = ""]) =>
    word.replace(/'([^']*)'|\\(')|([^'\\]+)/g, (_, quoted?: string, escaped?: string, plain?: string) =>
      [quoted, escaped, plain].join(""),
    ),
  );
}
