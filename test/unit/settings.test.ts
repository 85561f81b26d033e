import { expect } from "chai";
import { loadSettings, parseSettings, settingsHelp } from "../../settings.ts";

describe("settings", () => {
  it("have defaults for everything but what must be chosen", () => {
    const settings = parseSettings("", "nothing");
    expect(settings.agents.groups).to.deep.equal(["hoop:agents"]);
    expect(settings.hold.maxWaitSeconds).to.equal(100);
    expect(settings.callers).to.deep.equal({ mode: "client-certificate" });
  });

  it("come from the file, then the environment, then --set", () => {
    const file = {
      text: "hold: {maxWaitSeconds: 10, pendingSeconds: 20, approvedSeconds: 30}",
      name: "x.yaml",
    };
    const env = {
      HOOP_SET_HOLD_PENDING_SECONDS: "21",
      HOOP_SET_HOLD_APPROVED_SECONDS: "31",
      HOOP_SERVICE_HOST: "x",
    };
    const { hold } = loadSettings({ file, env, sets: ["hold.approvedSeconds=32"] });
    expect(hold).to.include({ maxWaitSeconds: 10, pendingSeconds: 21, approvedSeconds: 32 });
  });

  it("take lists and objects from --set", () => {
    const settings = loadSettings({
      sets: ["agents.users=[ci, bot]", "store.driver=memory", "agents.extras.team=[a]"],
    });
    expect(settings.agents.users).to.deep.equal(["ci", "bot"]);
    expect(settings.store).to.deep.equal({ driver: "memory" });
    expect(settings.agents.extras).to.deep.equal({ team: ["a"] });
  });

  const refused: Record<string, { given: Parameters<typeof loadSettings>[0]; says: RegExp }> = {
    "an unknown member": {
      given: { file: { text: "nmespace: x", name: "x.yaml" } },
      says: /^x\.yaml.*there is no such setting: nmespace$/s,
    },
    "a value out of range": {
      given: { sets: ["hold.maxWaitSeconds=500"] },
      says: /^the settings: this is not valid:\n {2}hold\.maxWaitSeconds: must be <= 280$/,
    },
    "a value of the wrong type": {
      given: { sets: ["listen.api=many"] },
      says: /listen\.api: must be integer$/,
    },
    "a value that is none of those there are": {
      given: { sets: ["log.level=loud"] },
      says: /log\.level: must be debug or info or warn or error$/,
    },
    "one of several kinds that is none of them": {
      given: { sets: ["callers.mode=nobody"] },
      says: /callers\.mode: must be client-certificate or unguessable-path/,
    },
    "a file that is no YAML": { given: { file: { text: "{a", name: "x.yaml" } }, says: /^x\.yaml: / },
    "an unknown path": { given: { sets: ["hold.nothing=1"] }, says: /no such setting/ },
    "a path into the prototype": { given: { sets: ["store.__proto__.x=1"] }, says: /no such setting/ },
    "an unknown variable": { given: { env: { HOOP_SET_NOTHING: "1" } }, says: /HOOP_SET_NOTHING/ },
    "a set without a value": { given: { sets: ["hold"] }, says: /PATH=VALUE/ },
    "a file that is no object": { given: { file: { text: "3", name: "x.yaml" } }, says: /x\.yaml/ },
  };
  for (const [name, { given, says }] of Object.entries(refused))
    it(`refuse ${name}`, () => {
      expect(() => loadSettings(given)).to.throw(says);
    });

  it("are all told by --help", () => {
    expect(settingsHelp()).to.contain("hold.maxWaitSeconds (default 100)").and.to.contain("listen.webhook");
  });
});
