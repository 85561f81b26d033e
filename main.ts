import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { pino } from "pino";
import { startHoop } from "./hoop.ts";
import { backUp, newKey, newLedger, restore } from "./operator.ts";
import { loadSettings, type Settings, settingsHelp } from "./settings.ts";

const HELP = `hoop [--config FILE] [--set PATH=VALUE]… [--take-over PID | --backup | --restore FILE | --new-ledger-key |
      --new-ledger]

Serves Hoop's admission webhook and its aggregated API. Settings come from FILE (YAML or JSON), then from environment
variables (HOOP_SET_HOLD_MAX_WAIT_SECONDS=50), then from --set (hold.maxWaitSeconds=50); what comes later wins.

With --take-over, Hoop takes the place of the one in process PID, on the same ports and store, without a refused request
(Linux): it opens the ports, sends that one SIGTERM, and lets requests wait until it has let go of the store.

With --backup, the Hoop that has the store makes a backup into backups.directory, and this prints its file. With --restore, a
backup takes the place of the store, which nobody may have open. With --new-ledger-key, a new key is put before those of the
ledger: from the next start on all of them sign. With --new-ledger, for when the key is lost, the ledger ends, its store is kept as
it is beside the new one, and another begins, with a key of its own: its first entry names the one before. Each of these
does that and ends.

SIGTERM and SIGINT end it once all that is under way is answered; SIGHUP has it look at its certificates at once, SIGUSR2 make
a backup.

Settings:
${settingsHelp()}
`;

interface Asked {
  settings: Settings;
  /** The number of the process that is to be taken over from. */
  takeOver?: number;
  /** Done instead of serving; resolves with what to print. */
  task?: () => Promise<string>;
}

async function readAsked(): Promise<Asked | undefined> {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      set: { type: "string", multiple: true },
      "take-over": { type: "string" },
      backup: { type: "boolean" },
      restore: { type: "string" },
      "new-ledger-key": { type: "boolean" },
      "new-ledger": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const { config, set: sets = [], "take-over": pid, restore: backup } = values;
  const file = config === undefined ? {} : { file: { text: await readFile(config, "utf8"), name: config } };
  const settings = loadSettings({ ...file, env: process.env, sets });
  if (values.backup) return { settings, task: () => backUp(settings) };
  if (backup !== undefined) return { settings, task: () => restore(settings, backup) };
  if (values["new-ledger-key"]) return { settings, task: async () => (await newKey(settings)).join("\n") };
  if (values["new-ledger"]) return { settings, task: () => newLedger(settings) };
  if (pid === undefined) return { settings };
  if (!/^[1-9]\d*$/.test(pid)) throw new Error(`--take-over ${pid}: the number of a process is wanted`);
  return { settings, takeOver: Number(pid) };
}

async function main(): Promise<void> {
  const asked = await readAsked();
  if (asked === undefined) return void process.stdout.write(HELP);
  if (asked.task !== undefined) return void process.stdout.write(`${await asked.task()}\n`);
  const { settings, takeOver: pid } = asked;
  // The flag comes from the command line that starts Hoop, and has had its effect on this thread. Worker threads have limits of
  // their own, which it would override.
  setFlagsFromString("--max-semi-space-size=0");
  // Lines are written many at a time, at most a tenth of a second late; a fatal one and those at the exit at once.
  const lines = pino.destination({ sync: true, minLength: 4096, periodicFlush: 100 });
  process.once("exit", () => lines.flushSync());
  const log = pino({ level: settings.log.level, redact: ["err.config", "err.request"] }, lines);
  const onLost = (cause: Error) => {
    log.fatal({ err: cause }, "the store is lost; ending, so that nothing is answered without its record");
    process.exit(1);
  };
  const takeOver = pid === undefined ? {} : { takeOver: () => end(pid) };
  const hoop = await startHoop(settings, { log, onLost, ...takeOver });
  const stop = (signal: string) => {
    log.info({ signal }, "stopping");
    hoop.stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, "could not stop cleanly");
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.on("SIGHUP", hoop.look);
  process.on("SIGUSR2", hoop.backUp);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (cause) {
    throw new Error(`--take-over ${pid}: that process cannot be ended: ${cause}`, { cause });
  }
}

if (import.meta.main)
  main().catch((error: unknown) => {
    process.stderr.write(`hoop: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
