# Sourced by the other scripts: tool checks, contract set-up, the cache folder. Nothing here needs the internet beyond
# package registries.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${DODONA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dodona}
foundry=$root/contracts/node_modules/.bin
export DODONA_CACHE=$cache

say() { printf '\n==> %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

need() { # need TOOL "how to get it"
  command -v "$1" >/dev/null 2>&1 || fail "\`$1\` is missing. $2"
}

check_tools() {
  need cargo "Install Rust with rustup: https://rustup.rs"
  need cc "Install a C compiler (Debian: apt-get install build-essential)."
  need node "Install Node.js 20 or newer: https://nodejs.org"
  need npm "It comes with Node.js: https://nodejs.org"
  need python3 "Install Python 3 (Debian: apt-get install python3)."
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "Node.js 20 or newer is needed, found $(node --version)."
  local free_mib
  free_mib=$(df -Pm "$root" | awk 'NR == 2 { print $4 }')
  [ "$free_mib" -ge 12000 ] || fail "12 GB of free disk are needed under $root, found $free_mib MiB."
  if [ -r /proc/meminfo ]; then
    local memory_mib
    memory_mib=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
    [ "$memory_mib" -ge 5500 ] || fail "5.5 GB of available memory are needed, found $memory_mib MiB."
  fi
}

# Installs the pinned npm packages (forge, anvil, solc, OpenZeppelin) if the lock file changed since the last time.
setup_contracts() {
  local stamp=$root/contracts/node_modules/.dodona-lock
  if ! cmp -s "$root/contracts/package-lock.json" "$stamp" 2>/dev/null; then
    say "Installing forge, anvil, solc and OpenZeppelin (npm, pinned)"
    (cd "$root/contracts" && npm ci --no-audit --no-fund --loglevel=error)
    cp "$root/contracts/package-lock.json" "$stamp"
  fi
}

build_contracts() {
  setup_contracts
  say "Building the contracts"
  (cd "$root/contracts" && "$foundry/forge" build --offline)
}
