/** What lies where in the state directory of a local installation (default `.hoop/`). */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

export interface Layout {
  directory: string;
  controlplane: string;
  certificates: string;
  data: string;
  logs: string;
  pids: string;
  bin: string;
  settings: string;
  /** Claimed by the process that starts or holds the installation. */
  owner: string;
  hoopPid: string;
  /** What the OpenID Connect provider of the tour is, and a token of it. */
  issuer: string;
  token: string;
  kubeconfig: Record<"human" | "agent" | "approver" | "auditor" | "session" | "hoop", string>;
}

export function layout(state: string): Layout {
  const directory = resolve(state);
  const inside = (...parts: string[]) => join(directory, ...parts);
  return {
    directory,
    controlplane: inside("controlplane"),
    certificates: inside("certificates"),
    data: inside("data"),
    logs: inside("logs"),
    pids: inside("pids"),
    bin: inside("bin"),
    settings: inside("hoop.yaml"),
    owner: inside("owner"),
    hoopPid: inside("hoop.pid"),
    issuer: inside("data", "issuer.json"),
    token: inside("oidc-token"),
    kubeconfig: {
      human: inside("human.kubeconfig"),
      agent: inside("agent.kubeconfig"),
      approver: inside("approver.kubeconfig"),
      auditor: inside("auditor.kubeconfig"),
      session: inside("session.kubeconfig"),
      hoop: inside("data", "hoop.kubeconfig"),
    },
  };
}

/** What a local installation remembers between starts. */
export interface Remembered {
  /** Chosen once: they stand in manifests and in the API server's files. */
  ports: { api: number; webhook: number; issuer: number; exchange: number };
  /** With `--kubeconfig`: the API server that is not ours. */
  foreign?: { kubeconfig: string; secret: string };
}

const FILE = "local.json";

/** Undefined for a directory in which nothing was ever started. */
export async function remembered({ directory }: Layout): Promise<Remembered | undefined> {
  const file = join(directory, FILE);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new Error(`${directory} is no state directory: ${error.message}`);
  });
  if (text === undefined) return undefined;
  try {
    const known = JSON.parse(text) as Remembered;
    const { api, webhook, issuer = 0, exchange = 0 } = known.ports;
    // Older ones know nothing of the last two: then any will do.
    if ([api, webhook, issuer, exchange].every(Number.isInteger))
      return { ...known, ports: { api, webhook, issuer, exchange } };
  } catch {
    // said below
  }
  throw new Error(`${file} is not what npm start wrote there; is ${directory} a state directory of Hoop?`);
}

export async function remember({ directory }: Layout, what: Remembered): Promise<void> {
  const file = join(directory, FILE);
  await writeFile(`${file}.new`, `${JSON.stringify(what, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Makes the directory, for its owner's eyes only. Rejects where it is something else's. */
export async function prepareDirectory(state: Layout): Promise<void> {
  const { directory, owner } = state;
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new Error(`${directory} cannot be a state directory: ${error.message}`);
  });
  if ((await remembered(state)) !== undefined) return;
  // A start that failed before it had anything to remember leaves its claim, no more.
  const others = (await readdir(directory)).filter((name) => !join(directory, name).startsWith(owner));
  if (others.length > 0)
    throw new Error(
      `${directory} is not a state directory of Hoop (it holds ${others.slice(0, 3).join(", ")}…); ` +
        "give one that is empty or new: --state DIR",
    );
}
