import { expect } from "chai";
import { openCheckpoint, parseCheckpoint, signCheckpoint } from "#core/log/checkpoint.ts";
import {
  formatSigner,
  parseSigner,
  parseVerifierKey,
  signerFromSeed,
  witnessSigner,
} from "#core/log/keys.ts";
import { openNote, signNote } from "#core/log/note.ts";
import { NOTE, ORIGIN, ROOTS, SIGNERS, VERIFIERS } from "./vectors.ts";

const [older, newer] = SIGNERS.map(parseSigner);
const keys = VERIFIERS.map(parseVerifierKey);
const checkpoint = { origin: ORIGIN, size: 70000, root: Buffer.from(ROOTS["70000"] ?? "", "base64") };
const PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETERS_NOTE = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

const opened = (note: string | Buffer, by = keys) => openNote(Buffer.from(note), by);

describe("keys of notes", () => {
  it("are those that Go's note package writes", () => {
    expect(older?.verifierKey).to.equal(VERIFIERS[0]);
    expect(newer?.verifierKey).to.equal(VERIFIERS[1]);
    expect(formatSigner(ORIGIN, Buffer.alloc(32, "s"))).to.equal(SIGNERS[0]);
  });

  it("are none once a character is another or left out", () => {
    for (let at = 0; at < PETER.length; at++) {
      const next = String.fromCharCode(PETER.charCodeAt(at) + 1);
      expect(() => parseVerifierKey(PETER.slice(0, at) + next + PETER.slice(at + 1))).to.throw();
      expect(() => parseVerifierKey(PETER.slice(0, at) + PETER.slice(at + 1))).to.throw();
      expect(() => parseVerifierKey(PETER.slice(0, at))).to.throw(SyntaxError);
    }
  });

  for (const [what, text] of [
    ["of a wrong length", "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="],
    ["of an unknown kind", "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"],
    ["with a capital id", PETER.replace("c74f20a3", "C74F20A3")],
    ["with a space in its name", PETER.replace("Neumann", " Neumann")],
    ["behind a newline", `${PETER}\n`],
    ["with padding that it does not need", `${PETER}=`],
  ] as const)
    it(`${what} are refused`, () => {
      expect(() => parseVerifierKey(text)).to.throw(SyntaxError);
    });

  it("that sign are refused without being quoted", () => {
    for (const text of [SIGNERS[0].slice(0, -4), SIGNERS[0].replace("72862fde", "72862fdf"), PETER])
      expect(() => parseSigner(text))
        .to.throw(SyntaxError)
        .with.property("message")
        .that.does.not.include("c3Nz");
  });
});

describe("keys of witnesses", () => {
  it("are those that the checkers of others take", () => {
    const key = parseVerifierKey("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2");
    expect(key).to.include({ kind: "witness", name: "remora.n621.de", id: "da77ade7" });
  });

  it("sign the time with the text, so that it cannot be moved", () => {
    const witness = witnessSigner("w", Buffer.alloc(32, 1), () => 1679315147);
    const key = parseVerifierKey(witness.verifierKey);
    const text = Buffer.from("text\n");
    const signature = witness.sign(text);
    expect(signature.readBigUInt64BE()).to.equal(1679315147n);
    expect(key.verifies(text, signature)).to.equal(true);
    for (let at = 0; at < signature.length; at++) {
      const moved = Buffer.from(signature);
      moved.writeUInt8(moved.readUInt8(at) ^ 0x80, at);
      expect(key.verifies(text, moved), `byte ${at}`).to.equal(false);
    }
    expect(key.verifies(text, signature.subarray(8))).to.equal(false);
  });

  it("are no log's keys, though their seeds be the same", () => {
    const witness = witnessSigner(ORIGIN, Buffer.alloc(32, "s"), () => 0);
    expect(witness.id).to.not.equal(older?.id);
    expect(opened(signNote("text\n", [witness]), keys).kind).to.equal("unsigned");
  });
});

describe("notes", () => {
  it("are signed as Go's note package signs them", () => {
    const text = NOTE.slice(0, NOTE.indexOf("\n\n") + 1);
    expect(
      signNote(
        text,
        [older, newer].filter((one) => one !== undefined),
      ),
    ).to.equal(NOTE);
    expect(signCheckpoint(checkpoint, [signerFromSeed(ORIGIN, Buffer.alloc(32, "s"))])).to.equal(
      `${NOTE.split("\n").slice(0, -2).join("\n")}\n`,
    );
  });

  it("of others are opened with their keys", () => {
    const note = opened(PETERS_NOTE, [parseVerifierKey(PETER)]);
    expect(note)
      .to.have.property("text")
      .that.matches(/^If you think .*\n.*problem is\.\n$/);
  });

  it("are opened by an old key, a new one, and by both", () => {
    for (const by of [keys, keys.slice(0, 1), keys.slice(1)]) {
      const note = opened(NOTE, by);
      expect(note).to.have.property("signedBy").that.deep.equals(by);
    }
  });

  it("are not opened once any bit is another", () => {
    const note = Buffer.from(PETERS_NOTE);
    for (let bit = 0; bit < note.length * 8; bit++) {
      const altered = Buffer.from(note);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(opened(altered, [parseVerifierKey(PETER)]).kind, `bit ${bit}`).to.not.equal("opened");
    }
  });

  const [text = "", signatures = ""] = NOTE.split(/(?<=\n)\n/);
  const [first = "", second = ""] = signatures.split(/(?<=\n)/);
  const fake = first.replace("coYv", "coYw");
  for (const [what, note, kind] of [
    ["without a key we know", `${text}\n${first.replace("coYv", "aaaa")}`, "unsigned"],
    ["with a known key under another name", `${text}\n${first.replace(ORIGIN, "else")}`, "unsigned"],
    ["signed wrongly by one of two", `${text}\n${first.replace("lws=", "lwo=")}${second}`, "forged"],
    ["signed with bits behind the signature", `${text}\n${first.replace("lws=", "lwt=")}`, "malformed"],
    ["signed by one for another", `${text}\n${first}${second.replace("5kQebhEG", "5kQebhEH")}`, "forged"],
    ["signed twice by one", `${text}\n${first}${first}`, "forged"],
    ["without signatures", text, "malformed"],
    ["without a line of signature", `${text}\n`, "malformed"],
    ["that do not end", NOTE.slice(0, -1), "malformed"],
    ["that go on", `${NOTE}x\n`, "malformed"],
    ["with carriage returns", NOTE.replaceAll("\n", "\r\n"), "malformed"],
    ["with a hyphen for the dash", NOTE.replace("—", "-"), "malformed"],
    ["with two spaces", NOTE.replace("log coYv", "log  coYv"), "malformed"],
    ["with Base64 without padding", `${text}\n${first.replace("=", "")}`, "malformed"],
    ["with URL-safe Base64", `${text}\n${first.replaceAll("/", "_").replaceAll("+", "-")}`, "malformed"],
    ["with a byte order mark", `\ufeff${NOTE}`, "forged"],
    ["with a signature too many", `${text}\n${fake.repeat(101)}`, "malformed"],
  ] as const)
    it(`${what} are ${kind}`, () => {
      expect(opened(note).kind).to.equal(kind);
    });

  it("that are not UTF-8 are malformed", () => {
    expect(opened(Buffer.concat([Buffer.of(0xff), Buffer.from(NOTE)])).kind).to.equal("malformed");
  });

  it("are not signed unless they are text", () => {
    for (const wrong of ["no newline", "tab\t\n", "\ud800\n"])
      expect(() => signNote(wrong, [])).to.throw(RangeError);
  });
});

describe("checkpoints", () => {
  const trust = { origin: ORIGIN, keys };

  it("are what their notes say", () => {
    expect(openCheckpoint(Buffer.from(NOTE), trust)).to.deep.include({ kind: "checkpoint", checkpoint });
  });

  const root = ROOTS["3"] ?? "";
  for (const [what, text] of [
    ["without an origin", `\n3\n${root}\n`],
    ["without a root", `${ORIGIN}\n3\n`],
    ["with a size that begins with 0", `${ORIGIN}\n03\n${root}\n`],
    ["with a size that has a sign", `${ORIGIN}\n+3\n${root}\n`],
    ["with no size", `${ORIGIN}\n\n${root}\n`],
    ["larger than can be counted", `${ORIGIN}\n9007199254740992\n${root}\n`],
    ["with a short root", `${ORIGIN}\n3\n${root.slice(4)}\n`],
    ["with bits behind the root", `${ORIGIN}\n3\n${root.replace("hk=", "hl=")}\n`],
    ["with a fourth line", `${ORIGIN}\n3\n${root}\nmore\n`],
    ["with a fourth line that is empty", `${ORIGIN}\n3\n${root}\n\n`],
    ["empty with a root of something", `${ORIGIN}\n0\n${root}\n`],
  ] as const)
    it(`${what} are none`, () => {
      expect(parseCheckpoint(text)).to.equal(undefined);
      const note = older === undefined ? "" : signNote(text, [older]);
      expect(openCheckpoint(Buffer.from(note), trust)).to.have.property("kind", "refused");
    });

  it("of another log are refused", () => {
    expect(openCheckpoint(Buffer.from(NOTE), { ...trust, origin: "else" })).to.deep.equal({
      kind: "refused",
      reason: "of another log",
    });
  });

  it("need the log's signature, and as many witnesses as are asked for", () => {
    const witnesses = ["a", "b"].map((name) => witnessSigner(name, Buffer.alloc(32, name), () => 1679315147));
    const witnessKeys = witnesses.map(({ verifierKey }) => parseVerifierKey(verifierKey));
    const log = signerFromSeed(ORIGIN, Buffer.alloc(32, "s"));
    const seenBy = (count: number) => signCheckpoint(checkpoint, [log, ...witnesses.slice(0, count)]);
    const judged = (note: string) =>
      openCheckpoint(Buffer.from(note), { ...trust, witnesses: { keys: witnessKeys, quorum: 2 } });
    expect(judged(seenBy(2)).kind).to.equal("checkpoint");
    expect(judged(seenBy(1))).to.have.property("reason", "only 1 witnesses have signed it");
    expect(judged(signCheckpoint(checkpoint, witnesses))).to.have.property(
      "reason",
      "no key of the log has signed it",
    );
    expect(openCheckpoint(Buffer.from(seenBy(1)), trust).kind).to.equal("checkpoint");
  });
});
