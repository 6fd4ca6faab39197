// Reflection of hostile SPIR-V: never a crash, never more than the words say.
#include <cstring>

#include "runtime/device/kernel.h"
#include "shaders/embedded.h"
#include "tests/device/module.h"
#include "tests/support/fuzz.h"

using namespace lorikeet;

namespace {

std::string bytes_of(std::span<const uint32_t> words) {
  return std::string(reinterpret_cast<const char*>(words.data()), words.size_bytes());
}

}  // namespace

int main() {
  std::vector<std::string> seeds = {bytes_of(test::module_with_buffers(8)), bytes_of(test::module_with_constants())};
  for (const EmbeddedShader& shader : embedded_shaders())
    if (shader.words.size() < 3000 && seeds.size() < 16) seeds.push_back(bytes_of(shader.words));
  return test::fuzz("spirv", seeds, [](std::span<const std::byte> data) {
    std::vector<uint32_t> words(data.size() / 4);
    if (!words.empty()) std::memcpy(words.data(), data.data(), words.size() * 4);
    const SpecialisationConstant constants[] = {{0, 0}, {1, ~0u}};
    (void)reflect(words, constants);
  });
}
