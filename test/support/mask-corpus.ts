/**
 * What tools write secrets as, all of it made up; and what is like that and is none. In parts, so that nobody who looks for
 * secrets in this repository finds one.
 */

/** One word of several parts. */
const of = (...parts: readonly string[]) => parts.join("");
/** So many letters and digits, always the same. */
const some = (length: number, letters = "abcdefghijklmnopqrstuvwxyz0123456789") =>
  Array.from({ length }, (_, at) => letters[(at * 7 + 3) % letters.length]).join("");
const upper = (length: number) => some(length, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
const mixed = (length: number) => some(length, "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789");
const hex = (length: number) => some(length, "0123456789abcdef");
const base64 = (text: string) => Buffer.from(text).toString("base64");
const pem = (kind: string, lines = 3) =>
  [
    of("-----BEGIN ", kind, "-----"),
    ...Array.from({ length: lines }, () => mixed(64)),
    `${mixed(10)}==`,
    of("-----END ", kind, "-----"),
  ].join("\n");

export interface Positive {
  /** Each text holds the secret, */
  secret: string;
  texts: readonly string[];
}

const PASSWORD = of("hunter2", "!Zk7");
const secretPem = (kind: string) => ({
  secret: mixed(64),
  texts: [pem(kind), pem(kind).replaceAll("\n", "\\n"), JSON.stringify({ x: pem(kind) })],
});
const token = (...parts: readonly string[]): Positive => {
  const secret = of(...parts);
  return { secret, texts: [secret, `use ${secret}.`, `"${secret}"`, `x=${secret}`, `${secret}\n`] };
};
const jwt = of("eyJ", "hbGciOiJSUzI1NiJ9", ".eyJ", "zdWIiOiJzeXN0ZW0ifQ", ".", mixed(40));
const basic = base64(of("robot$ci:", PASSWORD));

/** By what it is. What is masked of each text holds no more of the secret. */
export const POSITIVES: Readonly<Record<string, Positive>> = {
  "a private key for RSA": secretPem(of("RSA PRIVATE", " KEY")),
  "a private key for EC": secretPem(of("EC PRIVATE", " KEY")),
  "a private key of PKCS #8": secretPem(of("PRIVATE", " KEY")),
  "an encrypted private key": secretPem(of("ENCRYPTED PRIVATE", " KEY")),
  "a private key of OpenSSH": secretPem(of("OPENSSH PRIVATE", " KEY")),
  "a private key of PGP": {
    secret: mixed(64),
    texts: [
      pem(of("PGP PRIVATE", " KEY BLOCK")),
      pem(of("PGP PRIVATE", " KEY BLOCK")).replace("-----\n", "-----\nVersion: GnuPG v2.2 (GNU/Linux)\n\n"),
      pem(of("PGP PRIVATE", " KEY BLOCK")).replace("\n-----END", "\n=aB3d\n-----END"),
    ],
  },
  "a private key in base64": {
    secret: base64(mixed(64)).slice(4, 80),
    texts: [
      "RSA PRIVATE",
      "EC PRIVATE",
      "PRIVATE",
      "OPENSSH PRIVATE",
      "ENCRYPTED PRIVATE",
      "DSA PRIVATE",
    ].map(
      (kind) =>
        `pem: ${base64(`${of("-----BEGIN ", kind, " KEY-----")}${" ".repeat((3 - ((kind.length + 20) % 3)) % 3)}${mixed(64)}`)}`,
    ),
  },
  "a password in an address": {
    secret: PASSWORD,
    texts: [
      ...[
        "postgres",
        "postgresql+asyncpg",
        "mysql",
        "mongodb+srv",
        "redis",
        "rediss",
        "amqps",
        "nats",
        "ftp",
      ].map((scheme) => `${scheme}://app:${PASSWORD}@db.shop.svc:5432/app?sslmode=disable`),
      `redis://:${PASSWORD}@cache/0`,
      `https://robot:${PASSWORD}@registry.example/v2/`,
      `DATABASE=postgres://app:${PASSWORD}@db/x`,
      `{"url":"amqp://app:${PASSWORD}@mq/%2f"}`,
      `git clone https://oauth2:${PASSWORD}@git.example/a.git`,
      `jdbc:mysql://app:${PASSWORD}@db/x`,
      `proxy = http://ann:${PASSWORD}@proxy:3128`,
    ],
  },
  "a password that a driver is told": {
    secret: PASSWORD,
    texts: [
      `app:${PASSWORD}@tcp(db:3306)/shop?parseTime=true`,
      `app:${PASSWORD}@unix(/run/mysqld.sock)/shop`,
      `jdbc:oracle:thin:app/${PASSWORD}@db:1521/X`,
      `jdbc:postgresql://db/shop?user=app&password=${PASSWORD}&ssl=true`,
      `host=db port=5432 user=app password=${PASSWORD} dbname=shop`,
      `host=db user=app password='${PASSWORD}'`,
      `Server=db,1433;Database=shop;User Id=sa;Password=${PASSWORD};Encrypt=True`,
      `Driver={x};Server=db;Uid=sa;Pwd=${PASSWORD};`,
      `PlainLoginModule required username="app" password="${PASSWORD}";`,
      `PGPASSWORD=${PASSWORD} psql`,
      `MYSQL_PWD=${PASSWORD}`,
      `spring.datasource.password=${PASSWORD}`,
      `requirepass-password: ${PASSWORD}`,
      `sasl.jaas.config.password = ${PASSWORD}`,
    ],
  },
  "keys of Azure": {
    secret: `${mixed(60)}==`,
    texts: [
      `DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=${mixed(60)}==;EndpointSuffix=core.windows.net`,
      `Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=${mixed(60)}==`,
    ],
  },
  "a signed address of Azure": {
    secret: of(mixed(40), "%3D"),
    texts: [`https://shop.blob.core.windows.net/c?sv=2022-11-02&se=2030-01-01&sig=${mixed(40)}%3D`],
  },
  "a secret of an application of Azure": { secret: mixed(34), texts: [of("aB3", "8Q~", mixed(34))] },
  "a user and password for Docker": {
    secret: basic,
    texts: [
      JSON.stringify({ auths: { "registry.example": { auth: basic } } }),
      JSON.stringify({ auths: { "registry.example": { username: "x", auth: basic } } }, null, 2),
      JSON.stringify(JSON.stringify({ auths: { r: { auth: basic } } })),
      `auths:\n  registry.example:\n    auth: ${basic}`,
    ],
  },
  "a password for Docker": {
    secret: PASSWORD,
    texts: [JSON.stringify({ auths: { "registry.example": { username: "robot", password: PASSWORD } } })],
  },
  "what npm logs in with": {
    secret: basic,
    texts: [`//registry.example/:_auth=${basic}`, `_auth = ${basic}`, `//r.example/:_password=${basic}`],
  },
  "a token of npm's registry": {
    secret: mixed(36),
    texts: [
      `//registry.npmjs.org/:_authToken=${of("npm", "_")}${mixed(36)}`,
      `//r.example/:_authToken=${mixed(36)}`,
    ],
  },
  "a line of .netrc": {
    secret: PASSWORD,
    texts: [
      `machine git.example login ann password ${PASSWORD}`,
      `machine git.example\n  login ann\n  password ${PASSWORD}\n`,
    ],
  },
  "a header": {
    secret: mixed(30),
    texts: [
      `Authorization: Bearer ${mixed(30)}`,
      `authorization: token ${mixed(30)}`,
      `curl -H 'Authorization: Basic ${mixed(30)}' https://x.example`,
      `{"Authorization":"Bearer ${mixed(30)}"}`,
      `X-Api-Key: ${mixed(30)}`,
      `PRIVATE-TOKEN: ${mixed(30)}`,
      `X-Vault-Token: ${mixed(30)}`,
      `proxy-authorization: basic ${mixed(30)}`,
      `Cookie: theme=dark-mode; session=${mixed(30)}`,
      `Set-Cookie: sid=${mixed(30)}; Path=/`,
    ],
  },
  "a JWT": {
    secret: jwt,
    texts: [jwt, `token ${jwt}`, `Bearer ${jwt}`, `"${jwt}"`, `access_token=${jwt}&x=1`],
  },
  "what a kubeconfig holds": {
    secret: mixed(40),
    texts: [
      `users:\n- name: ann\n  user:\n    token: ${mixed(40)}`,
      `    client-key-data: ${mixed(40)}`,
      `    password: ${mixed(40)}`,
      `{"users":[{"name":"ann","user":{"token":"${mixed(40)}"}}]}`,
      `id-token: ${mixed(40)}`,
      `refresh-token: ${mixed(40)}`,
      `client-secret: ${mixed(40)}`,
      `kubectl --token=${mixed(40)} get pods`,
      `kubectl --token ${mixed(40)} get pods`,
    ],
  },
  "a bootstrap token": {
    secret: "07401b.f395accd246ae52z",
    texts: ["kubeadm join --discovery 07401b.f395accd246ae52z", "use 07401b.f395accd246ae52z"],
  },
  "values of charts": {
    secret: PASSWORD,
    texts: [
      `auth:\n  postgresPassword: ${PASSWORD}\n`,
      `adminPassword: "${PASSWORD}"`,
      `auth: { rootPassword: '${PASSWORD}' }`,
      `helm upgrade shop . --set auth.password=${PASSWORD},replicas=2`,
      `grafana:\n  adminPassword: ${PASSWORD}`,
      `secretKey: "${PASSWORD}"`,
      `signingKey: ${PASSWORD}`,
      `encryption_key = "${PASSWORD}"`,
      `masterKey: ${PASSWORD}`,
      `accessKeyId: x\nsecretAccessKey: ${PASSWORD}`,
      `minio:\n  rootUser: x\n  rootPassword: ${PASSWORD}`,
    ],
  },
  "keys of AWS": {
    secret: mixed(40),
    texts: [
      `aws_secret_access_key = ${mixed(40)}`,
      `AWS_SECRET_ACCESS_KEY=${mixed(40)}`,
      `"SecretAccessKey": "${mixed(40)}"`,
      `AWS_SESSION_TOKEN=${mixed(40)}`,
    ],
  },
  "the name of a key of AWS": {
    secret: of("AK", "IA", upper(16)),
    texts: [of("aws_access_key_id = AK", "IA", upper(16)), of("(AK", "IA", upper(16), ")")],
  },
  "variables in a text": {
    secret: PASSWORD,
    texts: [
      `env:\n- name: DB_PASSWORD\n  value: ${PASSWORD}\n`,
      `env:\n  - name: SESSION_SECRET\n    value: "${PASSWORD}"\n`,
      JSON.stringify({ env: [{ name: "API_TOKEN", value: PASSWORD }] }),
      JSON.stringify(JSON.stringify({ env: [{ name: "API_TOKEN", value: PASSWORD }] })),
      JSON.stringify({ env: [{ name: "SIGNING_KEY", value: PASSWORD }] }, null, 2),
      `[]core.EnvVar{core.EnvVar{Name:"DB_PASSWORD", Value:"${PASSWORD}", ValueFrom:(*core.EnvVarSource)(nil)}}`,
      `Invalid value: {"Name":"DB_PASSWORD","Value":"${PASSWORD}","ValueFrom":null}: field is immutable`,
      `@@ -16,7 +16,7 @@\n     {\n      "Name": "DB_PASSWORD",\n-     "Value": "${PASSWORD}",\n+     "Value": "q",\n`,
      `{Name: "SESSION_COOKIE", Value: "${PASSWORD}"}`,
      `- name: DB_PASSWORD\\n  value: ${PASSWORD}\\n`,
    ],
  },
  "an argument in a text": {
    secret: PASSWORD,
    texts: [
      JSON.stringify({ args: ["--password", PASSWORD] }),
      JSON.stringify(JSON.stringify({ args: ["--db-password", PASSWORD] })),
      `    "Args": [\n-    "--password",\n-    "${PASSWORD}"\n+    "a"\n    ],`,
      `app --password ${PASSWORD} -v`,
      `app --api-key="${PASSWORD}"`,
      `args: ["--token", "${PASSWORD}"]`,
      `args:\n- "--token"\n- "${PASSWORD}"\n`,
      `args:\n  - --password\n  - ${PASSWORD}\n`,
    ],
  },
  "a hash of a password": {
    secret: mixed(22),
    texts: [
      `ann:$apr1$${some(8)}$${mixed(22)}`,
      `ann:$2y$10$${mixed(53)}`,
      `root:$6$${some(12)}$${mixed(86)}:19000:0`,
      `$argon2id$v=19$m=65536,t=3,p=4$${mixed(22)}$${mixed(43)}`,
    ],
  },
  "GitHub's tokens": token("gh", "p_", mixed(36)),
  "GitHub's tokens of Actions": token("gh", "s_", mixed(36)),
  "GitHub's finer tokens": token("github", "_pat_", mixed(22), "_", mixed(59)),
  "GitLab's tokens": token("gl", "pat-", mixed(20)),
  "GitLab's tokens of runners": token("gl", "rt-", mixed(20)),
  "Slack's tokens": token("xo", "xb-", "123456789012-", mixed(24)),
  "Slack's tokens of applications": token("xa", "pp-1-A012-", mixed(24)),
  "Slack's hooks": {
    secret: mixed(24),
    texts: [of("https://hooks.slack", ".com/services/T012AB3CD/B012AB3CD/", mixed(24))],
  },
  "Discord's hooks": {
    secret: mixed(68),
    texts: [of("https://discord", ".com/api/webhooks/123456789012345678/", mixed(68))],
  },
  "Google's keys": token("AI", "za", mixed(35)),
  "Google's secrets of clients": token("GOC", "SPX-", mixed(28)),
  "Google's tokens": token("ya", "29.", mixed(60)),
  "Stripe's keys": token("sk", "_live_", mixed(24)),
  "secrets of Stripe's hooks": token("wh", "sec_", mixed(32)),
  "PyPI's tokens": token("py", "pi-AgEIcHlwaS5vcmc", mixed(80)),
  "RubyGems' keys": token("ruby", "gems_", hex(48)),
  "Docker's tokens": token("dckr", "_pat_", mixed(27)),
  "Hugging Face's tokens": token("h", "f_", mixed(34)),
  "Vault's tokens": token("hv", "s.", mixed(24)),
  "Terraform's tokens": { secret: mixed(67), texts: [of(mixed(14), ".atlas", "v1.", mixed(67))] },
  "DigitalOcean's tokens": token("dop", "_v1_", hex(64)),
  "Databricks' tokens": token("da", "pi", hex(32)),
  "Grafana's tokens": token("gl", "sa_", mixed(32), "_", hex(8)),
  "New Relic's keys": token("NR", "AK-", upper(27)),
  "Shopify's tokens": token("shp", "at_", hex(32)),
  "SendGrid's keys": token("S", "G.", mixed(22), ".", mixed(43)),
  "Atlassian's tokens": token("ATA", "TT3", mixed(80)),
  "Tailscale's keys": token("ts", "key-auth-", mixed(20)),
  "Linear's keys": token("lin", "_api_", mixed(40)),
  "PlanetScale's passwords": token("pscale", "_pw_", mixed(43)),
  "keys of age": token("AGE-SECRET", "-KEY-1", upper(58)),
  "Telegram's tokens": { secret: mixed(33), texts: [of("123456789", ":AA", mixed(33))] },
  "keys for models": token("sk", "-proj-", mixed(40)),
};

/** What is shown as it is. */
export const NEAR_MISSES: readonly string[] = [
  "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
  "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
  base64("-----BEGIN CERTIFICATE-----\nMIIB"),
  "https://db.shop.svc:5432/app",
  "https://git.example/@scope/pkg",
  "ann@git.example:shop/app.git",
  "image: registry.example:5000/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "listen tcp(db:3306)",
  "automountServiceAccountToken: false",
  "automountServiceAccountToken: true",
  '{"automountServiceAccountToken":false}',
  "existingSecret: db-credentials",
  'existingSecret: "db"',
  "imagePullSecret: regcred",
  "imagePullSecrets:\n- name: regcred",
  "tlsSecret: shop-tls",
  "secretName: shop-tls",
  '{"secretName":"shop-tls"}',
  "secretKeyRef:\n  name: db\n  key: password",
  '{"secretKeyRef":{"key":"password","name":"db"}}',
  "passwordSecretRef: { name: db, key: password }",
  "type: kubernetes.io/service-account-token",
  "--token-auth-file=/etc/tokens",
  "--service-account-private-key-file=/etc/pki/sa.key",
  "--password=$(DB_PASSWORD)",
  "--password=$" + "{DB_PASSWORD}",
  "token: null",
  "if (token === undefined)",
  "kubectl get secure-secret database -n demo",
  '["code-with-credentials", "namespace-labels"]',
  "password: <PASSWORD>",
  "password:",
  'token: ""',
  "tokenExpirationSeconds: 3600",
  "passwordFile: /run/secrets/db",
  "topologyKey: kubernetes.io/hostname",
  "key: node-role.kubernetes.io/control-plane",
  'labels: {"app.kubernetes.io/name":"shop"}',
  "- name: PASSWORD_FILE\n  value: /run/secrets/db",
  "- name: LOG_LEVEL\n  value: debug",
  '{"name":"TOKEN_URL","value":"https://id.example/token"}',
  '{"name":"USE_TOKEN","value":"true"}',
  '{"name":"TOKEN","valueFrom":{"secretKeyRef":{"key":"token","name":"t"}}}',
  '{"name":"web","value":"hello"}',
  "worker.17f3b8d6c5a4e2f1",
  "server.18a3b5c8d9e0f123",
  "config.yaml",
  "shop.internalservices.example",
  "auth: kubernetes",
  '"auth":"basic"',
  '"auth": "passwordgrant"',
  "auth=oauth2client",
  "a cookie: a small file",
  "cookie: on",
  "Authorization: none",
  "bearer of bad news",
  "login as ann, then change the password of the router",
  "sk-SK, sk-learn, risk-assessment-of-the-year",
  "desktop-task-runner-with-a-long-name",
  "hf_short",
  "msg.example.com",
  "sha256:aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899",
  "10.0.0.1:AA-BB",
  "dapi-server",
  "costs $5$ or $6$",
  "a signature: sig=short",
  "arn:aws:iam::123456789012:role/shop",
  "uid: 3a76ef54-3ddd-536f-acde-3079636b905a",
  'resourceVersion: "1234567890"',
  "v1.36.3+k3s1.1234567890abcdef1",
];
