/** Kubernetes' IP addresses and CIDRs, as Go's net/netip reads them, without zones and IPv4 in IPv6. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { Failure, Opaque, type Value } from "../values/value.ts";

const [IP, CIDR] = ["net.IP", "net.CIDR"];
const NO_IP = new Failure("invalid IP address");
const NO_CIDR = new Failure("invalid network address");
const LONGEST = 64;

interface Bits {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

const width = (family: 4 | 6): number => (family === 4 ? 32 : 128);

class Address extends Opaque {
  readonly type: string = IP;
  readonly family: 4 | 6;
  readonly bits: bigint;

  constructor({ family, bits }: Bits) {
    super();
    this.family = family;
    this.bits = bits;
  }

  override equals(other: Address): boolean {
    return this.family === other.family && this.bits === other.bits;
  }
}

class Network extends Opaque {
  readonly type: string = CIDR;
  readonly address: Address;
  readonly length: number;

  constructor(address: Address, length: number) {
    super();
    this.address = address;
    this.length = length;
  }

  override equals(other: Network): boolean {
    return this.length === other.length && this.address.equals(other.address);
  }
}

function fourOf(text: string): bigint | undefined {
  const fields = text.split(".");
  if (fields.length !== 4) return undefined;
  let bits = 0n;
  for (const field of fields) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(field) || Number(field) > 255) return undefined;
    bits = (bits << 8n) | BigInt(field);
  }
  return bits;
}

function groups(text: string): bigint[] | undefined {
  if (text === "") return [];
  const fields = text.split(":");
  const last = fields.at(-1) ?? "";
  const embedded = last.includes(".") ? fourOf(last) : undefined;
  if (last.includes(".") && embedded === undefined) return undefined;
  const plain = embedded === undefined ? fields : fields.slice(0, -1);
  if (!plain.every((field) => /^[0-9a-fA-F]{1,4}$/.test(field))) return undefined;
  const all = plain.map((field) => BigInt(`0x${field}`));
  return embedded === undefined ? all : [...all, embedded >> 16n, embedded & 0xffffn];
}

function sixOf(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  // Dotted digits are the end of an address, and nothing but that.
  if (tail !== undefined && head.includes(".")) return undefined;
  const [before, after] = [groups(head), groups(tail ?? "")];
  if (before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const zeros = new Array<bigint>(missing).fill(0n);
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** Null for what Kubernetes refuses: zones, and IPv4 in IPv6. */
function addressOf(text: string): Address | undefined {
  spend(20);
  if (text.length > LONGEST) return undefined;
  if (!text.includes(":")) {
    const bits = fourOf(text);
    return bits === undefined ? undefined : new Address({ family: 4, bits });
  }
  const bits = sixOf(text);
  if (bits === undefined || bits >> 32n === 0xffffn) return undefined;
  return new Address({ family: 6, bits });
}

const address = (text: string): Address | Failure => addressOf(text) ?? NO_IP;

/** The longest run of zero groups, two at least: from where, how many. */
function longestZeros(all: readonly bigint[]): readonly [number, number] {
  let best: readonly [number, number] = [-1, 1];
  for (let start = 0; start < all.length; start++) {
    let end = start;
    while (all[end] === 0n) end++;
    if (end - start > best[1]) best = [start, end - start];
    if (end > start) start = end;
  }
  return best;
}

function shown({ family, bits }: Address): string {
  spend(20, 40);
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
  const all = Array.from({ length: 8 }, (_, i) => (bits >> BigInt(112 - 16 * i)) & 0xffffn);
  const [start, count] = longestZeros(all);
  const hex = all.map((group) => group.toString(16));
  if (start < 0) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + count).join(":")}`;
}

function networkOf(text: string): Network | Failure {
  spend(20);
  const slash = text.lastIndexOf("/");
  if (slash < 0 || text.length > LONGEST) return NO_CIDR;
  const [found, length] = [addressOf(text.slice(0, slash)), text.slice(slash + 1)];
  if (found === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return NO_CIDR;
  return Number(length) > width(found.family) ? NO_CIDR : new Network(found, Number(length));
}

const prefix = ({ family, bits }: Bits, length: number): bigint => bits >> BigInt(width(family) - length);

function containsIP({ address: own, length }: Network, other: Address | Failure): Value {
  if (other instanceof Failure) return other;
  return own.family === other.family && prefix(own, length) === prefix(other, length);
}

function containsCIDR(network: Network, other: Network | Failure): Value {
  if (other instanceof Failure) return other;
  if (network.length > other.length) return false;
  return containsIP(network, other.address);
}

function masked({ address: { family, bits }, length }: Network): Network {
  const rest = BigInt(width(family) - length);
  return new Network(new Address({ family, bits: (bits >> rest) << rest }), length);
}

/** A test of the first bits, for IPv4 and for IPv6. */
const starts =
  (four: readonly [bigint, number], six: readonly [bigint, number]) =>
  (ip: Address): boolean => {
    const [bits, length] = ip.family === 4 ? four : six;
    return prefix(ip, length) === bits;
  };

const isLoopback = starts([127n, 8], [1n, 128]);
const isUnspecified = starts([0n, 32], [0n, 128]);
const isLinkLocalUnicast = starts([0xa9fen, 16], [0xfe80n >> 6n, 10]);
const isMulticast = starts([0xen, 4], [0xffn, 8]);

const isLinkLocalMulticast = (ip: Address): boolean =>
  ip.family === 4 ? prefix(ip, 24) === 0xe00000n : (prefix(ip, 16) & 0xff0fn) === 0xff02n;

const isGlobalUnicast = (ip: Address): boolean =>
  !(isUnspecified(ip) || isLoopback(ip) || isMulticast(ip) || isLinkLocalUnicast(ip)) &&
  !(ip.family === 4 && ip.bits === 0xffffffffn);

function isCanonical(text: string): Value {
  const found = address(text);
  return found instanceof Failure ? found : shown(found) === text;
}

export const IPS: Library = {
  [`ip(string): ${IP}`]: address,
  [`${IP}.family(): int`]: ({ family }: Address) => BigInt(family),
  "ip.isCanonical(string): bool": isCanonical,
  [`${IP}.isUnspecified(): bool`]: isUnspecified,
  [`${IP}.isLoopback(): bool`]: isLoopback,
  [`${IP}.isLinkLocalMulticast(): bool`]: isLinkLocalMulticast,
  [`${IP}.isLinkLocalUnicast(): bool`]: isLinkLocalUnicast,
  [`${IP}.isGlobalUnicast(): bool`]: isGlobalUnicast,
  "isIP(string): bool": (text: string) => addressOf(text) !== undefined,
  [`string(${IP}): string`]: shown,
  [`cidr(string): ${CIDR}`]: networkOf,
  [`${CIDR}.containsIP(string): bool`]: (network: Network, text: string) =>
    containsIP(network, address(text)),
  [`${CIDR}.containsIP(${IP}): bool`]: containsIP,
  [`${CIDR}.containsCIDR(string): bool`]: (network: Network, text: string) =>
    containsCIDR(network, networkOf(text)),
  [`${CIDR}.containsCIDR(${CIDR}): bool`]: containsCIDR,
  [`${CIDR}.ip(): ${IP}`]: (network: Network) => network.address,
  [`${CIDR}.prefixLength(): int`]: ({ length }: Network) => BigInt(length),
  [`${CIDR}.masked(): ${CIDR}`]: masked,
  "isCIDR(string): bool": (text: string) => networkOf(text) instanceof Network,
  [`string(${CIDR}): string`]: (network: Network) => `${shown(network.address)}/${network.length}`,
};

/** Whether Go would read the text as an IPv6 address, zone and all; for hosts in brackets. */
export const isSix = (text: string): boolean => {
  const [six = "", zone] = text.split(/%(.*)/s);
  return text.length <= 256 && six.includes(":") && zone !== "" && sixOf(six) !== undefined;
};
