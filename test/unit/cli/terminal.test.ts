import { expect } from "chai";
import fc from "fast-check";
import { TerminalFilter, withoutSequences } from "../../../cli/session/terminal.ts";

const ESC = "\u001b";
const filtered = (...parts: string[]) => {
  const filter = new TerminalFilter();
  return parts.map((part) => filter.push(part)).join("");
};

describe("what a recorded program wrote, on the terminal of somebody else", () => {
  const kept = {
    text: "hello\r\n\tworld\b",
    "more than ASCII": "grüße 日本 🚀",
    colours: `${ESC}[1;31mred${ESC}[0m ${ESC}[38:2:1:2:3mrgb`,
    "the cursor": `${ESC}[2J${ESC}[H${ESC}[10;20Hx${ESC}[3A${ESC}7${ESC}8${ESC}M`,
    "the other screen": `${ESC}[?1049h${ESC}[?25l${ESC}[?1049l`,
  };
  for (const [what, text] of Object.entries(kept))
    it(`keeps ${what}`, () => {
      expect(filtered(text)).to.equal(text);
    });

  const dropped = {
    "a title": `${ESC}]0;owned\u0007`,
    "the clipboard": `${ESC}]52;c;ZWNobyBvd25lZA==${ESC}\\`,
    "a link": `${ESC}]8;;file:///etc/passwd${ESC}\\`,
    "a question that the terminal answers": `${ESC}[6n${ESC}[c${ESC}[>c${ESC}[?1$p`,
    "a device control string": `${ESC}P$q"p${ESC}\\`,
    "an application's command": `${ESC}_Gf=100,a=T;AAAA${ESC}\\`,
    "window operations": `${ESC}[21t${ESC}[8;1;1t`,
    "modes that send what is pasted or pointed at": `${ESC}[?2004h${ESC}[?1000h${ESC}[?1049;1000h`,
    "a full reset": `${ESC}c`,
    "other alphabets": `${ESC}(0${ESC}%G`,
    "controls of the second set": "\u009b6n\u009d0;x\u009c".replaceAll(/[ -~]/g, ""),
    "an ESC that nothing follows": ESC,
  };
  for (const [what, text] of Object.entries(dropped))
    it(`leaves out ${what}`, () => {
      expect(filtered(`a${text}`)).to.equal("a");
    });

  it("is the same however the text is cut", () => {
    const pieces = [...Object.values(kept), ...Object.values(dropped).slice(0, -1), "plain", ESC];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces)), fc.array(fc.nat(40)), (parts, cuts) => {
        const text = parts.join("");
        let rest = text;
        const cut = cuts.map((size) => {
          const [first, left] = [rest.slice(0, size), rest.slice(size)];
          rest = left;
          return first;
        });
        expect(filtered(...cut, rest)).to.equal(filtered(text));
      }),
    );
  });

  it("lets no sequence through but those that draw", () => {
    const characters = fc.constantFrom(
      ESC,
      "[",
      "]",
      "?",
      "1",
      ";",
      "n",
      "m",
      "c",
      "P",
      "\\",
      "\u0007",
      "a",
      "\u009b",
    );
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 30 }), (parts) => {
        const shown = filtered(...parts);
        const left = shown.split(ESC).slice(1);
        // Of what can be put together from these characters, only colours (m) and a deletion of characters (P) draw.
        expect(left.filter((after) => !/^\[[\d;]*[mP]/.test(after))).to.deep.equal([]);
        expect(shown).to.not.contain("\u009b");
      }),
    );
  });

  it("is filtered in one go, also where nothing of what begins ever ends", () => {
    const text = `${ESC}]`.repeat(500_000);
    expect(withoutSequences(`${text}${"x".repeat(5000)}`)).to.equal(
      `${"]".repeat(500_000)}${"x".repeat(5000)}`,
    );
  });

  it("is read without any sequence", () => {
    expect(withoutSequences(`${ESC}[1mbold${ESC}[0m\r\n${ESC}]0;t\u0007x`)).to.equal("bold\nx");
  });
});
