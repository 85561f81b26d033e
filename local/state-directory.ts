/** What lies where in the state directory of a local installation (default `.hoop/`). */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

export interface Layout {
  directory: string;
  controlplane: string;
  certificates: string;
  data: string;
  logs: string;
  bin: string;
  settings: string;
  hoopPid: string;
  kubeconfig: { human: string; agent: string; approver: string; hoop: string };
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
    bin: inside("bin"),
    settings: inside("hoop.yaml"),
    hoopPid: inside("hoop.pid"),
    kubeconfig: {
      human: inside("human.kubeconfig"),
      agent: inside("agent.kubeconfig"),
      approver: inside("approver.kubeconfig"),
      hoop: inside("data", "hoop.kubeconfig"),
    },
  };
}

/** What a local installation remembers between starts. */
export interface Remembered {
  ports: { api: number; webhook: number };
  /** With `--kubeconfig`: the API server that is not ours. */
  foreign?: { kubeconfig: string; secret: string };
}

const FILE = "local.json";

export async function remembered({ directory }: Layout): Promise<Remembered | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, FILE), "utf8")) as Remembered;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${join(directory, FILE)} cannot be read; is ${directory} a state directory of Hoop?`, {
      cause: error,
    });
  }
}

export async function remember({ directory }: Layout, what: Remembered): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, FILE);
  await writeFile(`${file}.new`, `${JSON.stringify(what, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
