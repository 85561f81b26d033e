/** The headers of SPDY/3: compressed from the first frame to the last as one, with a dictionary that both ends know. */
import { createInflate } from "node:zlib";

/** As the standard has it: words with their lengths before them, then what is common in their values. */
const WORDS =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow " +
  "authorization cache-control connection content-base content-encoding content-language content-length " +
  "content-location content-md5 content-range content-type date etag expect expires from host if-match " +
  "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma " +
  "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade " +
  "user-agent vary via warning www-authenticate method get status |200 OK| version HTTP/1.1 url public set-cookie " +
  "keep-alive origin";
const VALUES =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative " +
  "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 " +
  "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec " +
  "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml," +
  "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8" +
  "charset=iso-8859-1,utf-,*,enq=0.";

export const DICTIONARY = Buffer.concat([
  ...[...WORDS.matchAll(/\|([^|]+)\||\S+/g)].map(([word, quoted = word]) => sized(quoted)),
  Buffer.from(VALUES),
]);

function sized(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}

/** So long one frame's headers may be, inflated. */
const LONGEST = 16 * 1024;

/** Reads the headers of one direction, frame by frame. To be closed: it holds memory that is not the heap's. */
export class SpdyHeaders {
  readonly #inflate = createInflate({ dictionary: DICTIONARY });
  #inflated: Buffer[] = [];
  #size = 0;
  #failed: ((error: Error) => void) | undefined;

  constructor() {
    const failed = (error: Error) => this.#failed?.(error);
    // Read while it goes on: else a bomb would fill the memory, or wait for ever for room.
    this.#inflate.on("readable", () => this.#drain());
    this.#inflate.on("error", failed);
    this.#inflate.on("close", () => failed(new Error("it is closed")));
  }

  /** Of one frame, and exactly one block. Rejects where it is anything else: whoever reads on may then read otherwise. */
  async read(compressed: Buffer): Promise<ReadonlyMap<string, string>> {
    this.#inflated = [];
    this.#size = 0;
    await new Promise<void>((resolve, reject) => {
      this.#failed = reject;
      this.#inflate.write(compressed, (error) => (error ? reject(error) : resolve()));
    });
    this.#drain();
    if (this.#size > LONGEST) throw new Error("headers are too long");
    return headersIn(Buffer.concat(this.#inflated));
  }

  close(): void {
    this.#inflate.destroy();
  }

  #drain(): void {
    for (let part = this.#inflate.read(); part !== null; part = this.#inflate.read()) {
      const bytes = part as Buffer;
      this.#size += bytes.length;
      if (this.#size > LONGEST) return void this.#inflate.destroy(new Error("headers are too long"));
      this.#inflated.push(bytes);
    }
  }
}

/** How many there are, then of each name and value the length and the bytes. */
function headersIn(block: Buffer): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  const number = () => {
    at += 4;
    if (at > block.length) throw new Error("headers are cut short");
    return block.readUInt32BE(at - 4);
  };
  const text = () => {
    const length = number();
    at += length;
    if (at > block.length) throw new Error("headers are cut short");
    return block.toString("latin1", at - length, at);
  };
  for (let left = number(); left > 0; left--) {
    const name = text();
    if (found.has(name) || name !== name.toLowerCase()) throw new Error("a header is not as it has to be");
    found.set(name, text());
  }
  if (at !== block.length) throw new Error("there is more than headers");
  return found;
}
