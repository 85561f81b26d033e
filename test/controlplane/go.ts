import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

const environment = (): Record<string, string | undefined> => ({
  ...process.env,
  CGO_ENABLED: "0",
  GOWORK: "off",
});

/**
 * Runs `go` in `directory`, a module's, and resolves with its standard output; `onLine` gets each line of its
 * standard error. Rejects with the end of that when go fails, with error code ENOENT when there is no go.
 */
export const go = async (
  directory: string,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<string> => {
  const child = spawn("go", [...args], {
    cwd: directory,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const last: string[] = [];
  createInterface(child.stderr).on("line", (line) => {
    last.push(line);
    if (last.length > 20) last.shift();
    onLine(line);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [code, stdout] = await Promise.all([ended, text(child.stdout)]);
  if (code !== 0) throw new Error(`go ${args.slice(0, 2).join(" ")} failed (${code})\n${last.join("\n")}`);
  return stdout;
};

const numbers = (version: string): number[] => (version.match(/\d+/g) ?? []).slice(0, 3).map(Number);

const older = (version: string, than: string): boolean => {
  const [a, b] = [numbers(version), numbers(than)];
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
  return false;
};

/** Rejects, saying what to install, unless there is a Go that can build the module in `directory`, which says `go WANTED`. */
export const requireGo = async (directory: string, wanted: string): Promise<void> => {
  const advice = `Go ${wanted} or later builds the test control plane: install it from https://go.dev/dl/`;
  let found: string;
  try {
    // In the module's folder, so that a Go that fetches newer toolchains by itself answers with the one it will use.
    found = (await go(directory, ["env", "GOVERSION"])).trim();
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const detail = missing
      ? "no `go` is on the PATH"
      : error instanceof Error
        ? error.message
        : String(error);
    throw new Error(`${advice} (${detail})`, { cause: error });
  }
  if (older(found, wanted)) throw new Error(`${advice} (found ${found})`);
};
