/** Backups of the store in a directory: made every so often and when asked for, the newest kept. */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Log } from "#core/ports.ts";

export interface BackupOptions {
  directory: string;
  /** 0: only when asked for. */
  everySeconds: number;
  keep: number;
}

export interface BackupPorts {
  backup: (file: string) => Promise<void>;
  clock: Clock;
  log: Log;
}

const NAME = /^hoop-\d{8}T\d{9}Z\.db$/;

/** The file of the new backup. Older ones beyond those to keep go once it is there. */
export async function makeBackup(ports: BackupPorts, { directory, keep }: BackupOptions): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const time = new Date(ports.clock.now()).toISOString().replaceAll(/[-:.]/g, "");
  const file = join(directory, `hoop-${time}.db`);
  await ports.backup(file);
  for (const old of (await backupsIn(directory)).slice(0, -keep))
    await rm(join(directory, old), { force: true });
  return file;
}

/** Names, the newest last. */
export async function backupsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => NAME.test(name)).sort();
}

/** Until the signal aborts. One is due when the newest is older than the interval, also across restarts. */
export async function keepBackingUp(
  ports: BackupPorts,
  options: BackupOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = ports;
  const every = options.everySeconds * 1000;
  // Where that fails, it is tried again long before the next one is due.
  const again = Math.min(every, 300_000);
  while (every > 0 && !signal.aborted) {
    try {
      const due = (await newestAt(options.directory)) + every - clock.now();
      if (due > 0) await clock.sleep(Math.min(due, 3_600_000), signal);
      else log.info({ file: await makeBackup(ports, options) }, "the store is backed up");
    } catch (error) {
      log.error({ err: error }, "the store could not be backed up");
      await clock.sleep(again, signal);
    }
  }
}

/** Milliseconds since the epoch; 0: there is none. */
async function newestAt(directory: string): Promise<number> {
  const newest = (await backupsIn(directory)).at(-1);
  return newest === undefined ? 0 : (await stat(join(directory, newest))).mtimeMs;
}
