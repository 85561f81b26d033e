/**
 * Nobody finds out a value by guessing, nor how long it is: whether a guess is right decides nothing of what
 * secure-secrets answers, in no way of writing it.
 */
import { expect } from "chai";
import { type Manifest, namespaced } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, type Reply } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const RIGHT = "Zk7uQw2xRm4tYb9sKd3f";
const WRONG = "Hj5pWn8cVg6rXe2aLq9z";
const SECRETS = "/apis/hoop.dev/v1alpha1/namespaces/demo/secure-secrets";
const base64 = (text: string) => Buffer.from(text).toString("base64");

const patch = (type: string, path: string, body: object): Call => ({ method: "PATCH", type, path, body });
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const APPLY = "application/apply-patch+yaml";

const view = (name: string, rest: object): Manifest => ({
  ...namespaced("hoop.dev/v1alpha1", "SecureSecret", name),
  ...rest,
});

/** What one may try with a guess, of a Secret that holds RIGHT at `password`. `shown` is what a GET shows of it. */
type Attempt = (name: string, guess: string, shown: Shown) => Call;
interface Shown {
  metadata: { resourceVersion: string; annotations?: object } & Record<string, unknown>;
  data: Record<string, string>;
}

const merge =
  (change: (guess: string) => object): Attempt =>
  (name, guess) =>
    patch(MERGE, `${SECRETS}/${name}`, change(guess));
const jsonPatch =
  (change: (guess: string) => object[]): Attempt =>
  (name, guess) =>
    patch(JSON_PATCH, `${SECRETS}/${name}`, change(guess));
const put =
  (change: (shown: Shown, guess: string) => object): Attempt =>
  (name, guess, shown) => ({
    method: "PUT",
    path: `${SECRETS}/${name}`,
    body: { ...shown, ...change(shown, guess) },
  });
const apply =
  (change: (guess: string) => object, query = ""): Attempt =>
  (name, guess) =>
    patch(APPLY, `${SECRETS}/${name}?fieldManager=mallory${query}`, view(name, change(guess)));

const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  "a merge patch of the value": merge((guess) => ({ data: { password: base64(guess) } })),
  "a merge patch of the value as text": merge((guess) => ({ stringData: { password: guess } })),
  "a merge patch of another key": merge((guess) => ({ data: { other: base64(guess) } })),
  "a merge patch of an annotation": merge((guess) => ({ metadata: { annotations: { x: guess } } })),
  "a merge patch of an annotation with the guess in it": merge((guess) => ({
    metadata: { annotations: { x: `a ${guess} b` } },
  })),
  "a merge patch of an annotation in base64": merge((guess) => ({
    metadata: { annotations: { x: base64(guess) } },
  })),
  "a merge patch of an annotation that repeats the value": merge((guess) => ({
    metadata: { annotations: { repeated: guess } },
  })),
  "a merge patch of a label": merge((guess) => ({ metadata: { labels: { x: guess } } })),
  "a merge patch of the type": merge((guess) => ({ type: guess })),
  "a merge patch of the value and of the version": merge((guess) => ({
    metadata: { resourceVersion: "1" },
    data: { password: base64(guess) },
  })),
  "a JSON patch that tests the value": jsonPatch((guess) => [
    { op: "test", path: "/data/password", value: base64(guess) },
  ]),
  "a JSON patch that tests all values": jsonPatch((guess) => [
    { op: "test", path: "/data", value: { password: base64(guess) } },
  ]),
  "a JSON patch that tests what repeats the value": jsonPatch((guess) => [
    { op: "test", path: "/metadata/annotations/repeated", value: guess },
  ]),
  "a JSON patch of the value": jsonPatch((guess) => [
    { op: "replace", path: "/data/password", value: base64(guess) },
  ]),
  "a JSON patch of the value there and back": jsonPatch((guess) => [
    { op: "add", path: "/data/x", value: base64(guess) },
    { op: "move", from: "/data/x", path: "/data/password" },
  ]),
  "a PUT of the value": put(({ data }, guess) => ({ data: { ...data, password: base64(guess) } })),
  "a PUT of the value as text": put((_, guess) => ({ stringData: { password: guess } })),
  "a PUT of an annotation": put(({ metadata }, guess) => ({
    metadata: { ...metadata, annotations: { ...metadata.annotations, x: guess } },
  })),
  "an apply of the value": apply((guess) => ({ data: { password: base64(guess) } })),
  "an apply of the value as text": apply((guess) => ({ stringData: { password: guess } })),
  "an apply of the value by force": apply((guess) => ({ data: { password: base64(guess) } }), "&force=true"),
  "an apply of the value by who made it": (name, guess) =>
    patch(
      APPLY,
      `${SECRETS}/${name}?fieldManager=kubectl`,
      view(name, { data: { password: base64(guess) } }),
    ),
  "an apply of an annotation": (name, guess) =>
    patch(
      APPLY,
      `${SECRETS}/${name}?fieldManager=mallory`,
      view(name, { metadata: { name, annotations: { repeated: guess } } }),
    ),
  "an apply of what is shown": (name, guess, { metadata }) =>
    patch(
      APPLY,
      `${SECRETS}/${name}?fieldManager=mallory`,
      view(name, { metadata: { name, annotations: { ...metadata.annotations, x: guess } } }),
    ),
  "a merge patch that removes the value": merge((guess) => ({
    metadata: { annotations: { x: guess } },
    data: { password: null },
  })),
  "a create of that name": (name, guess) => ({
    method: "POST",
    path: SECRETS,
    body: view(name, { data: { password: base64(guess) } }),
  }),
  "a list by its value": (_, guess) => ({
    path: `${SECRETS}?fieldSelector=${encodeURIComponent(`data.password=${base64(guess)}`)}`,
  }),
};

/** The Secrets it is tried on, each of its own way to be. */
const KINDS: Readonly<Record<string, object>> = {
  plain: {},
  frozen: { immutable: true },
  typed: { type: "kubernetes.io/basic-auth" },
};

/** What is random anyway, and the guess itself, told apart from what is not. */
function told({ code, text }: Reply, guess: string): string {
  const shown = text
    .replaceAll(base64(guess), "GUESS64")
    .replaceAll(guess, "GUESS")
    .replace(/"W21hc2tlZD[\w+/=]*"/g, "PLACEHOLDER")
    .replace(/"resourceVersion":"\d+"/g, "VERSION")
    .replace(/approval=\S+|approval\/\S+|expires=\S+/g, "APPROVAL");
  return `${code} ${shown}`;
}

describe("A guess of a Secret's value", () => {
  let bed: Testbed;
  let agent: Caller;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    agent = await asUserOf(bed.kubeconfig("agent"));
    // Once for each attempt: how often a key may be written is told as well.
    for (const [name, rest] of Object.entries(KINDS))
      await bed.apply(
        Object.keys(ATTEMPTS).map((_, index) => ({
          ...namespaced("v1", "Secret", `${name}-${index}`, { data: { password: base64(RIGHT) }, ...rest }),
          metadata: { name: `${name}-${index}`, namespace: "demo", annotations: { repeated: RIGHT } },
        })),
      );
  });

  after(() => bed?.stop());

  const withDryRun = (call: Call): Call => ({
    ...call,
    path: `${call.path}${call.path.includes("?") ? "&" : "?"}dryRun=All`,
  });

  /** What is said to a guess that is right and to one that is wrong. */
  async function tried(name: string, attempt: Attempt, dress: (call: Call) => Call): Promise<string[]> {
    const said: string[] = [];
    for (const guess of [WRONG, RIGHT]) {
      const { text } = await agent({ path: `${SECRETS}/${name}` });
      const call = dress(attempt(name, guess, JSON.parse(text) as Shown));
      said.push(told(await agent(call), guess));
    }
    return said;
  }

  for (const kind of Object.keys(KINDS))
    for (const [index, [way, attempt]] of Object.entries(ATTEMPTS).entries()) {
      it(`is not told by the dry run of ${way}, of one that is ${kind}`, async () => {
        const [wrong, right] = await tried(`${kind}-${index}`, attempt, withDryRun);
        expect(right).to.equal(wrong);
        expect(wrong).not.to.contain(RIGHT);
      });

      it(`is not told by ${way}, of one that is ${kind}`, async () => {
        const [wrong, right] = await tried(`${kind}-${index}`, attempt, (call) => call);
        expect(right).to.equal(wrong);
        expect(wrong).not.to.contain(RIGHT);
      });
    }

  describe("is not told by how long it is,", () => {
    /** Both are "up to 256 KiB", and between them lies what a Secret has room for beside these. */
    const LENGTHS = { short: 20_000, long: 200_000 };
    const ROOM = 1024 * 1024 - 100_000;

    before(() =>
      bed.apply(
        Object.entries(LENGTHS).map(([name, length]) =>
          namespaced("v1", "Secret", name, { data: { blob: Buffer.alloc(length, "a").toString("base64") } }),
        ),
      ),
    );

    const PADDED: Readonly<Record<string, (name: string, pad: string, shown: Shown) => Call>> = {
      "a merge patch": (name, pad) => patch(MERGE, `${SECRETS}/${name}`, { data: { pad } }),
      "a JSON patch": (name, pad) =>
        patch(JSON_PATCH, `${SECRETS}/${name}`, [{ op: "add", path: "/data/pad", value: pad }]),
      "a PUT": (name, pad, shown) => ({
        method: "PUT",
        path: `${SECRETS}/${name}`,
        body: { ...shown, data: { ...shown.data, pad } },
      }),
      "an apply": (name, pad) =>
        patch(APPLY, `${SECRETS}/${name}?fieldManager=mallory`, view(name, { data: { pad } })),
    };

    for (const [way, attempt] of Object.entries(PADDED))
      it(`by the dry run of ${way} that fills what is left`, async () => {
        const pad = Buffer.alloc(ROOM, "p").toString("base64");
        const said: string[] = [];
        for (const name of Object.keys(LENGTHS)) {
          const { text } = await agent({ path: `${SECRETS}/${name}` });
          const reply = await agent(withDryRun(attempt(name, pad, JSON.parse(text) as Shown)));
          said.push(`${reply.code} ${told(reply, pad).replaceAll(name, "NAME").slice(0, 60)}`);
        }
        expect(said[0]).to.equal(said[1]);
      });
  });
});
