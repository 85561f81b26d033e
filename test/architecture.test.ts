/** Who may import whom. The table is the design; a violation fails here. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect } from "chai";

const ROOT = resolve(import.meta.dirname, "..");

interface Rule {
  /** Our own folders (or files) whose code it may import; `*` is any. */
  ours: readonly string[];
  /** Packages and `node:` modules; a trailing `*` stands for any ending. */
  packages: readonly string[];
}

const RULES: Readonly<Record<string, Rule>> = {
  core: {
    ours: ["core", "apiserver-ext/kit/storage.ts"],
    packages: ["node:crypto", "node:zlib", "typebox", "typebox/value", "yaml", "diff", "re2js", "jose"],
  },
  "apiserver-ext/kit": {
    ours: ["apiserver-ext/kit"],
    packages: ["node:*", "typebox", "typebox/*", "yaml"],
  },
  "apiserver-ext/resources": {
    ours: ["apiserver-ext/resources", "apiserver-ext/kit", "core"],
    packages: ["node:crypto", "typebox"],
  },
  "apiserver-ext/broker": {
    ours: ["apiserver-ext/broker", "apiserver-ext/kit", "core"],
    packages: ["node:*", "@bufbuild/protobuf/wire"],
  },
  "apiserver-ext/server.ts": { ours: ["apiserver-ext"], packages: [] },
  webhook: {
    ours: ["webhook", "core", "apiserver-ext/kit/x509.ts", "apiserver-ext/kit/connections.ts"],
    packages: ["node:*"],
  },
  store: {
    ours: ["store", "apiserver-ext/kit/storage.ts", "core/log", "core/ledger/upgrade.ts"],
    packages: ["node:*"],
  },
  ledger: { ours: ["ledger", "core", "files", "apiserver-ext/kit/storage.ts"], packages: ["node:*"] },
  search: { ours: ["search", "core", "apiserver-ext/kit/storage.ts"], packages: ["node:*"] },
  cluster: { ours: ["cluster", "core"], packages: ["node:*", "@kubernetes/client-node"] },
  certs: { ours: ["certs", "files"], packages: ["node:*", "node-forge"] },
  files: { ours: ["files"], packages: ["node:*"] },
  notify: { ours: ["notify", "core", "apiserver-ext/kit/storage.ts"], packages: ["node:*"] },
  cli: {
    ours: [
      "cli",
      "core",
      "files",
      "apiserver-ext/kit/duration.ts",
      "ledger/directory.ts",
      "settings/recorded.ts",
      "store/sqlite-reader.ts",
    ],
    packages: ["node:*", "@stricli/core", "yaml"],
  },
  local: { ours: ["local", "certs", "test/controlplane"], packages: ["node:*", "yaml", "oidc-provider"] },
  web: { ours: ["web", "core"], packages: ["node:*", "express", "prom-client", "jose"] },
  "main.ts": { ours: ["hoop.ts", "operator.ts", "settings.ts"], packages: ["node:*", "pino"] },
  "hoop.ts": { ours: ["*"], packages: ["node:*"] },
  "operator.ts": { ours: ["*"], packages: ["node:*"] },
  "parts.ts": { ours: ["*"], packages: ["node:*"] },
  "policies.ts": { ours: ["cluster", "core"], packages: ["node:fs/promises", "node:path"] },
  "agents.ts": { ours: ["cluster", "core", "settings.ts"], packages: [] },
  "exchange.ts": {
    ours: ["certs", "cluster", "core", "web", "settings.ts", "system.ts"],
    packages: ["node:fs/promises"],
  },
  "doors.ts": { ours: ["certs", "core", "apiserver-ext/kit"], packages: [] },
  "system.ts": { ours: ["core"], packages: ["node:*"] },
  // The checker of crash runs knows Hoop by its promises, not by its code.
  "test/support/crash/check.ts": {
    ours: ["test/support/crash/evidence.ts", "test/support/crash/indexed.ts"],
    packages: [],
  },
  "test/support/crash/ledger.ts": {
    ours: ["test/support/crash/evidence.ts", "test/support/crash/check.ts"],
    packages: [],
  },
  "test/support/crash/indexed.ts": { ours: ["test/support/crash/evidence.ts"], packages: [] },
  "test/support/crash/evidence.ts": { ours: [], packages: [] },
  settings: { ours: ["settings"], packages: ["typebox", "typebox/value"] },
  "settings.ts": { ours: ["settings"], packages: ["typebox/value", "yaml"] },
};

/** The drivers know the port, and nothing of one another. */
const STRANGERS: readonly [string, string][] = [
  ["store/memory", "store/sqlite"],
  ["store/sqlite", "store/memory"],
];

const ALIASES: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
).imports;

function sources(path: string): string[] {
  if (path.endsWith(".ts")) return [path];
  return readdirSync(join(ROOT, path), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(path, name));
}

/** Static imports and re-exports, type-only ones included, and dynamic imports of a literal. */
const IMPORT = /\bfrom\s+"([^"]+)"|\bimport\s*\(\s*"([^"]+)"|(?:^|\n)import\s+"([^"]+)"/g;

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(IMPORT)].map(([, a, b, c]) => a ?? b ?? c ?? "");
}

/** A path from the root for our own files; `undefined` for packages. */
function ownPath(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return relative(ROOT, resolve(ROOT, dirname(file), specifier));
  const alias = Object.entries(ALIASES).find(([key]) => specifier.startsWith(key.slice(0, -1)));
  if (alias === undefined) return undefined;
  const [key, target] = alias;
  return join(target.slice(0, -1), specifier.slice(key.length - 1));
}

function isAllowed(file: string, specifier: string, rule: Rule): boolean {
  const path = ownPath(file, specifier);
  if (path !== undefined)
    return rule.ours.some((entry) => entry === "*" || path === entry || path.startsWith(`${entry}/`));
  return rule.packages.some((entry) =>
    entry.endsWith("*") ? specifier.startsWith(entry.slice(0, -1)) : specifier === entry,
  );
}

function violations(file: string, rule: Rule): string[] {
  return importsOf(file)
    .filter((specifier) => !isAllowed(file, specifier, rule))
    .map((specifier) => `${file} imports ${specifier}`);
}

describe("architecture", () => {
  for (const [path, rule] of Object.entries(RULES))
    it(`${path} imports only what it may`, () => {
      expect(sources(path).flatMap((file) => violations(file, rule))).to.deep.equal([]);
    });

  it("covers every source file outside the tests", () => {
    const covered = new Set(Object.keys(RULES).flatMap(sources));
    const all = readdirSync(ROOT, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith(".") && !["node_modules", "test"].includes(name))
      .flatMap((entry) =>
        entry.isDirectory() ? sources(entry.name) : entry.name.endsWith(".ts") ? [entry.name] : [],
      );
    expect(all.filter((file) => !covered.has(file))).to.deep.equal([]);
  });

  for (const [one, other] of STRANGERS)
    it(`${one} does not know ${other}`, () => {
      const files = sources("store").filter((file) => file.startsWith(one));
      expect(files).to.not.have.length(0);
      const known = files.flatMap((file) => importsOf(file).map((to) => ownPath(file, to) ?? to));
      expect(known.filter((path) => path.startsWith(other))).to.deep.equal([]);
    });

  it("reads the environment only where a process begins", () => {
    const folders = [
      "core",
      "apiserver-ext",
      "webhook",
      "store",
      "search",
      "cluster",
      "certs",
      "notify",
      "web",
    ];
    const readers = folders
      .flatMap(sources)
      .filter((file) => readFileSync(join(ROOT, file), "utf8").includes("process.env"));
    expect(readers).to.deep.equal([]);
  });

  it("notices a violation", () => {
    const found = violations("webhook/server.ts", { ours: [], packages: [] });
    expect(found).to.include("webhook/server.ts imports node:http");
    expect(found).to.include("webhook/server.ts imports #core/review.ts");
    expect(found).to.include("webhook/server.ts imports ./decode.ts");
  });
});
