/** Secrets as clusters have them, with values nobody could know: what a harvest must never bring in. */
import type { Chance } from "../crash/chance.ts";
import type { Manifest } from "../objects.ts";
import type { Hidden } from "./detector.ts";

export interface Seed {
  /** A Secret, with `data`. */
  manifest: Omit<Manifest, "metadata"> & {
    metadata: { name: string; namespace: string; labels?: object; annotations?: object };
    data: Record<string, string>;
  };
  hidden: Hidden[];
}

export const NAMESPACES = ["demo", "prod", "team-a"] as const;
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

interface Value {
  value: Buffer;
  /** Left out: all of it is random. */
  pieces?: Buffer[];
}

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
const SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ";

const NOTHING: Value = { value: Buffer.alloc(0), pieces: [] };

/** Of one seed of chance always the same. */
export function seeds(chance: Chance): Seed[] {
  const letters = (length: number, from = LETTERS) =>
    Array.from({ length }, () => from[chance.between(0, from.length)]).join("");
  const text = (length: number, from?: string): Value => ({ value: Buffer.from(letters(length, from)) });
  const bytes = (length: number): Value => ({
    value: Buffer.from(Array.from({ length }, () => chance.between(0, 256))),
  });
  const around = (before: string, piece: Buffer, after: string): Value => ({
    value: Buffer.concat([Buffer.from(before), piece, Buffer.from(after)]),
    pieces: [piece],
  });
  const pem = (what: string): Value => {
    const lines = Array.from({ length: 12 }, () => letters(64));
    return {
      value: Buffer.from(`-----BEGIN ${what}-----\n${lines.join("\n")}\n-----END ${what}-----\n`),
      pieces: lines.map((line) => Buffer.from(line)),
    };
  };
  const json = (password: Buffer) =>
    around('{"auths":{"registry.example.com":{"password":"', password, '"}}}');
  const jwt = (): Value => {
    const part = (from: string) => Buffer.from(from).toString("base64url");
    const [body, signature] = [Buffer.from(part(letters(90))), Buffer.from(letters(86))];
    const head = part('{"alg":"RS256","typ":"JWT"}');
    return { value: Buffer.from(`${head}.${body}.${signature}`), pieces: [body, signature] };
  };
  const twin = text(24);

  const ofHoop = seeded("keys", "hoop-system", { key: bytes(32) }, {}, {});
  const others = NAMESPACES.flatMap((namespace) => {
    const seed = (
      name: string,
      values: Record<string, Value>,
      rest: object = {},
      metadata: object = {},
    ): Seed => seeded(name, namespace, values, rest, metadata);
    const short = text(8);
    const own = text(32);
    const frozen = text(28);
    const signs = text(40, SIGNS + LETTERS);
    const key = bytes(64);
    const basic = text(24);
    const noting = (note: string) => ({ annotations: { "example.com/note": note } });
    const applied = { password: text(20), url: around("postgres://app:", text(18).value, "@db/app") };
    return [
      seed(
        "db",
        { password: own, "short.one": short, empty: NOTHING },
        {},
        noting(`postgres://app:${own.value}@db`),
      ),
      withLastApplied(seed("applied", applied)),
      seed(
        "signs",
        { password: signs, unicode: text(24, "äöüßéèñłøåçžšđıŷ漢字仮名交文") },
        {},
        noting(JSON.stringify({ password: signs.value.toString() })),
      ),
      seed("binary", { key, blob: bytes(3000), odd: bytes(31) }, {}, noting(key.value.toString("hex"))),
      seed("large", { blob: bytes(90_000), text: text(20_000) }),
      seed(
        "tls",
        { "tls.crt": pem("CERTIFICATE"), "tls.key": pem("PRIVATE KEY") },
        { type: "kubernetes.io/tls" },
      ),
      seed(
        "registry",
        { ".dockerconfigjson": json(text(30).value) },
        { type: "kubernetes.io/dockerconfigjson" },
      ),
      seed(
        "basic",
        { username: text(12), password: basic },
        { type: "kubernetes.io/basic-auth" },
        noting(`Basic ${Buffer.from(`user:${basic.value}`).toString("base64")}`),
      ),
      seed("robot", { token: jwt(), "ca.crt": pem("CERTIFICATE") }, { type: "example.com/token" }),
      seed("frozen", { password: frozen }, { immutable: true }, noting(frozen.value.toString("base64"))),
      seed("finalized", { password: text(28) }, {}, { finalizers: ["example.com/wait"] }),
      seed(
        "noted",
        { password: short },
        {},
        { annotations: { "example.com/password": short.value.toString() } },
      ),
      seed("twin-a", { password: twin, other: twin }),
      seed("twin-b", { password: twin }),
    ];
  });
  return [...others, ofHoop];
}

function seeded(
  name: string,
  namespace: string,
  values: Record<string, Value>,
  rest: object,
  metadata: object,
): Seed {
  const data = Object.entries(values).map(([key, { value }]) => [key, value.toString("base64")] as const);
  return {
    manifest: {
      apiVersion: "v1",
      kind: "Secret",
      type: "Opaque",
      ...rest,
      metadata: { name, namespace, labels: { app: "harvest" }, ...metadata },
      data: Object.fromEntries(data),
    },
    hidden: Object.entries(values)
      .filter(([, { value }]) => value.length > 0)
      .map(([key, value]) => ({ name: `${namespace}/${name}[${key}]`, ...value })),
  };
}

/** As `kubectl apply` leaves it. */
function withLastApplied({ manifest, hidden }: Seed): Seed {
  const { metadata } = manifest;
  const annotations = { [LAST_APPLIED]: JSON.stringify(manifest) };
  return { manifest: { ...manifest, metadata: { ...metadata, annotations } }, hidden };
}
