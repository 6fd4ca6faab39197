// Mutated torch files, and mutated pickles alone, which reach deeper.
#include "frontend/checkpoint/tensor_files.h"
#include "frontend/checkpoint/torch_pickle.h"
#include "frontend/checkpoint/torch_zip.h"
#include "frontend/checkpoint/zip.h"
#include "runtime/base/file.h"
#include "tests/support/fuzz.h"
#include "tests/support/golden.h"

using namespace lorikeet;

int main() {
  const std::string whole = lorikeet::read_text(test::golden("torch/tiny.bin")).value();
  const auto entries = parse_zip(std::as_bytes(std::span(whole)), "tiny.bin");
  std::vector<std::string> seeds = {whole, lorikeet::read_text(test::golden("torch/protocol4.bin")).value()};
  for (const ZipEntry& entry : entries.value())
    if (entry.name.ends_with("data.pkl")) seeds.push_back(std::string(as_text(entry.bytes)));
  return test::fuzz("torch_zip", seeds, [](std::span<const std::byte> bytes) {
    (void)parse_torch_pickle(bytes, "fuzzed.pkl");
    const auto parsed = parse_torch_zip(bytes, "fuzzed.bin");
    if (!parsed) return;
    volatile std::byte touched{};
    for (const TensorInfo& tensor : *parsed) {
      uint64_t last = 0;  // of a strided view
      for (size_t axis = 0; axis < tensor.strides.size(); ++axis)
        last += (tensor.shape[axis] - 1) * tensor.strides[axis];
      const uint64_t size = tensor.strides.empty() ? tensor.bytes : (last + 1) * layout(tensor.type).bytes;
      if (size > 0 && tensor.bytes > 0) touched = bytes[tensor.offset + size - 1];
    }
    (void)touched;
  });
}
