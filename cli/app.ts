/** From the words on a command line to an exit code. */
import {
  type ApplicationText,
  ArgumentScannerError,
  buildApplication,
  formatMessageForArgumentScannerError,
  run as runApplication,
  text_en,
} from "@stricli/core";
import { separated } from "./arguments.ts";
import { commands } from "./commands.ts";
import type { Context } from "./context.ts";
import { CommandError, errorLine } from "./failure.ts";

/** Runs `kubectl hoop ARGS`. Resolves with 0, with 1 when anything failed, or with what the command set; never rejects. */
export async function run(args: readonly string[], context: Context): Promise<number> {
  context.process.exitCode = null;
  const [first, ...rest] = args;
  const meant = first === "help" ? [...rest, "--help"] : args;
  await runApplication(application, separated(meant), context);
  const code = Number(context.process.exitCode);
  return code >= 0 && code <= 255 ? code : 1;
}

const text: ApplicationText = {
  ...text_en,
  headers: { ...text_en.headers, usage: "USAGE", flags: "FLAGS" },
  noCommandRegisteredForInput: ({ input, corrections }) => {
    const hint = corrections.length === 0 ? "" : ` Did you mean ${corrections.join(" or ")}?`;
    return errorLine(new Error(`there is no command "${input}".${hint} See kubectl hoop --help`));
  },
  exceptionWhileParsingArguments: (error) => errorLine(asError(error, parsing)),
  exceptionWhileRunningCommand: (error) => errorLine(asError(error, unexpected)),
  exceptionWhileLoadingCommandFunction: (error) => errorLine(asError(error, unexpected)),
  commandErrorResult: errorLine,
};

export const application = buildApplication(commands, {
  name: "kubectl hoop",
  scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
  documentation: { onlyRequiredInUsageLine: true, disableAnsiColor: true },
  localization: { text },
});

function asError(error: unknown, otherwise: (error: unknown) => string): Error {
  return error instanceof CommandError ? error : new Error(otherwise(error));
}

/** What is wrong with the arguments, and where to look. */
function parsing(error: unknown): string {
  if (!(error instanceof ArgumentScannerError)) return unexpected(error);
  const message = formatMessageForArgumentScannerError(error, {
    AliasNotFoundError: ({ input }) => `unknown flag -${input}`,
    ArgumentParseError: ({ input, externalFlagNameOrPlaceholder, exception }) =>
      `${externalFlagNameOrPlaceholder} "${input}": ${exception instanceof Error ? exception.message : exception}`,
    EnumValidationError: ({ input, externalFlagName, values }) =>
      `--${externalFlagName} "${input}": must be one of ${values.join(", ")}`,
    FlagNotFoundError: ({ input, corrections }) =>
      `unknown flag --${input}${corrections.length === 0 ? "" : `; did you mean --${corrections.join(" or --")}?`}`,
    UnexpectedPositionalError: ({ input }) => `one argument too many: "${input}"`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} is needed, with a value`,
    UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} is missing`,
  });
  return `${message} (see --help)`;
}

/** A bug of ours: with its stack, for the report. */
function unexpected(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
