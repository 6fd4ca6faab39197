#!/usr/bin/env bash
# Runs a command with one software Vulkan device only, so that tests need no GPU.
#   tools/with-device.sh NAME COMMAND...
#     lavapipe, lavapipe-4, lavapipe-16   Mesa's, with subgroups of 8, 4 and 16
#     floor                               SwiftShader lowered to the portability floor (see docs/environment.md)
#     any                                 whatever the machine has
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
name=${1:?NAME: lavapipe, lavapipe-4, lavapipe-16, floor or any}; shift

# Debian ships SwiftShader inside its browser's package; the library is taken out, nothing is installed.
fetch_swiftshader() {
  local folder
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || die "SwiftShader comes from Debian's package chromium-common, and this is no Debian."
  mkdir -p "$cache"
  folder=$(mktemp -d "$cache/swiftshader.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  chmod 755 "$folder"
  (
    cd "$folder"
    apt-get download chromium-common || { as_root apt-get update && apt-get download chromium-common; }
    dpkg -x chromium-common_*.deb unpacked
  ) >/dev/null 2>&1 </dev/null || die "Debian's package chromium-common could not be fetched, so there is no floor device."
  mkdir -p "$cache/swiftshader"
  mv "$(find "$folder/unpacked" -name libvk_swiftshader.so | head -n 1)" "$cache/swiftshader/libvk_swiftshader.so"
  printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' \
    "$cache/swiftshader/libvk_swiftshader.so" > "$folder/icd.json"
  mv "$folder/icd.json" "$cache/swiftshader/icd.json"
  rm -rf "$folder"
  trap - EXIT
}

case $name in
  lavapipe)    export LP_NATIVE_VECTOR_WIDTH=256 ;;
  lavapipe-4)  export LP_NATIVE_VECTOR_WIDTH=128 ;;
  lavapipe-16) export LP_NATIVE_VECTOR_WIDTH=512 ;;
  floor)       export LORIKEET_HIDE=${LORIKEET_HIDE:-floor} ;;
  any)         exec "$@" ;;
  *)           die "unknown device '$name'; there are lavapipe, lavapipe-4, lavapipe-16, floor and any." ;;
esac
if [ "$name" = floor ]; then
  driver=$cache/swiftshader/icd.json
  [ -f "$driver" ] || fetch_swiftshader
else
  driver=
  for file in /usr/share/vulkan/icd.d/lvp_icd*.json; do [ -f "$file" ] && driver=$file; done
  [ -n "$driver" ] || die "Mesa's software driver is missing; tools/setup.sh installs it."
fi
export VK_DRIVER_FILES=$driver VK_ICD_FILENAMES=$driver
exec "$@"
