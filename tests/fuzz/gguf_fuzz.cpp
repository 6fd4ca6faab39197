// Mutated GGUF files: parsing, and every look-up on what parses.
#include "frontend/checkpoint/gguf.h"
#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/checkpoint/vocabulary.h"
#include "runtime/base/file.h"
#include "tests/support/fuzz.h"
#include "tests/support/golden.h"

using namespace lorikeet;

namespace {

std::string small_file() {
  GgufHeader header;
  header.set_text("general.architecture", "llama");
  header.set_texts("tokenizer.ggml.tokens", {"<s>", "a", "b"});
  header.set_numbers("tokenizer.ggml.scores", {0, -1, -2});
  header.set_natural("llama.block_count", 1);
  (void)header.add_tensor("token_embd.weight", DType::q4_0, {2, 32});
  (void)header.add_tensor("output_norm.weight", DType::f32, {4});
  return header.bytes() + std::string(128, 'x');
}

void look_everything_up(const GgufMetadata& metadata) {
  for (const GgufMetadata::Entry& entry : metadata.entries()) {
    (void)metadata.natural(entry.key);
    (void)metadata.integer(entry.key);
    (void)metadata.number(entry.key);
    (void)metadata.flag(entry.key);
    (void)metadata.text(entry.key);
    (void)metadata.integers(entry.key);
    (void)metadata.numbers(entry.key);
    (void)metadata.flags(entry.key);
    (void)metadata.texts(entry.key);
  }
}

}  // namespace

int main() {
  std::vector<std::string> seeds = {small_file(), lorikeet::read_text(test::golden("quants/metadata.gguf")).value()};
  seeds.push_back(lorikeet::read_text(test::golden("quants/quants.gguf")).value().substr(0, 3000));
  return test::fuzz("gguf", seeds, [](std::span<const std::byte> bytes) {
    const auto parsed = parse_gguf(bytes, "fuzzed.gguf");
    if (!parsed) return;
    look_everything_up(parsed->metadata);
    (void)gguf_vocabulary(parsed->metadata);
    volatile std::byte touched{};
    for (const TensorInfo& tensor : parsed->tensors) touched = bytes[tensor.offset + tensor.bytes - 1];
    (void)touched;
  });
}
