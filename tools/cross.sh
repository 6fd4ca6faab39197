#!/usr/bin/env bash
# Checks portability by compiling for machines that this one is not (Debian only; needs root or sudo for the packages):
# for aarch64 Linux everything compiles and links, for 64-bit Windows (mingw-w64) runtime/ compiles. Nothing is run.
#   tools/cross.sh [aarch64|windows]...
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"
is_debian || die "the cross compilers and libraries come from Debian's packages, and this is no Debian."

aarch64() {
  say "aarch64-linux-gnu: everything"
  if ! dpkg --print-foreign-architectures | grep -qx arm64; then
    as_root dpkg --add-architecture arm64 || die "arm64 packages are needed: run 'dpkg --add-architecture arm64' as root."
    as_root apt-get update </dev/null >/dev/null
  fi
  install_packages g++-aarch64-linux-gnu libvulkan-dev:arm64 libpcre2-dev:arm64 libutf8proc-dev:arm64
  PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig \
    cmake --preset check -B build/aarch64 -DCMAKE_TOOLCHAIN_FILE="$root/cmake/aarch64-linux-gnu.cmake" >/dev/null
  cmake --build build/aarch64 --parallel "$(cores)"
}

windows() {
  say "x86_64-w64-mingw32: runtime/"
  install_packages g++-mingw-w64-x86-64-posix
  # Only the Vulkan headers, away from the C library's in /usr/include, which are those of another system.
  local headers=$root/build/windows/headers
  mkdir -p "$headers"
  cp -r /usr/include/vulkan /usr/include/volk.h /usr/include/volk.c "$headers/"
  if [ -d /usr/include/vk_video ]; then cp -r /usr/include/vk_video "$headers/"; fi
  cat > "$headers/VulkanHeadersConfig.cmake" <<'CMAKE'
add_library(Vulkan::Headers INTERFACE IMPORTED)
set_target_properties(Vulkan::Headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_CURRENT_LIST_DIR})
CMAKE
  cmake --preset check -B build/windows -DCMAKE_TOOLCHAIN_FILE="$root/cmake/x86_64-w64-mingw32.cmake" \
    -DLORIKEET_BUILD_TESTS=OFF -DLORIKEET_BUILD_TOOLS=OFF -DVulkanHeaders_DIR="$headers" -DVOLK_INCLUDE_DIR="$headers" >/dev/null
  cmake --build build/windows --parallel "$(cores)" --target lorikeet_runtime
}

[ $# -gt 0 ] || set -- aarch64 windows
for target in "$@"; do
  case $target in
    aarch64|windows) $target ;;
    *) die "unknown target '$target'; there are aarch64 and windows." ;;
  esac
done
