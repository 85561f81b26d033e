/** Secrets in a session: nothing but secure-secrets is ever asked for them. */
import { expect } from "chai";
import { type Bed, json, startBed } from "./bed.ts";

describe("the broker of a session and Secrets", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const get = (below: string, headers: Record<string, string> = {}, method = "GET") =>
    bed.call(`${bed.path}${below}`, headers, method);

  describe("never asks for Secrets as they are", () => {
    const SECRETS = "/api/v1/namespaces/demo/secrets";
    const ASKED: readonly [string, string][] = [
      ["GET", `${SECRETS}/x`],
      ["GET", SECRETS],
      ["GET", "/api/v1/secrets"],
      ["GET", `${SECRETS}?watch=true`],
      ["GET", `/api/v1/secrets?watch=1&fieldSelector=metadata.name%3Dx`],
      ["GET", `${SECRETS}/`],
      ["GET", `${SECRETS}/x/status`],
      ["GET", "/api/v1/namespaces/demo/%73ecrets/x"],
      ["GET", "/api/v1/namespaces/demo/Secrets/x"],
      ["GET", "/api/v1/watch/secrets"],
      ["GET", `/api/v1/watch/namespaces/demo/secrets/x`],
      ["HEAD", `${SECRETS}/x`],
      ["OPTIONS", `${SECRETS}/x`],
      ["DELETE", SECRETS],
      ["POST", SECRETS],
      ["PUT", `${SECRETS}/x`],
      ["PATCH", `${SECRETS}/x`],
    ];
    for (const [method, path] of ASKED)
      it(`${method} ${path}`, async () => {
        await get(path, {}, method).catch(() => undefined);
        const urls = bed.arrived.map(({ url }) => decodeURIComponent(url.split("?")[0] ?? ""));
        expect(urls.filter((url) => /^\/api\/v1\b.*\/secrets(\/|$)/.test(url))).to.deep.equal([]);
      });
  });

  it("asks for Secrets by way of secure-secrets, and shows them as Secrets", async () => {
    const secure = {
      ...{ apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret", metadata: { name: "x" } },
      ...{ data: { a: "W21hc2tlZDo=" }, sizes: { a: "small" } },
    };
    bed.behind.answer = (_request, response) => json(response, secure);
    const { json: shown } = await get("/api/v1/namespaces/demo/secrets/x?resourceVersion=0");
    expect(bed.arrived[0]?.url).to.equal(
      "/apis/hoop.dev/v1alpha1/namespaces/demo/secure-secrets/x?resourceVersion=0",
    );
    const { sizes: _, ...rest } = secure;
    expect(shown).to.deep.equal({ ...rest, apiVersion: "v1", kind: "Secret" });
  });
});
