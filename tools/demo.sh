#!/usr/bin/env bash
# From nothing to answers: installs what is missing, builds, and asks the nano model about a picture in six languages.
#   tools/demo.sh [PICTURE]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
picture=$(realpath -- "${1:-$root/samples/frog.png}")
[ -f "$picture" ] || die "there is no picture $picture."
cd "$root"
questions=('What is this?' '这是什么？' 'O que é isto?' 'ما هذا؟' 'Bu nedir?' 'Что это?')

tools/setup.sh
say "building (some minutes the first time)"
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release --target lorikeet_program --parallel "$(cores)" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for question in "${questions[@]}"; do
  say "$question"
  build/release/tools/lorikeet see "$picture" "$question" --experts 2> "$log" || { cat "$log" >&2; exit 1; }
  awk '/^words/ { exit } / %/ { printf "%s %s: %.0f %%", n++ ? "," : "experts", $1, $2 } END { print "" }' "$log"
done
say "more: build/release/tools/lorikeet chat --image ${picture#"$root"/}"
