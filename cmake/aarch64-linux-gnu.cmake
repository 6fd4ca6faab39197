# Debian's cross compiler with the libraries of its arm64 packages; see tools/cross.sh.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# Header-only packages describe themselves in /usr/share and /usr/lib/cmake.
list(APPEND CMAKE_PREFIX_PATH /usr)
