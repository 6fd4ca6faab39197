// Mutated training data, as lines and as an array: what is read is also made batches of.
#include <cstdio>
#include <cstdlib>

#include "frontend/dataset/batch.h"
#include "runtime/base/file.h"
#include "tests/support/fuzz.h"
#include "tests/support/golden.h"

namespace lorikeet::test {
namespace {

constexpr std::string_view kLines =
    "{\"text\": \"the \\u00fc river\"}\n"
    "{\"instruction\": \"Name it.\", \"input\": \"cold\", \"output\": \"river\"}\r\n\n"
    "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image\"}, {\"type\": \"text\", \"text\": \"?\"}]},"
    " {\"role\": \"assistant\", \"content\": \"yes\"}], \"image\": \"a.png\"}\n"
    "{\"input_ids\": [1, 5, 9], \"labels\": [-100, 5, 9]}\n";
constexpr std::string_view kArray =
    "[{\"conversations\": [{\"from\": \"human\", \"value\": \"<image>\\nWhat?\"}, {\"from\": \"gpt\", \"value\": "
    "\"A\"}],\n"
    "\"images\": [{\"path\": \"a.png\"}]}, {\"text\": \"]}\\\"\"}]";

void require(bool holds, const char* what) {
  if (holds) return;
  std::printf("FAIL: %s\n", what);
  std::abort();
}

Tokenizer tokenizer() {
  const auto json = read_text(golden("dynmole/tokenizer.json")),
             config = read_text(golden("dynmole/tokenizer_config.json"));
  require(json.ok() && config.ok(), "the tokenizer's files are missing");
  auto read = Tokenizer::from_json({.tokenizer_json = *json, .tokenizer_config = *config});
  require(read.ok(), "the tokenizer cannot be read");
  return *std::move(read);
}

void check(const Batch& batch) {
  int64_t trained = 0;
  for (const int32_t label : batch.labels) trained += label != kNoLabel;
  require(trained == batch.trained && trained > 0, "a batch has nothing to learn");
  for (const BatchSequence& sequence : batch.sequences)
    require(sequence.length <= sequence.rows && sequence.first + sequence.rows <= batch.rows(),
            "a sequence is outside of its batch");
}

void read(std::string_view text, const Tokenizer& tokenizer, const EncodingOptions& encoding) {
  const DatasetOptions options{.encoding = encoding, .max_tokens = 40, .skip_bad = true};
  const auto dataset = Dataset::parse(text, "fuzzed.jsonl", tokenizer, options);
  if (!dataset) return require(dataset.error().message.starts_with("[dataset] "), "an Error has no place");
  for (const auto layout : {BatchLayout::padded, BatchLayout::packed}) {
    const BatchOptions batches{.layout = layout, .examples = 2, .rows = 48};
    auto order = BatchOrder::create(*dataset, batches);
    require(order.ok(), "examples make no batches");
    for (BatchPlace place; place.epoch == 0; place = order->after(place)) {
      const auto examples = order->examples(place);
      require(examples.ok(), "a batch has no examples");
      const auto batch = make_batch(*dataset, *examples, batches);
      require(batch.ok(), "examples make no batch");
      check(*batch);
    }
  }
}

}  // namespace
}  // namespace lorikeet::test

int main() {
  using namespace lorikeet;
  using namespace lorikeet::test;
  const Tokenizer words = tokenizer();
  const auto target = [&](std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    read(text, words, {.answers_only = true});
    read(text, words, {.labels = LabelRule::published, .visual_tokens = 3});
  };
  return fuzz("dataset", {std::string(kLines), std::string(kArray)}, target);
}
