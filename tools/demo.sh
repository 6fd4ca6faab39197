#!/usr/bin/env bash
# From nothing to an answer: installs what is missing, builds, fetches a small chat model and asks it one question.
#   tools/demo.sh [QUESTION]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"
question=${1:-What is gravity?}

tools/setup.sh
say "building (some minutes the first time)"
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release --target lorikeet_program --parallel "$(cores)" >&2
model=$(tools/fetch_model.sh)
say "$question"
build/release/tools/lorikeet chat -m "$model" --once "$question"
say "more: build/release/tools/lorikeet chat -m $model"
