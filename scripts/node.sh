#!/bin/sh
# usage: sh scripts/node.sh FILE [ARG…]
# Runs FILE from the repository's root with the Node.js that package-lock.json pins (the npm package `node`),
# installing the dependencies first where they are missing or belong to another package-lock.json.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
node=node_modules/.bin/node
stamp=node_modules/.package-lock.cksum
lock=node_modules.lock
wanted=$(cksum <package-lock.json)

say() { printf '%s\n' "$*" >&2; }

stamped() {
  [ -x "$node" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]
}

# An `npm ci` that somebody ran by hand is as good as ours: npm leaves its own list of what it installed.
installed_by_hand() {
  [ -x "$node" ] && [ -f node_modules/.package-lock.json ] && "$node" -e '
    const { readFileSync } = require("node:fs");
    const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
    const installed = packages("node_modules/.package-lock.json");
    const missing = Object.entries(packages("package-lock.json")).some(([path, { version, optional, devOptional, link }]) =>
      path !== "" && !link && installed[path]?.version !== version && !(installed[path] === undefined && (optional || devOptional)));
    process.exit(missing ? 1 : 0);
  ' 2>/dev/null
}

ready() {
  stamped && return 0
  installed_by_hand && printf '%s\n' "$wanted" >"$stamp"
}

install() {
  command -v npm >/dev/null 2>&1 || { say "npm is needed to install the dependencies: install Node.js 20 or later, https://nodejs.org"; return 1; }
  say "installing the dependencies that package-lock.json pins (npm ci)…"
  if ! npm ci --include=dev --loglevel=error >"$lock/log" 2>&1; then
    cat "$lock/log" >&2
    say "npm ci failed"
    return 1
  fi
  [ -x "$node" ] || { cat "$lock/log" >&2; say "npm ci left no $node: were install scripts refused?"; return 1; }
  printf '%s\n' "$wanted" >"$stamp"
}

# One installs, the others wait; the lock of an installer that died is taken over.
waiting=
while ! ready; do
  if mkdir "$lock" 2>/dev/null; then
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '%s\n' "$$" >"$lock/pid"
    ready || install
    rm -rf "$lock"
    trap - EXIT INT TERM
    break
  fi
  [ -n "$waiting" ] || say "waiting for another installation (lock: $root/$lock)"
  waiting=yes
  sleep 1
  owner=$(cat "$lock/pid" 2>/dev/null || { sleep 2; cat "$lock/pid" 2>/dev/null; } || :)
  if [ -d "$lock" ] && { [ -z "$owner" ] || ! kill -0 "$owner" 2>/dev/null; }; then
    say "taking over the installation of a process that ended"
    mv "$lock" "$lock.$$" 2>/dev/null && rm -rf "$lock.$$"
  fi
done

exec "$node" "$@"
