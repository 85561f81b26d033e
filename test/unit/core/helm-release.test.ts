/** Helm's release Secrets: shown without what is secret in them, and taken back as what they stand for. */
import { gunzipSync, gzipSync } from "node:zlib";
import { expect } from "chai";
import { parse, parseAllDocuments } from "yaml";
import { resolvedRelease, shownRelease } from "#core/secrets/helm-release.ts";
import { placeholders } from "#core/secrets/placeholder.ts";
import { resolve } from "#core/secrets/resolve.ts";
import { liveOf } from "#core/secrets/view.ts";

const PASSWORD = "correct-horse-battery";
const options = { placeholders: placeholders("00".repeat(32)), reveals: () => false };
const mark = (text: string) => options.placeholders.of({ uid: "u", key: "release" }, Buffer.from(text));

const packed = (release: unknown) => Buffer.from(gzipSync(JSON.stringify(release)).toString("base64"));
const unpacked = (value: Buffer) =>
  JSON.parse(gunzipSync(Buffer.from(value.toString(), "base64")).toString()) as typeof RELEASE;

const CONFIG_MAP = `---
# Source: web/templates/map.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: web # as it is
data: {colour: "blue"}
`;
const MANIFEST = `---
# Source: web/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: web
data:
  password: ${Buffer.from(PASSWORD).toString("base64")}
  username: YWRtaW4=
${CONFIG_MAP}---
# Source: web/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          env: [{name: DSN, value: "host=db pw:${PASSWORD}"}]
`;
const RELEASE = {
  name: "web",
  namespace: "demo",
  version: 1,
  info: {
    first_deployed: "2026-01-01T00:00:00Z",
    status: "deployed",
    description: "Install complete",
    notes: `Welcome.\nLog in with ${PASSWORD}.\n`,
  },
  chart: {
    metadata: { name: "web", version: "1.0.0" },
    values: { replicas: 1, colour: "blue", auth: { password: "changeme-please" } },
    templates: [
      { name: "templates/secret.yaml", data: Buffer.from("kind: Secret").toString("base64") },
      { name: "templates/x.yaml", data: Buffer.from(`a: ${PASSWORD}`).toString("base64") },
    ],
    schema: null,
    files: [],
  },
  config: { auth: { password: PASSWORD }, big: 1 },
  manifest: MANIFEST,
  hooks: [{ name: "h", kind: "Job", manifest: CONFIG_MAP, last_run: { phase: "" } }],
};

const shown = (release = RELEASE) => {
  const value = shownRelease(packed(release), mark);
  if (value === undefined) throw new Error("it cannot be read");
  return unpacked(value);
};

describe("a release of Helm's", () => {
  it("is shown without its secrets, wherever they stand, and else as it is", () => {
    const release = shown();
    const text = JSON.stringify(release);
    for (const form of [PASSWORD, Buffer.from(PASSWORD).toString("base64"), "changeme-please"])
      expect(text).to.not.contain(form);
    const [, second] = release.chart.templates;
    expect(Buffer.from(second?.data ?? "", "base64").toString()).to.match(/^a: \[masked/);
    const { config: _, info, chart, manifest: __, ...rest } = RELEASE;
    expect(release).to.deep.include(rest);
    expect(release.info).to.deep.include({ status: info.status, first_deployed: info.first_deployed });
    expect(release.chart.templates[0]).to.deep.equal(chart.templates[0]);
    expect(release.chart.values).to.deep.include({ replicas: 1, colour: "blue" });
  });

  it("has a manifest whose objects are of the same kinds and names, with values of the right form", () => {
    const { manifest } = shown();
    expect(manifest).to.contain(CONFIG_MAP);
    const objects = parseAllDocuments(manifest)
      .map((document) => document.toJS())
      .filter((object) => object !== null);
    expect(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).to.deep.equal([
      "Secret/web",
      "ConfigMap/web",
      "Deployment/web",
    ]);
    for (const value of Object.values(objects[0].data as Record<string, string>)) {
      expect(Buffer.from(value, "base64").toString("base64")).to.equal(value);
      expect(Buffer.from(value, "base64").toString()).to.match(/^\[masked:[\w.-]+\]$/);
    }
    expect(manifest.match(/^# Source: .*$/gm)).to.have.length(3);
  });

  it("that holds no secret is shown as it is", () => {
    const { hooks, name } = RELEASE;
    const plain = { name, manifest: CONFIG_MAP, hooks, config: { colour: "red" } };
    expect(shown(plain as never)).to.deep.equal(plain);
  });

  it("sent back with another status is the same release with another status", () => {
    const release = shown();
    release.info.status = "superseded";
    const resolved = resolvedRelease(packed(release), packed(RELEASE), mark);
    if (resolved.outcome !== "value") throw new Error(resolved.outcome);
    expect(unpacked(resolved.value)).to.deep.equal({
      ...RELEASE,
      info: { ...RELEASE.info, status: "superseded" },
    });
  });

  it("sent back as it was is left as it is", () => {
    expect(resolvedRelease(packed(shown()), packed(RELEASE), mark)).to.deep.equal({ outcome: "kept" });
  });

  it("of new values is what was sent", () => {
    const sent = packed(RELEASE);
    expect(resolvedRelease(sent, undefined, mark)).to.deep.equal({ outcome: "value", value: sent });
  });

  const masked = shown();
  const [secret = {}] = parseAllDocuments(masked.manifest)
    .map((document) => document.toJS())
    .filter((object) => object !== null);
  const REFUSED: Readonly<Record<string, object>> = {
    "made from what another one shows, as by a rollback": masked,
    "whose values are reused": { ...RELEASE, config: masked.config },
    "rendered with what is shown": {
      ...RELEASE,
      manifest: `kind: Secret\ndata: {password: ${(secret as { data: { password: string } }).data.password}}\n`,
    },
    "of a chart with what is shown": { ...RELEASE, chart: masked.chart },
    "with a text that is a part of what is shown": {
      ...RELEASE,
      info: { ...RELEASE.info, notes: masked.info.notes.slice(0, -2) },
    },
  };
  for (const [what, release] of Object.entries(REFUSED))
    it(`is refused: ${what}`, () => {
      expect(resolvedRelease(packed(release), undefined, mark)).to.deep.equal({ outcome: "refused" });
      const other = packed({ ...RELEASE, config: { auth: { password: "another-password" } }, manifest: "" });
      expect(resolvedRelease(packed(release), other, mark)).to.deep.equal({ outcome: "refused" });
    });

  it("is resolved as a part of its Secret, and its values are in nothing that is judged", () => {
    const live = liveOf(
      {
        ...{ apiVersion: "v1", kind: "Secret", type: "helm.sh/release.v1" },
        metadata: { name: "sh.helm.release.v1.web.v1", namespace: "demo", uid: "u" },
        data: { release: packed(RELEASE).toString("base64") },
      },
      options,
    );
    const release = unpacked(Buffer.from(live.view.data["release"] ?? "", "base64"));
    expect(JSON.stringify(release)).to.not.contain(PASSWORD);
    const sent = { metadata: { name: "sh.helm.release.v1.web.v1" }, type: "helm.sh/release.v1" };
    const data = (value: Buffer) => ({ ...sent, data: { release: value.toString("base64") } });
    release.info.status = "superseded";
    const resolved = resolve(data(packed(release)), live, options);
    if (resolved.outcome !== "resolved") throw new Error(resolved.outcome);
    const { release: stored = "" } = resolved.secret["data"] as Record<string, string>;
    expect(unpacked(Buffer.from(stored, "base64")).config).to.deep.equal(RELEASE.config);
    expect(JSON.stringify(resolved.sealed)).to.match(/"release":"\[masked: new value [\w-]+\]"/);
    const made = resolve(data(packed(release)), undefined, options);
    expect(made).to.include({ outcome: "refused", field: "data[release]" });
  });

  it("that cannot be read is shown as any other value", () => {
    for (const value of ["", "no base64 %", "aGVsbG8=", packed("text").toString(), packed([1]).toString()])
      expect(shownRelease(Buffer.from(value), mark)).to.equal(undefined);
    const bomb = Buffer.from(gzipSync(Buffer.alloc(9 * 1024 * 1024, " ")).toString("base64"));
    expect(shownRelease(bomb, mark)).to.equal(undefined);
  });

  it("is masked where an object in it cannot be read", () => {
    const manifest = `---\nkind: Secret\ndata:\n  password: [${PASSWORD}\n`;
    const text = shown({ ...RELEASE, config: {} as never, manifest }).manifest;
    expect(text).to.not.contain(PASSWORD);
    expect(parse(text)).to.equal(null);
  });
});
