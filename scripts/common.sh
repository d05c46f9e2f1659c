# Shared by the scripts: where things are, and the release build.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${TRIBUTARY_BUILD:-$root/build}
export TRIBUTARY_BUILD=$build

# need_root NAME: network namespaces and raw sockets need it.
need_root() {
  [ "$(id -u)" = 0 ] && return
  echo "$1: run as root (it makes network namespaces)" >&2
  exit 2
}

# build_release [TARGET...]: configures once, then builds; quiet unless it fails.
build_release() {
  local log
  log=$(mktemp)
  if ! { [ -e "$build/build.ninja" ] || meson setup "$build" "$root"; } >"$log" 2>&1 || ! meson compile -C "$build" "$@" >>"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
