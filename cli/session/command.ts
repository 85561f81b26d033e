/** What the commands around sessions take and say about themselves. */
import { buildCommand } from "@stricli/core";
import type { CredentialFlags } from "../commands/credential.ts";
import type { LoginFlags } from "../commands/login.ts";
import type { ReplayFlags } from "../commands/replay.ts";
import type { KillFlags, SessionsFlags } from "../commands/sessions.ts";
import type { WatchFlags } from "../commands/watch.ts";
import type { Context } from "../context.ts";
import { description } from "../description.ts";
import { CommandError } from "../failure.ts";
import {
  aliases,
  type ConnectionFlags,
  colorFlag,
  connectionFlags,
  milliseconds,
  outputFlag,
  watchAliases,
  watchFlags,
} from "../flags.ts";
import { exchangeUrl } from "./exchange.ts";
import { agentsOfSessions, profileNames, sessionName, sessionNames } from "./names.ts";

const { n, s } = aliases;

const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true }) as const;
const yesNo = (brief: string) => ({ kind: "boolean", brief, default: false, withNegated: false }) as const;
const named = (which: "open" | "all") =>
  ({
    brief: "Name of the session",
    placeholder: "SESSION",
    parse: sessionName,
    proposeCompletions: sessionNames(which),
  }) as const;
const one = (which: "open" | "all") => ({ kind: "tuple", parameters: [named(which)] }) as const;
const ofAgent = {
  ...text("Only of this agent: user name, or NAMESPACE/NAME", "NAME"),
  proposeCompletions: agentsOfSessions,
} as const;

const exchangeFlags = {
  exchange: {
    ...text(
      "Where an OpenID Connect token is exchanged, in place of your own credential: Hoop's /token",
      "URL",
    ),
    parse: exchangeUrl,
  },
  exchangeCa: text("CA file to trust for that address", "FILE"),
  tokenFile: text("File with the token; default: ask the CI system", "FILE"),
  audience: text("For whom the CI system makes it; default: hoop", "NAME"),
} as const;
const lengthFlag = {
  ...text("How long, such as 20m; left out, what the profile says", "DURATION"),
  parse: length,
} as const;

export const sessions = buildCommand<SessionsFlags, [], Context>({
  loader: async () => (await import("../commands/sessions.ts")).sessions,
  parameters: {
    flags: {
      agent: ofAgent,
      all: yesNo("Also those that ended within a day; not those that were killed or deleted"),
      ...watchFlags,
      ...outputFlag,
      ...connectionFlags,
    },
    aliases: { ...aliases, ...watchAliases },
  },
  docs: {
    brief: "List the sessions that agents have",
    customUsage: ["[-n NAMESPACE] [--agent NAME] [--all] [-w] [-o FORMAT]"],
    fullDescription: description(
      "List the sessions that agents have, or wait for people to approve, the oldest first. With --all also those that\n" +
        "ended within a day: their time is over, nobody used or approved them, they are no longer allowed, or a token's\n" +
        "was logged out of. Those that were deleted are gone (kubectl hoop kill, kubectl delete, logout with your own\n" +
        "credential, or with their namespace); the names of all are in: kubectl hoop records --kind session.",
      [
        ["All that may be used, now or once they are approved", "kubectl hoop sessions"],
        ["Stay, and see them begin and end", "kubectl hoop sessions -w"],
        ["What one agent had, and why it is over", "kubectl hoop sessions --agent ci/deployer --all -o wide"],
        ["Also those that were killed or deleted", "kubectl hoop records --kind session"],
      ],
    ),
  },
});

export const login = buildCommand<LoginFlags, [], Context>({
  loader: async () => (await import("../commands/login.ts")).login,
  parameters: {
    flags: {
      profile: {
        kind: "parsed",
        parse: String,
        brief: "The AgentProfile that says what the session may be",
        placeholder: "NAME",
        proposeCompletions: profileNames,
      },
      duration: lengthFlag,
      reason: text("What it is for; recorded", "TEXT"),
      to: {
        kind: "parsed",
        parse: String,
        brief: "Where the kubeconfig is written; - for standard output",
        placeholder: "FILE",
        default: "session.kubeconfig",
      },
      ...exchangeFlags,
      wait: {
        ...text(
          "How long to wait for people, where they must approve it; left out: until they have",
          "DURATION",
        ),
        parse: milliseconds,
      },
      output: { kind: "enum", values: ["json", "name"], brief: "How to tell of the session", optional: true },
      ...connectionFlags,
      namespace: {
        ...connectionFlags.namespace,
        brief: "Where the session is; left out: as the context says",
      },
    },
    aliases,
  },
  docs: {
    brief: "Begin a session, and write the kubeconfig to work in it",
    customUsage: [
      "--profile NAME [-n NAMESPACE] [--duration DURATION] [--reason TEXT] [--to FILE]",
      "--profile NAME --exchange URL [--exchange-ca FILE] [--token-file FILE] [-n NAMESPACE] [--to FILE]",
    ],
    fullDescription: description(
      "Begin a session as who you are, and write a kubeconfig with which kubectl works in it: your own credential, which\n" +
        "is all that may use the session, and another address. A file that is not of a session is never overwritten.\n" +
        "With --exchange, as who an OpenID Connect token says you are: from a file, or from GitHub Actions. No token is in\n" +
        "that kubeconfig; it runs kubectl hoop credential, which begins another session when this one is over.\n" +
        "Where people must approve the session, it waits for them. Exit code 77: they said no; 75: nothing yet (--wait).",
      [
        [
          "Twenty minutes",
          "kubectl hoop login --profile deployer -n shop --duration 20m --reason 'release 42'",
        ],
        ["Then", "kubectl --kubeconfig session.kubeconfig get pods"],
        [
          "In CI, with the token that it has",
          "kubectl hoop login --profile ci -n shop --exchange https://hoop.example/token",
        ],
        [
          "With a token in a file",
          "kubectl hoop login --profile ci -n shop --exchange https://hoop.example/token --token-file token",
        ],
        [
          "For this shell",
          'kubectl hoop login --profile deployer && export KUBECONFIG="$PWD/session.kubeconfig"',
        ],
      ],
    ),
  },
});

export const credential = buildCommand<CredentialFlags, [], Context>({
  loader: async () => (await import("../commands/credential.ts")).credential,
  parameters: {
    flags: {
      profile: { kind: "parsed", parse: String, brief: "As login has it", placeholder: "NAME" },
      namespace: { kind: "parsed", parse: String, brief: "Where the session is", placeholder: "NAME" },
      ...exchangeFlags,
      exchange: {
        ...{ kind: "parsed", parse: exchangeUrl, placeholder: "URL" },
        brief: "Where an OpenID Connect token is exchanged: Hoop's /token",
      },
      duration: lengthFlag,
      reason: text("What it is for; recorded", "TEXT"),
      key: text(
        "Any text, which sets it apart: with another one, another session is begun, also after logout",
        "TEXT",
      ),
    },
    aliases: { n },
  },
  docs: {
    brief: "Give kubectl the token of a session; login sets it up",
    customUsage: ["--profile NAME -n NAMESPACE --exchange URL [--token-file FILE] [--key TEXT]"],
    fullDescription: description(
      "Give kubectl, and whatever is made with client-go, the token of a session: a credential plugin\n" +
        "(client.authentication.k8s.io/v1). Begins one where there is none, and another one when that is over, as login\n" +
        "does with --exchange; never after logout with the same flags (--key makes them others). Tokens are kept in the\n" +
        "cache directory (XDG_CACHE_HOME, ~/.cache).",
      [
        [
          "Whom it is written for: users.user.exec of a kubeconfig",
          "kubectl hoop login --profile ci -n shop --exchange https://hoop.example/token --to -",
        ],
      ],
    ),
  },
});

export const logout = buildCommand<ConnectionFlags, [string?], Context>({
  loader: async () => (await import("../commands/sessions.ts")).logout,
  parameters: {
    flags: connectionFlags,
    aliases: { n, s },
    positional: { kind: "tuple", parameters: [{ ...named("open"), optional: true }] },
  },
  docs: {
    brief: "End a session of yours",
    customUsage: ["[SESSION] [-n NAMESPACE] [--kubeconfig FILE]"],
    fullDescription: description(
      "End a session of yours at once, and all that goes on in it. Without a name: the one that the kubeconfig is of,\n" +
        "which then begins no other either.",
      [
        ["The one of this kubeconfig", "kubectl hoop logout --kubeconfig session.kubeconfig"],
        ["By its name", "kubectl hoop logout deployer-x7k2p -n shop"],
      ],
    ),
  },
});

export const kill = buildCommand<KillFlags, string[], Context>({
  loader: async () => (await import("../commands/sessions.ts")).kill,
  parameters: {
    flags: {
      agent: ofAgent,
      profile: { ...text("Only by this AgentProfile", "NAME"), proposeCompletions: profileNames },
      yes: yesNo("Do not ask"),
      ...connectionFlags,
    },
    aliases: { n, s },
    positional: { kind: "array", parameter: named("open") },
  },
  docs: {
    brief: "Take sessions back, at once",
    customUsage: ["[SESSION...] [--agent NAME] [--profile NAME] [-n NAMESPACE] [--yes]"],
    fullDescription: description(
      "Take sessions back: what goes on in them (watches, logs, commands in pods) is cut, and nothing more may be asked.\n" +
        "Those that wait until people approve them do not begin.\n" +
        "Whoever may begin sessions can begin another one; to keep an agent out, change its AgentProfile as well.\n" +
        "You need the right to delete sessions.",
      [
        ["All of one agent, in every namespace", "kubectl hoop kill --agent ci/deployer"],
        ["One, without being asked", "kubectl hoop kill deployer-x7k2p -n shop --yes"],
      ],
    ),
  },
});

export const replay = buildCommand<ReplayFlags, [string], Context>({
  loader: async () => (await import("../commands/replay.ts")).replay,
  parameters: {
    flags: {
      play: {
        ...text("Play a command in a pod; =RECORD: the one that this record is of", "RECORD"),
        parse: record,
        inferEmpty: true,
      },
      speed: { kind: "parsed", parse: speed, brief: "So many times as fast", placeholder: "N", default: "1" },
      maxPause: {
        kind: "parsed",
        parse: milliseconds,
        brief: "Cut longer pauses to this",
        placeholder: "DURATION",
        default: "3s",
      },
      bodies: yesNo("Show what was sent and answered, masked"),
      json: yesNo("The same as -o json"),
      output: {
        ...{ kind: "enum", values: ["wide", "json", "yaml"], optional: true },
        brief:
          "wide: with addresses and sizes; json, yaml: all records with what lies beside them, and diffs",
      },
      asciicast: {
        ...text("As --play, written as an asciicast (v2) for other players; =RECORD: as there", "RECORD"),
        parse: record,
        inferEmpty: true,
      },
      ...colorFlag,
      ...connectionFlags,
    },
    aliases,
    positional: one("all"),
  },
  docs: {
    brief: "Show what went on in a session",
    customUsage: [
      "SESSION [-n NAMESPACE] [--bodies] [-o FORMAT]",
      "SESSION [-n NAMESPACE] --play[=RECORD] [--speed N] [--max-pause DURATION] | --asciicast[=RECORD]",
    ],
    fullDescription: description(
      "Show what went on in a session, from the ledger: what was asked and answered, what it changed, and what people and\n" +
        "rules decided on it; also where the session is long gone. With --play, what a command in a pod showed, in its own\n" +
        "time. To find words in it: kubectl hoop records --session SESSION --search WORDS.\n" +
        "Keys: space pauses, + and - change the speed, → and ← go 5 s on and back, G goes to the end, q ends.",
      [
        ["What happened, in order", "kubectl hoop replay deployer-x7k2p -n shop"],
        ["With what was sent and answered", "kubectl hoop replay deployer-x7k2p --bodies | less"],
        [
          "Where an image stands, in what was sent or shown",
          "kubectl hoop records --session deployer-x7k2p --search nginx",
        ],
        ["Look over its shoulder, twice as fast", "kubectl hoop replay deployer-x7k2p --play --speed 2"],
        ["For another player", "kubectl hoop replay deployer-x7k2p --asciicast=812 > exec.cast"],
      ],
    ),
  },
});

export const watch = buildCommand<WatchFlags, [string], Context>({
  loader: async () => (await import("../commands/watch.ts")).watch,
  parameters: {
    flags: {
      output: {
        ...{ kind: "enum", values: ["wide", "json"], optional: true },
        brief: "wide: with addresses and sizes; json: each record, with what lies beside it",
      },
      ...colorFlag,
      ...connectionFlags,
    },
    aliases,
    positional: one("open"),
  },
  docs: {
    brief: "See what goes on in a session, as it happens",
    customUsage: ["SESSION [-n NAMESPACE] [-o FORMAT]"],
    fullDescription: description(
      "See what went on in a session, and then what goes on in it, until it ends. What commands in pods write, and what\n" +
        "logs and watches show, comes in parts, as it is recorded.",
      [["Look over its shoulder", "kubectl hoop watch deployer-x7k2p -n shop"]],
    ),
  },
});

function length(duration: string): string {
  if (/^([0-9]+(\.[0-9]+)?(s|m|h))+$/.test(duration)) return duration;
  throw new CommandError("not a duration such as 90s, 20m or 1h");
}

function record(name: string): string {
  if (/^\d{0,15}$/.test(name)) return name;
  throw new CommandError("not the number of a record");
}

function speed(number: string): number {
  const times = Number(number);
  if (times > 0 && times <= 64) return times;
  throw new CommandError("not a speed: more than 0, 64 at most");
}
