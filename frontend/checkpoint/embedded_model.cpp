#include "frontend/checkpoint/embedded_model.h"

#ifdef LORIKEET_EMBEDDED_MODEL
// The assembler takes the file as it is; a path of the build, given by CMake.
#ifdef __APPLE__
#define LK_SECTION ".const_data\n"
#define LK_SYMBOL(name) "_" name
#elif defined(_WIN32)
#define LK_SECTION ".section .rdata, \"dr\"\n"
#define LK_SYMBOL(name) name
#else
#define LK_SECTION ".section .rodata\n"
#define LK_SYMBOL(name) name
#endif
__asm__(LK_SECTION ".balign 64\n.globl " LK_SYMBOL("lorikeet_embedded_begin") "\n" LK_SYMBOL(
    "lorikeet_embedded_begin") ":\n.incbin \"" LORIKEET_EMBEDDED_MODEL
                               "\"\n.globl " LK_SYMBOL("lorikeet_embedded_end") "\n" LK_SYMBOL(
                                   "lorikeet_embedded_end") ":\n.byte 0\n.text\n");
extern "C" const std::byte lorikeet_embedded_begin[], lorikeet_embedded_end[];
#endif

namespace lorikeet {

Bytes embedded_model() {
#ifdef LORIKEET_EMBEDDED_MODEL
  return {lorikeet_embedded_begin, lorikeet_embedded_end};
#else
  return {};
#endif
}

Result<MappedFile> open_file(const std::filesystem::path& path) {
  if (path == kEmbeddedModel && !embedded_model().empty()) return MappedFile::of(path, embedded_model());
  return MappedFile::open(path);
}

}  // namespace lorikeet
