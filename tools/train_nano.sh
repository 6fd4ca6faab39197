#!/usr/bin/env bash
# Makes the nano model from nothing: packages, pictures and questions, tokenizer, random weights, training on Vulkan (words alone,
# then Parrot's two stages), one GGUF file, evaluation. docs/nano.md tells what comes out.
#   tools/train_nano.sh [--hours H] [--steps N] [--epochs E] [--resume] [--seed S] [--out DIR]
#     --hours H   how long the training may take (8); a few steps are timed first, and tell how many there will be
#     --steps N   that many steps instead
#     --epochs E  how often each picture is drawn, each time otherwise (16)
#     --resume    goes on where the last run of the same folder stopped, to the same bits
#     --seed S    of data, weights and order (1)
#     --out DIR   where everything goes (nano in the cache folder)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

hours=8 steps='' epochs=16 resume='' seed=1 out=$cache/nano
while [ $# -gt 0 ]; do
  case $1 in
    --hours|--steps|--epochs|--seed|--out) [ $# -ge 2 ] || die "expected a value behind $1."; declare "${1#--}=$2"; shift 2 ;;
    --resume) resume=--resume; shift ;;
    *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; die "expected one of the options above, given $1." ;;
  esac
done
lorikeet=build/release/tools/lorikeet
python=$out/python/bin/python

# Percent of the steps for the words alone, and for the first stage, in which the visual experts are left out: of what is left.
words_share=10
stage_1_share=40
tower='vision_tower\.vision_tower\.vision_model\.(embeddings|pre_layrnorm|encoder)'
words='model\.(embed_tokens|layers|norm)\..*'
stage_1="model\\.($tower|mm_projector|embed_tokens|layers|norm)\\..*"
stage_2="model\\.($tower|mm_projector|moe_model|embed_tokens|layers|norm)\\..*"
common=(--method full --train lm_head.weight --in-order --packed --batch 128 --max-tokens 2048 --accumulate 1
        --clip 1 --weight-decay 0.01 --seed "$seed" --save-every 200)

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
  once split split_data
  once evaluation nano evaluation --things "$out/things.json" --glyphs "$out/glyphs" --out "$out/evaluation"
  once tokenizer nano tokenizer --things "$out/things.json" --out "$out/tokenizer"
  once model nano model --tokenizer "$out/tokenizer" --out "$out/untrained" --seed "$seed"
}

train() {  # DATA FROM INTO STEPS, then more options
  local data=$1 from=$2 into=$3 number=$4; shift 4
  "$lorikeet" finetune -m "$from" "$out/data/$data.jsonl" "${common[@]}" --out "$into" --steps "$number" --lr 1e-3 \
    --warmup $((number / 20)) "$@"
}

# --resume, where it was asked for and there is something to go on from.
again() { [ -z "$resume" ] || [ ! -f "$out/$1/checkpoint.safetensors" ] || echo --resume; }

# The second stage goes on in the file where the first one stops.
split_data() {
  local all first
  all=$(wc -l < "$out/data/train.jsonl")
  first=$((all * stage_1_share / 100))
  head -n "$first" "$out/data/train.jsonl" > "$out/data/stage1.jsonl"
  tail -n +$((first + 1)) "$out/data/train.jsonl" > "$out/data/stage2.jsonl"
}

# Steps that fit into the hours: the difference between two short runs, so that loading and compiling do not count.
time_steps() {
  local begin middle end
  rm -rf "$out/timed"
  begin=$(date +%s)
  train stage2 "$out/untrained" "$out/timed/2" 2 --train "$stage_2"
  middle=$(date +%s)
  train stage2 "$out/untrained" "$out/timed/8" 8 --train "$stage_2"
  end=$(date +%s)
  awk -v h="$hours" -v a=$((middle - begin)) -v b=$((end - middle)) 'BEGIN {
    s = (b - a) / 6; if (s < 0.05) s = 0.05; n = int(h * 3600 / s); print n < 20 ? 20 : n }' > "$out/steps"
}

train_all() {
  if [ -n "$steps" ]; then echo "$steps" > "$out/steps"
  elif [ -z "$resume" ] || [ ! -f "$out/steps" ]; then say "timing steps"; time_steps; fi
  local all begin first stage
  all=$(cat "$out/steps")
  begin=$((all * words_share / 100))
  first=$(((all - begin) * stage_1_share / 100))
  [ -n "$resume" ] || for stage in words stage1 stage2; do rm -rf "$out/$stage" "$out/done/$stage"; done
  once words train words "$out/untrained" "$out/words" "$begin" --schedule constant --train "$words" $(again words)
  once stage1 train stage1 "$out/words/model" "$out/stage1" "$first" --schedule constant --train "$stage_1" --no-experts $(again stage1)
  once stage2 train stage2 "$out/stage1/model" "$out/stage2" $((all - begin - first)) --schedule cosine --train "$stage_2" $(again stage2)
}

evaluate() {
  local model=$out/nano.gguf tests=$out/evaluation part
  "$lorikeet" convert -m "$out/stage2/model" "$model" --type q8_0
  for part in withheld validation test; do
    "$lorikeet" eval names -m "$model" --names "$tests/names.json" "$tests/$part.jsonl" --svg "$out/experts_$part.svg" \
      | tee "$out/names_$part.txt"
  done
  "$lorikeet" eval mmmb -m "$model" "$tests/choices" --answers "$out/answers" --max-tokens 8 | tee "$out/choices.txt"
  nano ablations --model "$out/stage2/model" --untrained "$out/untrained" --out "$out/ablations"
  for part in "$out"/ablations/*; do
    "$lorikeet" eval names -m "$part" --names "$tests/names.json" "$tests/test.jsonl" --answer-tokens 0 --limit 300 --json \
      > "$part.json"
  done
  for part in en zh pt ar tr ru; do
    "$lorikeet" eval names -m "$model" --names "$tests/names.json" "$tests/test.jsonl" --answer-tokens 0 --limit 300 \
      --route-by "$part" --json > "$out/ablations/routed-by-$part.json"
  done
}

prepare
make_data
train_all
evaluate
say "the model: $out/nano.gguf"
