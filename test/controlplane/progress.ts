/** Told what is being done, one line at a time, about once a second while something takes long. */
export type Progress = (line: string) => void;

const quietMs = 15_000;

/** What a line is about: up to its first colon. */
const topic = (line: string): string => line.split(":", 1)[0] ?? "";

/**
 * Shows progress on `stream`: on a terminal lines on one topic overwrite each other; elsewhere a line on the
 * same topic is shown every 15 seconds.
 */
export const showProgress = (stream: NodeJS.WriteStream): Progress => {
  let lastTopic: string | undefined;
  let shownAt = 0;
  return (line) => {
    const same = topic(line) === lastTopic;
    if (stream.isTTY) {
      const fitting = line.slice(0, (stream.columns || 80) - 1);
      stream.write(`${same ? "\u001b[1A\r\u001b[2K" : ""}${fitting}\n`);
    } else {
      if (same && Date.now() - shownAt < quietMs) return;
      stream.write(`${line}\n`);
    }
    lastTopic = topic(line);
    shownAt = Date.now();
  };
};
