/** What client-go sends of SPDY/3.1 to have ports forwarded. */
import { constants, createDeflate } from "node:zlib";
import { DICTIONARY } from "#apiserver-ext/broker/connection/spdy-headers.ts";

export type Headers = readonly (readonly [name: string, value: string])[];

/** A control frame: SYN_STREAM is 1, PING 6, HEADERS 8. */
export function control(type: number, content: Buffer, version = 3): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}

export function data(stream: number, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(stream, 0);
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}

export function block(headers: Headers): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const text = (value: string) => [number(value.length), Buffer.from(value, "latin1")];
  return Buffer.concat([number(headers.length), ...headers.flat().flatMap(text)]);
}

/** The headers of one connection, compressed as one. */
export class SpdyWriter {
  readonly #deflate = createDeflate({ dictionary: DICTIONARY });

  async compressed(plain: Buffer, flush: number = constants.Z_SYNC_FLUSH): Promise<Buffer> {
    this.#deflate.write(plain);
    await new Promise<void>((resolve) => this.#deflate.flush(flush, resolve));
    const parts: Buffer[] = [];
    for (let part = this.#deflate.read(); part !== null; part = this.#deflate.read())
      parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  async stream(id: number, headers: Headers): Promise<Buffer> {
    return this.streamOf(id, block(headers));
  }

  /** Whatever is in it. */
  async streamOf(id: number, plain: Buffer): Promise<Buffer> {
    const head = Buffer.alloc(10);
    head.writeUInt32BE(id, 0);
    return control(1, Buffer.concat([head, await this.compressed(plain)]));
  }

  /** The two streams of a connection to a port. */
  async connection(port: number, request: number): Promise<Buffer> {
    const headers = (type: string): Headers => [
      ["port", String(port)],
      ["requestid", String(request)],
      ["streamtype", type],
    ];
    const [error, forwarded] = [4 * request + 1, 4 * request + 3];
    return Buffer.concat([
      await this.stream(error, headers("error")),
      data(error, Buffer.alloc(0)),
      await this.stream(forwarded, headers("data")),
    ]);
  }

  close(): void {
    this.#deflate.destroy();
  }
}
