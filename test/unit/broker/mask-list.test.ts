/** Lists, masked item by item as they come in. */
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { maskedList } from "#apiserver-ext/broker/mask/list.ts";
import { knownValues, REPLACEMENT } from "#core/mask/values.ts";

const masks = { ofSecrets: false, known: knownValues([Buffer.from("correct-horse")]) };

async function shown(json: string, size = 7): Promise<string> {
  const bytes = Buffer.from(json);
  async function* parts(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return (await buffer(maskedList(parts(), masks))).toString();
}

/** Of the chunks that it comes in. */
const SIZES = [1, 7, 1000, ...Array.from({ length: 16 }, (_, more) => 90 + more)];

const SAME: Record<string, string> = {
  "an empty list": '{"kind":"PodList","items":[]}',
  "one without items": '{"kind":"PodList","items":null}',
  "what is no list": '{"kind":"Status","code":404,"message":"no items: [1]"}',
  "blanks and numbers as they were written":
    '{ "kind": "PodList", "items": [ {"n": 1.0} , {"n": 1e3, "s": "a\\u003cb"} ], "x": 5.0 }\n',
  "strings that look like structure": '{"kind":"PodList","items":[{"a":"]},{\\"items\\":["},{"b":"\\\\"}]}',
  "long strings, wherever a chunk ends between a backslash and what it escapes": `{"kind":"PodList","items":[{"a":"${"x".repeat(63)}${'\\\\\\"]}'.repeat(40)}"},{"b":"${"y".repeat(64)}\\""}]}`,
  "arrays of the same name within":
    '{"kind":"PodList","metadata":{"items":[1]},"items":[{"items":[{"items":[]}]}]}',
};

const MASKED: Record<string, [json: string, shown: string]> = {
  "values of Secrets": [
    '{"kind":"PodList","items":[{"a":1.0},{"b":"correct-horse"}]}',
    `{"kind":"PodList","items":[{"a":1.0},{"b":"${REPLACEMENT}"}]}`,
  ],
  "what is masked in one ConfigMap, in a list of them that do not say their kind": [
    '{"kind":"ConfigMapList","items":[{"data":{"PASSWORD":"hunter2"}}]}',
    '{"kind":"ConfigMapList","items":[{"data":{"PASSWORD":"[masked: value]"}}]}',
  ],
  "Secrets that do not say their kind, in a form that clients can decode": [
    '{"kind":"SecretList","items":[{"data":{"a":"YQ=="}}]}',
    `{"kind":"SecretList","items":[{"data":{"a":"${Buffer.from(REPLACEMENT).toString("base64")}"}}]}`,
  ],
  "what stands before and behind the items": [
    '{"kind":"PodList","note":"correct-horse","items":[{}],"more":["correct-horse"]}',
    `{"kind":"PodList","note":"${REPLACEMENT}","items":[{}],"more":["${REPLACEMENT}"]}`,
  ],
  "rows of a table": [
    '{"kind":"Table","rows":[{"cells":["correct-horse"],"object":{"kind":"X","metadata":{"name":"correct-horse"}}}]}',
    `{"kind":"Table","rows":[{"cells":["${REPLACEMENT}"],"object":{"kind":"X","metadata":{"name":"correct-horse"}}}]}`,
  ],
  "cells of a column that is secret by its name": [
    '{"kind":"Table","columnDefinitions":[{"name":"Name"},{"name":"Password"}],"rows":[{"cells":["a","hunter2"],"object":{}},{"cells":["b",""]}]}',
    '{"kind":"Table","columnDefinitions":[{"name":"Name"},{"name":"Password"}],"rows":[{"cells":["a","[masked: value]"],"object":{}},{"cells":["b",""]}]}',
  ],
  "the first of two members of one name": [
    '{"kind":"PodList","items":[{"token":"hunter2","token":""}]}',
    '{"kind":"PodList","items":[{"token":""}]}',
  ],
};

const REFUSED: Record<string, string> = {
  "what ends too early": '{"kind":"PodList","items":[{}',
  "what is no JSON": '{"kind":"PodList","items":[{"token":}]}',
  "items of a kind that comes too late": '{"items":[{"data":{"a":"YQ=="}}],"kind":"SecretList"}',
  "columns that come too late":
    '{"kind":"Table","rows":[{"cells":["hunter2"]}],"columnDefinitions":[{"name":"Password"}]}',
  "two lists of items": '{"kind":"PodList","items":[{}],"items":[{}]}',
  "what is nested without end": `{"kind":"PodList","items":[${"[".repeat(600)}${"]".repeat(600)}]}`,
};

describe("a list that is masked as it comes in", () => {
  for (const [what, json] of Object.entries(SAME))
    it(`leaves ${what}`, async () => {
      for (const size of SIZES) expect(await shown(json, size)).to.equal(json);
    });

  for (const [what, [json, own]] of Object.entries(MASKED))
    it(`masks ${what}`, async () => {
      for (const size of SIZES) expect(await shown(json, size)).to.equal(own);
    });

  for (const [what, json] of Object.entries(REFUSED))
    it(`refuses ${what}`, async () => {
      const refused = await shown(json).catch((error: Error) => error.message);
      expect(refused).to.contain("cannot be masked");
    });
});
