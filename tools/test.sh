#!/usr/bin/env bash
# Sets the machine up, builds and runs the whole suite on software devices: every program on lavapipe (subgroups of 8) and on
# the portability floor, the ops on lavapipe with subgroups of 4 and 16 too, the fuzz targets under the sanitizers, the rules.
#   tools/test.sh [--all]
# --all adds: the build with clang, the cross builds, and the suite on the newer stack of ../shared/lab where that is there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"
all=
case ${1:-} in
  '') ;;
  --all) all=1 ;;
  *) die "unknown option '$1'; the only one is --all." ;;
esac

# Runs ctest in a build folder, through a prefix if one is given. Skips and fuzz counts are printed before ctest's own closing
# lines, which are held back until then.
run_suite() {
  local build=$1 log=$1/Testing/Temporary/LastTest.log status=0; shift
  rm -f "$build/closing.txt"
  "$@" ctest --test-dir "$build" --output-on-failure --parallel "$(cores)" | {
    held=
    while IFS= read -r line; do
      case $line in *' tests passed, '*) held=1 ;; esac
      if [ -n "$held" ]; then printf '%s\n' "$line" >> "$build/closing.txt"; else printf '%s\n' "$line"; fi
    done
  } || status=$?
  echo
  sed -n 's/^[a-z_0-9 ]*: [0-9]* mutated inputs survived.*/FUZZED &/p' "$log" | sort -u
  summarise_skips "$log"
  echo
  cat "$build/closing.txt" 2>/dev/null || say "ctest did not finish"
  return $status
}

# Runs a command in the lab's newer Debian, with this checkout and ../shared at their usual places.
in_lab() { (cd "$root/.." && "$lab" run env -C "$root" LORIKEET_CACHE="$root/build/modern-cache" "$@"); }

# "SKIP (reason): what, N times" -> the reasons with their sums, and what was skipped for each.
summarise_skips() {
  awk '
    match($0, /^SKIP \([^)]*\): /) {
      reason = substr($0, 7, RLENGTH - 9); what = substr($0, RLENGTH + 1)
      count = what; sub(/.*, /, "", count); sub(/ times.*/, "", count); sub(/, [0-9]+ times.*/, "", what)
      sum[reason] += count; items[reason, what] += count
    }
    END {
      for (reason in sum) {
        any = 1
        printf "SKIPPED %d: %s\n", sum[reason], reason
        for (key in items) { split(key, part, SUBSEP); if (part[1] == reason) printf "    %d x %s\n", items[key], part[2] }
      }
      if (!any) print "Nothing was skipped."
    }' "$1"
}

tools/setup.sh
devices="lavapipe;floor"
if ! tools/with-device.sh floor true; then
  [ -z "${CI:-}" ] || die "CI must have the floor device."
  say "the floor device is left out"
  devices=lavapipe
fi
tools/fetch_model.sh >/dev/null || say "tests that need the demo's model are skipped"

say "building"
cmake --preset check -DLORIKEET_TEST_DEVICES="$devices" >/dev/null
cmake --build --preset check --parallel "$(cores)"

failed=
lab=$root/../shared/lab/modern.sh
if [ -n "$all" ]; then
  say "building with clang"
  if is_debian; then install_packages clang; fi
  cmake --preset check -B build/clang -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ >/dev/null
  cmake --build build/clang --parallel "$(cores)"
  if is_debian; then tools/cross.sh || failed+=" cross builds;"; fi
  if [ -x "$lab" ]; then
    say "the suite on the newer stack"
    mkdir -p build/modern-cache/models
    cp -u "$cache"/models/*.gguf build/modern-cache/models/ || true
    "$lab" setup
    in_lab cmake --preset check -B build/modern -DLORIKEET_TEST_DEVICES=lavapipe >/dev/null
    in_lab cmake --build build/modern --parallel "$(cores)"
    run_suite build/modern in_lab || failed+=" the suite on the newer stack;"
  fi
fi

say "testing"
run_suite build/check || failed+=" the suite;"
[ -z "$failed" ] || die "failed:$failed see above."
