/** `kubectl hoop secret set [NAMESPACE/]NAME KEY` and `kubectl hoop secret reveal [NAMESPACE/]NAME KEY`. */
import { isUtf8 } from "node:buffer";
import { printable } from "#core/printable.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import type { ConnectionFlags, WaitFlag } from "../flags.ts";
import { newSecret, type Place, type Secrets, type Shown, secretsApi } from "../secret/api.ts";
import { throughHold, withExitCode } from "../secret/hold.ts";
import type { SecretName } from "../secret/target.ts";
import { valueGiven } from "../secret/value.ts";

export interface SetFlags extends ConnectionFlags, WaitFlag {
  readonly create: boolean;
  readonly type: string | undefined;
  readonly keepNewline: boolean;
  readonly dryRun: "none" | "server";
}

export interface RevealFlags extends ConnectionFlags, WaitFlag {
  readonly reason: string | undefined;
}

/** Others may be faster, but not for ever. */
const TRIES = 5;

export function set(
  this: Context,
  flags: SetFlags,
  named: SecretName,
  key: string,
): Promise<Error | undefined> {
  return withExitCode(this, async () => {
    if (flags.type !== undefined && !flags.create)
      throw new CommandError("--type is for --create: the type of a Secret does not change");
    // Before kubectl runs, which may read standard input itself.
    const piped = this.terminal.typed ? undefined : await valueGiven(this, flags);
    const secrets = secretsApi(this.kubectl, flags);
    const place = await secrets.place(named);
    // Nobody types a value for nothing.
    wanted(await secrets.get(place), place, flags);
    const value = Buffer.from(piped ?? (await valueGiven(this, flags))).toString("base64");
    const done = await throughHold(this, flags, place, () => written(secrets, place, flags, { key, value }));
    const note = flags.dryRun === "server" ? " (server dry run)" : "";
    this.process.stdout.write(`securesecret.hoop.dev/${place.name} ${done}, ${printable(key)} set${note}\n`);
  });
}

/** The Secret to write, with what it is now. @throws {CommandError} where that is not what the flags say. */
function wanted(there: Shown | undefined, place: Place, { create, type }: SetFlags): Shown {
  if (there === undefined && !create)
    throw new CommandError(
      `there is no Secret ${place.name} in namespace ${place.namespace}; to make one: --create`,
    );
  if (there !== undefined && type !== undefined && type !== there.type)
    throw new CommandError(`${place.name} is there and of type ${there.type}, which does not change`);
  return there ?? newSecret(place, type ?? "Opaque");
}

async function written(
  secrets: Secrets,
  place: Place,
  flags: SetFlags,
  { key, value }: { key: string; value: string },
): Promise<"created" | "changed"> {
  const dryRun = flags.dryRun === "server";
  for (let tries = 1; ; tries++) {
    const there = await secrets.get(place);
    const { sizes: _, ...secret } = wanted(there, place, flags);
    const changed = { ...secret, data: { ...secret.data, [key]: value } };
    try {
      await (there === undefined ? secrets.create(changed, dryRun) : secrets.replace(changed, dryRun));
      return there === undefined ? "created" : "changed";
    } catch (error) {
      const isOvertaken = error instanceof ApiError && ["Conflict", "AlreadyExists"].includes(error.reason);
      if (!isOvertaken || tries === TRIES) throw error;
    }
  }
}

export function reveal(
  this: Context,
  flags: RevealFlags,
  named: SecretName,
  key: string,
): Promise<Error | undefined> {
  return withExitCode(this, async () => {
    const secrets = secretsApi(this.kubectl, flags);
    const place = await secrets.place(named);
    const keys = Object.keys((await found(secrets, place)).data ?? {});
    // Before a person is bothered with it.
    if (!keys.includes(key)) {
      const there = keys.length === 0 ? "it has none" : `it has ${keys.join(", ")}`;
      throw new CommandError(`${place.name} has no key ${key}: ${there}`);
    }
    const value = await throughHold(this, flags, { name: place.name, subresource: "reveal" }, () =>
      secrets.reveal(place, key, flags.reason),
    );
    if (this.terminal.shown) show(this, value);
    else this.writeBytes(value);
  });
}

async function found(secrets: Secrets, place: Place): Promise<Shown> {
  const there = await secrets.get(place);
  if (there !== undefined) return there;
  throw new CommandError(`there is no Secret ${place.name} in namespace ${place.namespace}`);
}

/** A terminal does what it is told, so it is told nothing but text. */
function show({ process }: Context, value: Uint8Array): void {
  const text = Buffer.from(value).toString();
  const isText = isUtf8(value) && printable(text, { multiline: true }) === text;
  if (!isText)
    process.stderr.write("hoop: not text, so in base64; to get it as it is, write it into a file\n");
  const shown = isText ? text : Buffer.from(value).toString("base64");
  process.stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`);
}
