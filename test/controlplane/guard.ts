import { type ChildProcess, spawn } from "node:child_process";

/**
 * Runs a command that does not outlive whoever holds the other end of its standard input: a pipe is closed by the
 * kernel when its holder ends, by kill -9, too. The reader is a shell of its own, so that it does its work even
 * when the first shell is gone.
 */
const guardScript = `
pidfile=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
echo "$child" >"$pidfile"
(while read -r line <&3; do :; done; kill -KILL "$child") 2>/dev/null &
reader=$!
exec 3<&- 2>/dev/null
wait "$child"
code=$?
kill "$reader" 2>/dev/null
exit "$code"
`;

/** Deletes a directory once the holder of its standard input has ended, and again until nothing comes back. */
const janitorScript = `
while read -r line; do :; done
for try in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1
  rm -rf "$1" 2>/dev/null && [ ! -e "$1" ] && exit 0
done
`;

interface Output {
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** File descriptor for standard output and error. */
  readonly log: number | "ignore";
}

const held = (script: string, args: readonly string[], { cwd, env, log }: Output): ChildProcess => {
  const child = spawn("/bin/sh", ["-c", script, "sh", ...args], {
    cwd,
    env,
    // A session of its own: Ctrl-C in a terminal is for the parent, which stops things in order.
    detached: true,
    stdio: ["pipe", log, log],
  });
  child.unref();
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function")
    child.stdin.unref();
  return child;
};

/** Starts `command` so that it is killed when this process ends; its pid is written to `pidFile`. */
export const guarded = (command: readonly string[], pidFile: string, output: Output): ChildProcess =>
  held(guardScript, [pidFile, ...command], output);

/** Has `directory` deleted when this process ends, however it ends. */
export const deletedAtEnd = (directory: string): ChildProcess =>
  held(janitorScript, [directory], { cwd: "/", env: { PATH: "/usr/bin:/bin" }, log: "ignore" });
