/** Made with Go's golang.org/x/mod/sumdb (tlog and note), v0.41.0, over entries `entry 0`, `entry 1`, …; tiles of height 8. */

/** By size, base64. */
export const ROOTS: Readonly<Record<string, string>> = {
  0: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
  1: "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE=",
  2: "WkdmL9ijF9lgSaP59HxV3GfKZgUbqjaD27GbL+CaB7A=",
  3: "lPvQ3YNvUDAWkubQ6t5yjuGexSv/8WBu2AfIV11aqhk=",
  4: "l5nzB1F+9RfCIF35tndivzR1ayAJn7ffzOdrzr0nOy4=",
  5: "fKo0Xb2JKmZFTWxlEuo8PqPw0+whvj/C4jdXBf049nI=",
  7: "mMl/C6MXXNCLAx3QhLncTmSbZNGijm6mlGRlAxc6tYc=",
  8: "tpcyzlyRQWLKmsz69OldP5h01ogFQ3CIqv8YSk25Z3M=",
  255: "z2Z5PmMp3/JC6zzuCm82rT46GW3MVzoex3XhAr6GPxw=",
  256: "2mWW2VNp9f7zIquOTg2jsLUCNqqcijsdJG90Ecni4y4=",
  257: "XB/f6DU1gCLyOS3keNvgU/wTDP4dOggoeakM9r8Uv34=",
  511: "uiTGt6wKXP4z1jM1r8HnaLsgypMfJxLzM+YIbyIp5KE=",
  512: "xtuUnnbP1dYUB8c6SBkhJlqwJOphMdAtxrcN79/U+to=",
  513: "eNZ0zD3mmFwl1kdju5aKzwItgn68EVhYSmYpuuvEwxw=",
  65535: "uM1QRqGZab3H6JKJJyOQtA3WarGKeGbCC4kgpnUmaKU=",
  65536: "B7Gjd5YKThLjNI1ukymuYxapWwL7HCLpCSMbOqRIYac=",
  65537: "uZxXCq8TuW4CY4Po4lLmnHFCs61+bgJk89wQ39iE2MU=",
  70000: "o5IPun8jmgcam9EHIfE0Gt3vuu3ttBx+JEN6nRa98Ao=",
};

/** Of 70,000 entries: SHA-256 over the path, a newline and the bytes of each tile, by level and index. */
export const TILES = {
  count: 277,
  digest: "75cb3eb83d417cdfcd6fa1490e857e0aa43ed0f946db08cc5c210b9ab89e497f",
};

export const SIZES = [1, 2, 3, 7, 8, 255, 256, 257, 600, 65536, 70000];
export const INDEXES = [0, 1, 6, 254, 255, 256, 599, 65535, 69999];

/** SHA-256 over `size index` for each of SIZES and smaller of INDEXES, then the hashes in base64, a line each. */
export const INCLUSION = "5d4ab10125a2a83d05c145a23aae24acbce23730cccab18a1db969ce64199bf5";
/** SHA-256 over `older newer` for each newer of SIZES and older of SIZES up to it, then the hashes likewise. */
export const CONSISTENCY = "a6ba8a4cf6ff1313bc23f5cfb487ddf95567ab64e42ae07a9fd8ac04cffdccab";

/** Two keys of one name, from seeds of 32 letters s and 32 letters t. */
export const ORIGIN = "hoop.example.com/log";
export const SIGNERS = [
  "PRIVATE+KEY+hoop.example.com/log+72862fde+AXNzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nz",
  "PRIVATE+KEY+hoop.example.com/log+e6441e6e+AXR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0",
] as const;
export const VERIFIERS = [
  "hoop.example.com/log+72862fde+Af7BQoZz9q/okmSzgHNErosmnRJaUDhVICaH21pxKFef",
  "hoop.example.com/log+e6441e6e+AVVfRpwiGI6QAVvdhbiJZ41Fn4a9+Pe9NJcbELmzhYYJ",
] as const;
export const NOTE = `${ORIGIN}
70000
o5IPun8jmgcam9EHIfE0Gt3vuu3ttBx+JEN6nRa98Ao=

— hoop.example.com/log coYv3sbHyMi89T9YO+xmOA3v5Oqykx7N9s4L67gfi2rzKX7CUnzDy+hCfLNXUMwncYoWwHMX78NuNiuGs4Kbf3uBlws=
— hoop.example.com/log 5kQebhEGOpLXRPcMb5KNoTWkNiqVKB44o9S//+T/9De5qLZZ3yWrNQHPDvPzGXGDeMoKhtw3abblJrMHJtiC7Iv6OwA=
`;
