/** Doctor on a schedule: counted in a metric, and told as an Event when it gets worse or well. */
import type { Clock, Log } from "../ports.ts";
import { atLeast, counted, type Finding, type Severity } from "./finding.ts";
import type { DoctorPort } from "./port.ts";

export interface DoctorEvent {
  type: "Normal" | "Warning";
  /** CamelCase. */
  reason: "WaysAroundFound" | "WaysAroundClosed";
  message: string;
  /** Milliseconds since the epoch. */
  time: number;
}

export interface ExaminingPorts {
  doctor: DoctorPort;
  clock: Clock;
  log: Log;
  /** 0: never. */
  everySeconds: number;
  /** How many there are now; undefined where that could not be found out. */
  counted(findings: Readonly<Record<Severity, number>> | undefined): void;
  event(event: DoctorEvent): Promise<unknown>;
}

/** From here on a finding is worth an Event. */
const TOLD: Severity = "high";

/** Examines now and then every so often, until the signal aborts. Never rejects. */
export async function keepExamining(ports: ExaminingPorts, signal: AbortSignal): Promise<void> {
  let told: ReadonlySet<string> = new Set();
  while (ports.everySeconds > 0 && !signal.aborted) {
    told = await examinedOnce(ports, told);
    await ports.clock.sleep(ports.everySeconds * 1000, signal);
  }
}

/** Returns what of severity there is now, to know what is new the next time. */
async function examinedOnce(ports: ExaminingPorts, told: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const { doctor, log, clock } = ports;
  try {
    // Loaded here, so that who never examines never pays for it.
    const { examine } = await import("./examine.ts");
    const { findings, notChecked } = await examine(doctor);
    ports.counted(counted(findings));
    for (const { what, why } of notChecked.filter(({ could }) => could))
      log.warn({ what, why }, "doctor could not look at everything");
    const severe = findings.filter(({ severity }) => atLeast(severity, TOLD));
    const now = new Set(severe.map(keyOf));
    const fresh = severe.filter((finding) => !told.has(keyOf(finding)));
    for (const { id, severity, agents, title } of fresh)
      log.warn({ id, severity, agents }, `doctor: ${title}`);
    if (fresh.length > 0) await ports.event(worse(fresh, severe.length, clock.now()));
    else if (told.size > 0 && now.size === 0) await ports.event(well(clock.now()));
    return now;
  } catch (error) {
    ports.counted(undefined);
    log.error({ err: error }, "doctor could not examine the cluster");
    return told;
  }
}

function keyOf({ id, agents, objects, openings }: Finding): string {
  return JSON.stringify([id, agents, objects, openings.map(({ grant }) => [grant?.binding, grant?.role])]);
}

function worse(fresh: readonly Finding[], all: number, time: number): DoctorEvent {
  const words = fresh.map(
    ({ severity, id, agents }) => `${severity} ${id}${agents.length === 0 ? "" : ` (${agents.join(", ")})`}`,
  );
  return {
    type: "Warning",
    reason: "WaysAroundFound",
    message: `kubectl hoop doctor finds ${all} of severity ${TOLD} or above; new: ${words.join("; ")}`,
    time,
  };
}

function well(time: number): DoctorEvent {
  return {
    type: "Normal",
    reason: "WaysAroundClosed",
    message: `kubectl hoop doctor finds nothing of severity ${TOLD} or above any more`,
    time,
  };
}
