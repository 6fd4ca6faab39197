#!/usr/bin/env bash
# Makes the nano model from nothing: packages, pictures and questions, tokenizer, random weights, training on Vulkan (captions
# without the visual experts, then names and questions between them, then conversations with the experts), one GGUF file, evaluation.
# docs/nano.md tells what comes out.
#   tools/train_nano.sh [--hours H] [--steps N] [--epochs E] [--resume] [--seed S] [--out DIR]
#     --hours H   how long the training may take (2); a few steps are timed first, and tell how many there will be
#     --steps N   that many steps of each stage instead
#     --epochs E  how often each picture is drawn, each time otherwise (16)
#     --resume    goes on where the last run of the same folder stopped, to the same bits
#     --seed S    of data, weights and order (1)
#     --out DIR   where everything goes (nano in the cache folder)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

hours=2 steps='' epochs=16 resume='' seed=1 out=$cache/nano
while [ $# -gt 0 ]; do
  case $1 in
    --hours|--steps|--epochs|--seed|--out) [ $# -ge 2 ] || die "expected a value behind $1."; declare "${1#--}=$2"; shift 2 ;;
    --resume) resume=--resume; shift ;;
    *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; die "expected one of the options above, given $1." ;;
  esac
done
lorikeet=build/release/tools/lorikeet
python=$out/python/bin/python

# Stages, and the percent of the time that each takes.
stages=(captions mixed conversations)
declare -A share=([captions]=25 [mixed]=35 [conversations]=40)
tower='vision_tower\.vision_tower\.vision_model\.(embeddings|pre_layrnorm|encoder)'
learnt="model\\.($tower|mm_projector|moe_model|embed_tokens|layers|norm)\\..*"
common=(--method full --train lm_head.weight --in-order --packed --batch 512 --accumulate 1 --lr 5e-4 --warmup 50 --schedule cosine
        --clip 1 --weight-decay 0.03 --seed "$seed" --save-every 200)

prepare() {
  tools/setup.sh
  command -v npm >/dev/null || { is_debian && install_packages npm; } || die "npm is needed to fetch the packages."
  python3 -c 'import ensurepip' 2>/dev/null || { is_debian && install_packages python3-venv; } || die "python3 with venv is needed."
  say "building"
  [ -f build/release/build.ninja ] || cmake --preset release >/dev/null
  cmake --build --preset release --target lorikeet_program --parallel "$(cores)" >&2
  mkdir -p "$out"
  [ -x "$python" ] || python3 -m venv "$out/python"
  "$python" -m pip install --quiet -r tools/nano/requirements.txt
}

# Each part is made once; a folder is complete when its mark is there.
once() {
  local mark=$out/done/$1; shift
  [ -f "$mark" ] && return 0
  say "$(basename "$mark")"
  "$@"
  mkdir -p "$out/done"
  touch "$mark"
}

nano() { local tool=$1; shift; "$python" "tools/nano/$tool.py" "$@"; }

make_data() {
  once packages nano packages --out "$out/packages"
  once things nano things --packages "$out/packages" --out "$out/things.json"
  once glyphs nano glyphs --packages "$out/packages" --things "$out/things.json" --out "$out/glyphs"
  once examples nano examples --things "$out/things.json" --glyphs "$out/glyphs" --out "$out/data" --epochs "$epochs" --seed "$seed"
  once evaluation nano evaluation --things "$out/things.json" --glyphs "$out/glyphs" --out "$out/evaluation"
  once tokenizer nano tokenizer --things "$out/things.json" --out "$out/tokenizer"
  once model nano model --tokenizer "$out/tokenizer" --out "$out/untrained" --seed "$seed"
}

# Captions have few rows: small batches of them are many pictures.
learn() {  # STAGE FROM INTO STEPS, then more options
  local stage=$1 from=$2 into=$3 number=$4; shift 4
  local -A rows=([captions]=512 [mixed]=1024 [conversations]=2048)
  local own=(--train "$learnt")
  [ "$stage" = conversations ] || own=(--train "${learnt/|moe_model/}" --no-experts)
  "$lorikeet" finetune -m "$from" "$out/data/$stage.jsonl" "${common[@]}" "${own[@]}" --max-tokens "${rows[$stage]}" \
    --out "$into" --steps "$number" "$@"
}

# --resume, where it was asked for and there is something to go on from.
again() { [ -z "$resume" ] || [ ! -f "$out/$1/checkpoint.safetensors" ] || echo --resume; }

# Steps of a stage that fit into a share of the hours: the difference between two short runs, so that loading and compiling do not count.
steps_of() {  # STAGE
  local begin middle end
  rm -rf "$out/timed"
  begin=$(date +%s)
  learn "$1" "$out/untrained" "$out/timed/2" 2 >&2
  middle=$(date +%s)
  learn "$1" "$out/untrained" "$out/timed/22" 22 >&2
  end=$(date +%s)
  awk -v h="$hours" -v p="${share[$1]}" -v a=$((middle - begin)) -v b=$((end - middle)) 'BEGIN {
    s = (b - a) / 20; if (s < 0.02) s = 0.02; n = int(h * 36 * p / s); print n < 60 ? 60 : n }'
}

train_all() {
  local stage from=$out/untrained number
  [ -n "$resume" ] || for stage in "${stages[@]}" begun; do rm -rf "${out:?}/$stage" "$out/done/$stage" "$out/$stage.steps"; done
  for stage in "${stages[@]}"; do
    [ -f "$out/$stage.steps" ] || { say "timing steps"; echo "${steps:-$(steps_of "$stage")}" > "$out/$stage.steps"; }
    number=$(< "$out/$stage.steps")
    if [ "$stage" = conversations ]; then
      once begun nano begin_experts --model "$from" --out "$out/begun"
      from=$out/begun
    fi
    once "$stage" learn "$stage" "$from" "$out/$stage" "$number" $(again "$stage")
    from=$out/$stage/model
  done
}

evaluate() {
  local model=$out/nano.gguf tests=$out/evaluation part
  "$lorikeet" convert -m "$out/conversations/model" "$model" --type q8_0
  for part in withheld validation test; do
    "$lorikeet" eval names -m "$model" --names "$tests/names.json" "$tests/$part.jsonl" --svg "$out/experts_$part.svg" \
      | tee "$out/names_$part.txt"
  done
  "$lorikeet" eval mmmb -m "$model" "$tests/choices" --answers "$out/answers" --max-tokens 8 | tee "$out/choices.txt"
  nano ablations --model "$out/conversations/model" --untrained "$out/untrained" --out "$out/ablations"
  for part in "$out"/ablations/*; do
    "$lorikeet" eval names -m "$part" --names "$tests/names.json" "$tests/test.jsonl" --answer-tokens 0 --limit 100 --json \
      > "$part.json"
  done
  for part in en zh pt ar tr ru; do
    "$lorikeet" eval names -m "$model" --names "$tests/names.json" "$tests/test.jsonl" --answer-tokens 0 --limit 100 \
      --route-by "$part" --json > "$out/ablations/routed-by-$part.json"
  done
}

prepare
make_data
train_all
evaluate
say "the model: $out/nano.gguf"
