/** Tokens that are known by their form, whatever stands around them. Their issuers choose the prefixes for that. */
import { isJwt } from "../jwt-scanner.ts";
import type { Pattern } from "./pattern.ts";

/** JSON Web Tokens (RFC 7519). */
export const JWT: Pattern = {
  kind: "token",
  hints: ["eyj"],
  find: /eyJ[\w-]*(?:\.[\w-]+)*/g,
  isSecret: isJwt,
};

/** In place of a hint: a bootstrap token has no word by which to find it, only its dot. */
export const BOOTSTRAP_HINT = ".";

/** Kubernetes: bootstrap token (kubeadm join). An Event's name, which ends with its time in hexadecimal digits, is none. */
export const BOOTSTRAP: Pattern = {
  kind: "token",
  hints: [BOOTSTRAP_HINT],
  find: /(?<![\w.-])[a-z0-9]{6}\.(?!1[5-9a-f][0-9a-f]{14}(?![a-z0-9]))[a-z0-9]{16}(?![\w.-])/g,
};

/** `\b(?<!-)` before one: it is not the end of a longer word. */
export const TOKENS: readonly Pattern[] = [
  // GitHub: of people, of OAuth and of applications.
  { kind: "token", hints: ["ghp_", "gho_", "ghr_", "ghs_", "ghu_"], find: /gh[oprsu]_[A-Za-z0-9]{30,}/g },
  // GitHub, fine-grained.
  { kind: "token", hints: ["github_pat_"], find: /github_pat_\w{22,}/g },
  // GitLab: personal, deploy, runner, CI job, trigger, feed, mail, agent, OAuth and SCIM.
  {
    kind: "token",
    hints: [
      "glpat-",
      "gldt-",
      "glrt-",
      "glcbt-",
      "glptt-",
      "glft-",
      "glimt-",
      "glagent-",
      "gloas-",
      "glsoat-",
    ],
    find: /gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[\w-]{20,}/g,
  },
  // Slack: of bots, users and applications.
  { kind: "token", hints: ["xox", "xapp-"], find: /(?:xox[abeprs]|xapp)-[\w-]{10,}/g },
  // The path of Slack's incoming webhooks.
  {
    kind: "token",
    hints: ["hooks.slack.com/"],
    find: /(?<=hooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/]{20,}/g,
  },
  // The path of Discord's webhooks.
  {
    kind: "token",
    hints: ["/api/webhooks/"],
    find: /(?<=discord(?:app)?\.com\/api\/webhooks\/\d{15,22}\/)[\w-]{40,}/g,
  },
  // Google: API key.
  { kind: "token", hints: ["aiza"], find: /AIza[\w-]{35}/g },
  // Google: secret of an OAuth client.
  { kind: "token", hints: ["gocspx-"], find: /GOCSPX-[\w-]{20,}/g },
  // Google: OAuth access token.
  { kind: "token", hints: ["ya29."], find: /\b(?<!-)ya29\.[\w.-]{20,}/g },
  // Microsoft Entra: secret of an application.
  { kind: "token", hints: ["8q~"], find: /(?<=[A-Za-z0-9_~.-]{3})[78]Q~[A-Za-z0-9_~.-]{31,34}/g },
  // Stripe: secret and restricted keys.
  { kind: "token", hints: ["_live_"], find: /[rs]k_live_[A-Za-z0-9]{16,}/g },
  // Stripe: signing secret of a webhook.
  { kind: "token", hints: ["whsec_"], find: /whsec_[A-Za-z0-9+/=]{24,}/g },
  // npm.
  { kind: "token", hints: ["npm_"], find: /npm_[A-Za-z0-9]{36}/g },
  // PyPI.
  { kind: "token", hints: ["pypi-ageichlwas5vcmc"], find: /pypi-AgEIcHlwaS5vcmc[\w-]{40,}/g },
  // RubyGems.
  { kind: "token", hints: ["rubygems_"], find: /rubygems_[a-f0-9]{48}/g },
  // Docker Hub.
  { kind: "token", hints: ["dckr_"], find: /dckr_(?:pat|oat)_[\w-]{20,}/g },
  // Hugging Face.
  { kind: "token", hints: ["hf_"], find: /hf_[A-Za-z0-9]{30,}/g },
  // HashiCorp Vault: service, batch and recovery tokens.
  { kind: "token", hints: ["hvs.", "hvb.", "hvr."], find: /hv[sbr]\.[\w-]{20,}/g },
  // Terraform Cloud.
  { kind: "token", hints: [".atlasv1."], find: /(?<=\w{14})\.atlasv1\.[\w-]{60,}/g },
  // DigitalOcean.
  { kind: "token", hints: ["do_v1_", "dop_v1_", "doo_v1_", "dor_v1_"], find: /do[opr]?_v1_[a-f0-9]{64}/g },
  // Databricks.
  { kind: "token", hints: ["dapi"], find: /\b(?<!-)dapi[a-f0-9]{32}/g },
  // Grafana: of service accounts, and of Grafana Cloud.
  { kind: "token", hints: ["glsa_", "glc_ey"], find: /glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_ey[\w+/=]{30,}/g },
  // New Relic: user key.
  { kind: "token", hints: ["nrak-"], find: /NRAK-[A-Z0-9]{27}/g },
  // Shopify.
  {
    kind: "token",
    hints: ["shpat_", "shpss_", "shpca_", "shppa_"],
    find: /shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}/g,
  },
  // SendGrid.
  { kind: "token", hints: ["sg."], find: /\b(?<!-)SG\.[\w-]{20,24}\.[\w-]{39,50}/g },
  // Atlassian.
  { kind: "token", hints: ["atatt3"], find: /ATATT3[\w=-]{60,}/g },
  // Tailscale.
  { kind: "token", hints: ["tskey-"], find: /tskey-[a-z]+-[\w-]{16,}/g },
  // Linear.
  { kind: "token", hints: ["lin_api_"], find: /lin_api_[A-Za-z0-9]{40}/g },
  // PlanetScale.
  { kind: "token", hints: ["pscale_"], find: /pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}/g },
  // age: identity.
  { kind: "token", hints: ["age-secret-key-1"], find: /AGE-SECRET-KEY-1[A-Z0-9]{58}/g },
  // Telegram: of a bot; the digits before it are the bot's number.
  { kind: "token", hints: [":aa"], find: /(?<=\d{8}):AA[\w-]{33}(?![\w-])/g },
  // OpenAI, Anthropic, and others who serve language models.
  { kind: "token", hints: ["sk-"], find: /\b(?<!-)sk-[\w-]{20,}/g },
];
