// Mutated safetensors files.
#include "frontend/checkpoint/safetensors.h"
#include "tests/support/fuzz.h"

using namespace lorikeet;

namespace {

std::string file_of(const std::string& header, size_t data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(data, 'x');
}

}  // namespace

int main() {
  const std::vector<std::string> seeds = {
      file_of(
          R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})",
          32),
      file_of(
          R"({"x":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"y":{"dtype":"U8","shape":[0,7],"data_offsets":[8,8]}})",
          8),
      file_of("{}", 0),
  };
  return test::fuzz("safetensors", seeds, [](std::span<const std::byte> bytes) {
    const auto parsed = parse_safetensors(bytes, "fuzzed.safetensors");
    if (!parsed) return;
    volatile std::byte touched{};
    for (const TensorInfo& tensor : parsed->tensors)
      if (tensor.bytes > 0) touched = bytes[tensor.offset + tensor.bytes - 1];
    (void)touched;
  });
}
