#!/usr/bin/env bash
# Makes the machine ready to build and test Lorikeet. On Debian (12 or newer) and Ubuntu (24.04 or newer) it installs what is
# missing; elsewhere it checks for the programs and libraries and names the packages.
#   tools/setup.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if is_debian; then
  install_packages cmake ninja-build g++ pkg-config \
    glslang-tools libvulkan-dev libvulkan-volk-dev \
    nlohmann-json3-dev libcli11-dev libpcre2-dev libstb-dev libutf8proc-dev catch2 \
    mesa-vulkan-drivers vulkan-validationlayers python3-pip ca-certificates
  exit 0
fi

missing=()
for program in cmake ninja pkg-config python3; do command -v "$program" >/dev/null || missing+=("$program"); done
command -v g++ >/dev/null || command -v clang++ >/dev/null || missing+=("a C++20 compiler")
command -v glslang >/dev/null || command -v glslangValidator >/dev/null || missing+=(glslang)
if command -v pkg-config >/dev/null; then
  for library in libpcre2-8 libutf8proc; do pkg-config --exists "$library" || missing+=("$library"); done
fi
[ ${#missing[@]} -eq 0 ] && exit 0
cat >&2 <<TEXT
setup.sh: not found: $(IFS=,; echo "${missing[*]}" | sed 's/,/, /g'). This system is neither Debian nor Ubuntu, so please install the packages by hand:
  Fedora           cmake ninja-build gcc-c++ pkgconf glslang vulkan-headers vulkan-loader-devel vulkan-volk-devel json-devel
                   cli11-devel pcre2-devel stb_image-devel utf8proc-devel catch-devel mesa-vulkan-drivers vulkan-validation-layers
                   python3-pip
  Arch             cmake ninja gcc pkgconf glslang vulkan-headers vulkan-icd-loader volk nlohmann-json cli11 pcre2
                   stb libutf8proc catch2 vulkan-swrast vulkan-validation-layers python-pip
  macOS, Windows   cmake, ninja and a compiler; the libraries come from vcpkg.json: configure with
                   -DCMAKE_TOOLCHAIN_FILE=VCPKG/scripts/buildsystems/vcpkg.cmake (macOS needs MoltenVK as its driver)
TEXT
exit 1
