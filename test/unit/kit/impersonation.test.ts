import { expect } from "chai";
import type { Authenticated } from "#kit/authn.ts";
import { impersonated } from "#kit/impersonation.ts";
import type { ApiRequest } from "#kit/request.ts";
import type { RequestInfo } from "#kit/request-info.ts";

const CALLER = { username: "ann", uid: "1", groups: ["devs"], extra: new Map() };
const DIRECT: Authenticated = { outcome: "authenticated", caller: CALLER, frontProxied: false };

type Lines = readonly (readonly [name: string, value: string])[];

/** Who the request is carried out as, what was asked on the way, or why not. */
async function acting(lines: Lines, { denied = "", who = DIRECT } = {}) {
  const asked: string[] = [];
  const words = ({ verb, group, resource, subresource, namespace, name }: RequestInfo) =>
    [verb, group, namespace, subresource === "" ? resource : `${resource}/${subresource}`, name]
      .filter((word) => word !== "")
      .join(" ");
  // What of a request is read here.
  const request = { rawHeaders: lines.flat() } as unknown as ApiRequest;
  try {
    const { caller, impersonator } = await impersonated(who, request, async (_who, info) => {
      asked.push(words(info));
      return words(info) === denied ? { allowed: false, reason: "no rule" } : { allowed: true };
    });
    const { username, uid, groups, extra } = caller;
    return { asked, username, uid, groups, extra: Object.fromEntries(extra), by: impersonator?.username };
  } catch (error) {
    return { asked, refused: String(error) };
  }
}

describe("impersonation", () => {
  it("is not asked for by most", async () => {
    expect(await acting([["user-agent", "kubectl"]])).to.deep.include({
      asked: [],
      username: "ann",
      by: undefined,
    });
  });

  it("is allowed for each thing that somebody wants to be", async () => {
    const lines: Lines = [
      ["Impersonate-User", "bob"],
      ["Impersonate-Group", "ops, night"],
      ["Impersonate-Group", "ops"],
      ["Impersonate-Uid", "7"],
      ["Impersonate-Extra-Acme.com%2fScopes", "a"],
      ["Impersonate-Extra-Acme.com%2fScopes", "b"],
    ];
    expect(await acting(lines)).to.deep.equal({
      asked: [
        "impersonate users bob",
        "impersonate groups ops, night",
        "impersonate groups ops",
        "impersonate authentication.k8s.io userextras/acme.com/scopes a",
        "impersonate authentication.k8s.io userextras/acme.com/scopes b",
        "impersonate authentication.k8s.io uids 7",
      ],
      username: "bob",
      uid: "7",
      groups: ["ops, night", "ops", "system:authenticated"],
      extra: { "acme.com/scopes": ["a", "b"] },
      by: "ann",
    });
  });

  const users: [name: string, groups: string[], asked: string, gets: string[]][] = [
    ["bob", [], "impersonate users bob", ["system:authenticated"]],
    [
      "system:serviceaccount:a:robot",
      [],
      "impersonate a serviceaccounts robot",
      ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
    ],
    [
      "system:serviceaccount:a:robot",
      ["x"],
      "impersonate a serviceaccounts robot",
      ["x", "system:authenticated"],
    ],
    [
      "system:serviceaccount:A:robot",
      [],
      "impersonate users system:serviceaccount:A:robot",
      ["system:authenticated"],
    ],
    ["system:anonymous", [], "impersonate users system:anonymous", ["system:unauthenticated"]],
    ["bob", ["system:unauthenticated"], "impersonate users bob", ["system:unauthenticated"]],
    ["bob", ["system:authenticated"], "impersonate users bob", ["system:authenticated"]],
  ];
  for (const [name, groups, asked, gets] of users) {
    it(`of ${name} with groups [${groups}] gives [${gets}]`, async () => {
      const lines: Lines = [
        ["impersonate-user", name],
        ...groups.map((group) => ["impersonate-group", group] as const),
      ];
      const outcome = await acting(lines);
      expect(outcome.asked[0]).to.equal(asked);
      expect(outcome.groups).to.deep.equal(gets);
    });
  }

  const refused: [what: string, lines: Lines, options: Parameters<typeof acting>[1], why: string][] = [
    [
      "of whom the caller may not be",
      [["impersonate-user", "bob"]],
      { denied: "impersonate users bob" },
      'users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope: no rule',
    ],
    [
      "with a group that the caller may not be in",
      [
        ["impersonate-user", "bob"],
        ["impersonate-group", "ops"],
      ],
      { denied: "impersonate groups ops" },
      'groups "ops" is forbidden: User "ann" cannot impersonate resource "groups" in API group "" at the cluster scope: no rule',
    ],
    [
      "of a group alone",
      [["impersonate-group", "ops"]],
      {},
      "requested impersonation without impersonating a user",
    ],
    [
      "in ways that are not known",
      [
        ["impersonate-user", "bob"],
        ["impersonate-only", "reads"],
      ],
      {},
      "the header impersonate-only is not known",
    ],
    [
      "through the front proxy, which lets none through",
      [["impersonate-user", "bob"]],
      { who: { ...DIRECT, frontProxied: true } },
      "impersonation does not come through a front proxy",
    ],
  ];
  for (const [what, lines, options, why] of refused) {
    it(`${what} is refused`, async () => {
      expect((await acting(lines, options)).refused).to.equal(`StatusError: ${why}`);
    });
  }
});
