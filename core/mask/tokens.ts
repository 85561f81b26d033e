/**
 * Tokens that are known by their form, whatever stands around them. Each runs in linear time: its repetitions are bounded,
 * or stand last.
 */

/** `hints` are in lower case: without one of them a text holds no such token. */
export interface TokenForm {
  hints: readonly string[];
  /** Of an expression with the flag g. */
  source: string;
}

/** Not within a longer word. */
const ALONE = "\\b(?<!-)";

export const TOKEN_FORMS: readonly TokenForm[] = [
  { hints: ["ghp_", "gho_", "ghr_", "ghs_", "ghu_"], source: "gh[oprsu]_[A-Za-z0-9]{30,}" },
  { hints: ["github_pat_"], source: "github_pat_\\w{22,}" },
  {
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
    source: "gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[\\w-]{20,}",
  },
  { hints: ["xox", "xapp-"], source: "(?:xox[abeprs]|xapp)-[\\w-]{10,}" },
  {
    hints: ["hooks.slack.com/"],
    source: "(?<=hooks\\.slack\\.com/(?:services|workflows|triggers)/)[\\w/]{20,}",
  },
  { hints: ["/api/webhooks/"], source: "(?<=discord(?:app)?\\.com/api/webhooks/\\d{15,22}/)[\\w-]{40,}" },
  { hints: ["aiza"], source: "AIza[\\w-]{35}" },
  { hints: ["gocspx-"], source: "GOCSPX-[\\w-]{20,}" },
  { hints: ["ya29."], source: `${ALONE}ya29\\.[\\w.-]{20,}` },
  { hints: ["8q~"], source: "(?<=[A-Za-z0-9_~.-]{3})[78]Q~[A-Za-z0-9_~.-]{31,34}" },
  { hints: ["_live_"], source: "[rs]k_live_[A-Za-z0-9]{16,}" },
  { hints: ["whsec_"], source: "whsec_[A-Za-z0-9+/=]{24,}" },
  { hints: ["npm_"], source: "npm_[A-Za-z0-9]{36}" },
  { hints: ["pypi-ageichlwas5vcmc"], source: "pypi-AgEIcHlwaS5vcmc[\\w-]{40,}" },
  { hints: ["rubygems_"], source: "rubygems_[a-f0-9]{48}" },
  { hints: ["dckr_"], source: "dckr_(?:pat|oat)_[\\w-]{20,}" },
  { hints: ["hf_"], source: "hf_[A-Za-z0-9]{30,}" },
  { hints: ["hvs.", "hvb.", "hvr."], source: "hv[sbr]\\.[\\w-]{20,}" },
  { hints: [".atlasv1."], source: "(?<=\\w{14})\\.atlasv1\\.[\\w-]{60,}" },
  { hints: ["do_v1_", "dop_v1_", "doo_v1_", "dor_v1_"], source: "do[opr]?_v1_[a-f0-9]{64}" },
  { hints: ["dapi"], source: `${ALONE}dapi[a-f0-9]{32}` },
  { hints: ["glsa_", "glc_ey"], source: "glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_ey[\\w+/=]{30,}" },
  { hints: ["nrak-"], source: "NRAK-[A-Z0-9]{27}" },
  { hints: ["shpat_", "shpss_", "shpca_", "shppa_"], source: "shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}" },
  { hints: ["sg."], source: `${ALONE}SG\\.[\\w-]{20,24}\\.[\\w-]{39,50}` },
  { hints: ["atatt3"], source: "ATATT3[\\w=-]{60,}" },
  { hints: ["tskey-"], source: "tskey-[a-z]+-[\\w-]{16,}" },
  { hints: ["lin_api_"], source: "lin_api_[A-Za-z0-9]{40}" },
  { hints: ["pscale_"], source: "pscale_(?:tkn|pw|oauth)_[\\w.=-]{32,}" },
  { hints: ["age-secret-key-1"], source: "AGE-SECRET-KEY-1[A-Z0-9]{58}" },
  { hints: [":aa"], source: "(?<=\\d{8}):AA[\\w-]{33}(?![\\w-])" },
  { hints: ["sk-"], source: `${ALONE}sk-[\\w-]{20,}` },
];
