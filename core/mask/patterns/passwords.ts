/** Passwords that are known by what stands around them, and passwords as servers keep them. */
import { type Pattern, WORD } from "./pattern.ts";

/** In an address (RFC 3986): `postgres://app:…@db/shop`. */
export const IN_ADDRESSES: Pattern = {
  kind: "password",
  hints: ["://"],
  find: /(?<keep>:\/\/[^\s/?#:@"'`]*:)(?:[^\s/`$]|\$(?![({]))+(?=@)/g,
};

/** `auth` of Docker's config.json, `_auth` of .npmrc: a user's name and password in base64. */
export const BASIC: Pattern = {
  kind: "password",
  hints: ['auth"', "auth'", "auth\\", "auth=", "auth:", "auth ="],
  find: /(?<keep>auth(?:\\{0,3}["'])?[ \t]{0,4}[:=][ \t]{0,20}(?:\\{0,3}["'])?)[A-Za-z0-9+/]{6,}={0,2}(?![\w+/=-])/gi,
  isSecret: (basic) =>
    /^[\x21-\x39\x3b-\x7e]+:[\x20-\x7e]+$/.test(Buffer.from(basic, "base64").toString("latin1")),
};

export const OF_DRIVERS: readonly Pattern[] = [
  // Go's driver for MySQL: `app:…@tcp(db:3306)/shop`.
  {
    kind: "password",
    hints: ["@tcp(", "@unix("],
    find: /(?<=[\w.-]:)[^\s:@/"'`\\$(){};|&<>]{1,256}(?=@(?:tcp|unix)\()/g,
  },
  // Oracle's driver for Java: `jdbc:oracle:thin:app/…@db:1521/X`.
  {
    kind: "password",
    hints: ["jdbc:oracle:"],
    find: /(?<keep>jdbc:oracle:[a-z0-9]{1,10}:[\w.$-]{1,64}\/)[^\s:@/"'`\\$(){};|&<>]{1,256}(?=@)/g,
  },
  // .netrc: `machine git.example login ann password …`.
  {
    kind: "password",
    hints: ["password"],
    find: new RegExp(`(?<keep>\\blogin\\s{1,20}[^\\s"'\`]{1,256}\\s{1,20}password\\s{1,20})${WORD}`, "g"),
  },
];

/** Hashes of passwords, as crypt(5), htpasswd and Argon2 write them. */
export const HASHES: Pattern = {
  kind: "password",
  hints: ["$apr1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$argon2"],
  find: /\$(?:apr1|5|6)\$(?:rounds=\d{1,9}\$)?[\w./]{1,16}\$[\w./]{22,86}|\$2[aby]\$\d\d\$[\w./]{53}|\$argon2(?:id?|d)\$v=\d{1,3}\$[\w=,]{1,60}\$[\w+/]{8,100}\$[\w+/]{16,200}/g,
};
