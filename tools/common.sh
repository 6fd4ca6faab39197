# Shared by the scripts of this folder; sourced, never run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${LORIKEET_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set, so there is no cache folder}/.cache}/lorikeet}

say() { printf '== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
cores() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }
is_debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# Runs a command as root, through sudo where that needs no password or somebody can type one.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then sudo "$@"
  else return 1
  fi
}

# Installs those of the named Debian packages that are missing.
install_packages() {
  local missing=() name log
  for name in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  as_root true || die "these packages are missing and this user may not install them: run 'apt-get install ${missing[*]}' as root."
  log=$(mktemp)
  if ! { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
      </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "apt-get could not install ${missing[*]} (its last lines are above)."
  fi
  rm -f "$log"
}
