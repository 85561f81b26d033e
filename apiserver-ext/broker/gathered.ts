/** What comes in while something is still done about what came before: taken together. */

export interface Gathering {
  /** Is given what has come since, in its order, one after the other. False: no more of it is wanted. */
  pass: (parts: readonly Buffer[]) => Promise<boolean>;
  /** So many bytes wait, and then whoever sends them does. */
  most: number;
  /** Called when nothing more is passed: the source is to end. */
  stop?: () => void;
}

/**
 * Resolves when the source has ended and all of it is passed; false where no more was wanted. Rejects with what went
 * wrong with the source, behind what came before it, or with what `pass` threw.
 */
export async function gathered(
  source: AsyncIterable<Buffer>,
  { pass, most, stop }: Gathering,
): Promise<boolean> {
  let waiting: Buffer[] = [];
  let size = 0;
  let isWanted = true;
  let passing: Promise<void> | undefined;
  const passAll = async () => {
    try {
      while (waiting.length > 0 && isWanted) {
        const parts = waiting;
        waiting = [];
        size = 0;
        isWanted = await pass(parts);
      }
      passing = undefined;
    } catch (error) {
      isWanted = false;
      throw error;
    } finally {
      if (!isWanted) stop?.();
    }
  };
  try {
    for await (const bytes of source) {
      if (bytes.length === 0) continue;
      waiting.push(bytes);
      size += bytes.length;
      if (passing === undefined) {
        passing = passAll();
        // Told where it is waited for.
        passing.catch(() => {});
      }
      if (size >= most) await passing;
      if (!isWanted) break;
    }
  } catch (error) {
    await passing;
    if (isWanted) throw error;
  }
  await passing;
  return isWanted;
}
