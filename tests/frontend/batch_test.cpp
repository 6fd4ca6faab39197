// Batches: their order and their rows.
#include "frontend/dataset/batch.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/dataset/random.h"
#include "tests/support/golden_tokenizers.h"

namespace lorikeet::test {
namespace {

using Ids = std::vector<int32_t>;
using Examples = std::vector<uint32_t>;

template <class T>
T good(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *std::move(result);
}

template <class T>
std::string failure(const Result<T>& result) {
  REQUIRE(!result);
  return result.error().message;
}

// Examples of so many tokens: 10, 11, 12, ... each.
Dataset dataset_of(const std::vector<int>& lengths, LabelRule labels = LabelRule::standard) {
  std::vector<ExampleRecord> records;
  for (const int length : lengths) {
    ExampleRecord record{.kind = RecordKind::ids};
    for (int i = 0; i < length; ++i) record.ids.push_back(10 + i);
    records.push_back(std::move(record));
  }
  return good(Dataset::make(records, "made", dynmole_tokenizer(), {.encoding = {.labels = labels}}));
}

std::vector<Examples> epoch_of(BatchOrder& order, uint64_t epoch) {
  std::vector<Examples> batches;
  for (uint64_t i = 0; i < order.batches(epoch); ++i) batches.push_back(good(order.examples({epoch, i})));
  return batches;
}

Examples flat(const std::vector<Examples>& batches) {
  Examples all;
  for (const Examples& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

}  // namespace

TEST_CASE("batches: random numbers are the same everywhere") {
  // Computed apart, from the definition.
  CHECK(random_bits(0, 0, 0) == 0x238275bc38fcbe91u);
  CHECK(random_bits(42, 3, 7) == 0x1db23cb359886f1cu);
  CHECK(permutation(10, 42, 0) == Examples{9, 4, 8, 1, 5, 0, 2, 6, 3, 7});
  CHECK(permutation(10, 42, 1) == Examples{4, 5, 7, 6, 9, 1, 3, 8, 0, 2});
  CHECK(permutation(0, 1, 1).empty());
  Examples many = permutation(1000, 7, 7);
  std::sort(many.begin(), many.end());
  for (uint32_t i = 0; i < many.size(); ++i) CHECK(many[i] == i);
}

TEST_CASE("batches: every example once an epoch, in an order that seed and epoch decide") {
  const Dataset dataset = dataset_of({3, 4, 5, 3, 4, 5, 3, 4, 5, 3});
  BatchOrder order = good(BatchOrder::create(dataset, {.examples = 4}));
  const auto first = epoch_of(order, 0), second = epoch_of(order, 1);
  CHECK(first.size() == 3);
  CHECK(first.back().size() == 2);
  CHECK(first != second);
  for (Examples all : {flat(first), flat(second)}) {
    std::sort(all.begin(), all.end());
    CHECK(all == Examples{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  }
  CHECK(flat(first) == permutation(10, 42, 0));
  // From any place on, the same batches: nothing but the place is needed.
  BatchOrder resumed = good(BatchOrder::create(dataset, {.examples = 4}));
  BatchPlace place{0, 1};
  CHECK(good(resumed.examples(place)) == first[1]);
  place = resumed.after(resumed.after(place));
  CHECK(place == BatchPlace{1, 0});
  CHECK(good(resumed.examples(place)) == second[0]);
  CHECK(good(resumed.examples({0, 2})) == first[2]);

  BatchOrder other = good(BatchOrder::create(dataset, {.examples = 4, .seed = 43}));
  CHECK(epoch_of(other, 0) != first);
  BatchOrder plain = good(BatchOrder::create(dataset, {.examples = 4, .shuffle = false, .drop_last = true}));
  CHECK(epoch_of(plain, 5) == std::vector<Examples>{{0, 1, 2, 3}, {4, 5, 6, 7}});
  BatchOrder sorted = good(BatchOrder::create(dataset, {.examples = 4, .shuffle = false, .longest_first = true}));
  CHECK(epoch_of(sorted, 0)[0] == Examples{2, 1, 0, 3});
}

TEST_CASE("batches: packed ones hold as many examples as their rows") {
  const Dataset dataset = dataset_of({3, 4, 5, 3, 4, 8});
  BatchOrder order =
      good(BatchOrder::create(dataset, {.layout = BatchLayout::packed, .examples = 0, .rows = 8, .shuffle = false}));
  CHECK(epoch_of(order, 0) == std::vector<Examples>{{0, 1}, {2, 3}, {4}, {5}});
  BatchOrder two =
      good(BatchOrder::create(dataset, {.layout = BatchLayout::packed, .examples = 2, .rows = 100, .shuffle = false}));
  CHECK(epoch_of(two, 0).size() == 3);
  BatchOrder mixed = good(BatchOrder::create(dataset, {.layout = BatchLayout::packed, .examples = 0, .rows = 9}));
  for (uint64_t epoch = 0; epoch < 4; ++epoch) {
    Examples all = flat(epoch_of(mixed, epoch));
    std::sort(all.begin(), all.end());
    CHECK(all == Examples{0, 1, 2, 3, 4, 5});
  }
}

TEST_CASE("batches: what makes none is a sentence") {
  const Dataset dataset = dataset_of({3, 9});
  CHECK(failure(BatchOrder::create(dataset, {.examples = 0})) ==
        "[dataset] expected at least 1 example a batch, given 0.");
  CHECK(failure(BatchOrder::create(dataset, {.multiple = 0})) ==
        "[dataset] expected a multiple of at least 1 row, given 0.");
  CHECK(failure(BatchOrder::create(dataset, {.examples = 3, .drop_last = true})) ==
        "[dataset] expected at least one whole batch of 3 examples, given 2 examples.");
  CHECK(failure(BatchOrder::create(dataset, {.layout = BatchLayout::packed, .rows = 8})) ==
        "[dataset] expected examples of at most 8 tokens, the rows of a packed batch, given one of 9.");
  BatchOrder order = good(BatchOrder::create(dataset, {.examples = 1}));
  CHECK(failure(order.examples({7, 2})) == "[dataset] expected a batch below 2 of epoch 7, given 2.");
  CHECK(failure(make_batch(dataset, {}, {})) == "[dataset] expected at least one example for a batch, given none.");
  CHECK(failure(make_batch(dataset, Examples{2}, {})) == "[dataset] expected examples below 2, given 2.");
  CHECK(failure(make_batch(dataset, Examples{0, 1}, {.layout = BatchLayout::packed, .rows = 11})) ==
        "[dataset] expected at most 11 rows in a packed batch, given 12.");
}

TEST_CASE("batches: padded to the longest, padding counts for nothing") {
  const Dataset dataset = dataset_of({2, 3});
  const Batch batch = good(make_batch(dataset, Examples{0, 1}, {}));
  CHECK(batch.tokens == Ids{10, 11, 0, 10, 11, 12});
  CHECK(batch.positions == Ids{0, 1, 2, 0, 1, 2});
  CHECK(batch.labels == Ids{11, -1, -1, 11, 12, -1});
  CHECK(batch.attended == std::vector<uint8_t>{1, 1, 0, 1, 1, 1});
  CHECK(batch.trained == 3);
  const float third = 1.0f / 3;
  CHECK(batch.weights == std::vector<float>{third, 0, 0, third, third, 0});
  REQUIRE(batch.sequences.size() == 2);
  CHECK(batch.sequences[0].length == 2);
  CHECK(batch.sequences[0].rows == 3);
  CHECK(batch.sequences[1].example == 1);
  CHECK(batch.sequences[1].first == 3);
  CHECK(good(make_batch(dataset, Examples{0, 1}, {.multiple = 4})).rows() == 8);
}

TEST_CASE("batches: packed sequences keep their own positions") {
  const Dataset dataset = dataset_of({2, 3});
  const Batch batch = good(make_batch(dataset, Examples{1, 0}, {.layout = BatchLayout::packed, .rows = 7}));
  CHECK(batch.tokens == Ids{10, 11, 12, 10, 11, 0, 0});
  CHECK(batch.positions == Ids{0, 1, 2, 0, 1, 0, 0});
  CHECK(batch.labels == Ids{11, 12, -1, 11, -1, -1, -1});
  CHECK(batch.attended == std::vector<uint8_t>{1, 1, 1, 1, 1, 0, 0});
  CHECK(batch.sequences[1].first == 3);
  CHECK(batch.sequences[1].rows == 2);
}

TEST_CASE("batches: the published rule learns padding, and never looks at a token that equals it") {
  const Dataset dataset = dataset_of({2, 3}, LabelRule::published);
  const Batch batch = good(make_batch(dataset, Examples{1, 0}, {}));
  CHECK(batch.tokens == Ids{10, 11, 12, 10, 11, 0});
  CHECK(batch.labels == Ids{11, 12, -1, 11, 0, -1});
  CHECK(batch.attended == std::vector<uint8_t>{1, 1, 1, 1, 1, 0});
  CHECK(batch.trained == 4);
  const ExampleRecord record{.kind = RecordKind::ids, .ids = {1, 0, 9}};
  const Dataset zero =
      good(Dataset::make({&record, 1}, "made", dynmole_tokenizer(), {.encoding = {.labels = LabelRule::published}}));
  CHECK(good(make_batch(zero, Examples{0}, {})).attended == std::vector<uint8_t>{1, 0, 1});
}

TEST_CASE("batches: the batch that the published trainer of adapters made") {
  const TensorFiles recorded = good(open_tensors(golden("dynmole/batch.safetensors")));
  const auto values = [&](std::string_view name) {
    const TensorInfo* info = recorded.find(name);
    REQUIRE(info);
    REQUIRE(info->shape == std::vector<uint64_t>{3, 41});
    std::vector<int64_t> wide(size_t(info->elements()));
    std::memcpy(wide.data(), good(recorded.data(*info)).data(), wide.size() * 8);
    return Ids(wide.begin(), wide.end());
  };
  const Ids ids = values("input_ids"), mask = values("attention_mask");
  const Tokenizer tokenizer = dynmole_tokenizer();
  std::string records;
  for (size_t row = 0; row < 3; ++row) {
    const size_t length =
        size_t(std::count(mask.begin() + ptrdiff_t(row * 41), mask.begin() + ptrdiff_t(row * 41 + 41), 1));
    const std::string text = tokenizer.decode(std::span(ids).subspan(row * 41, length), {.skip_special = true});
    const std::string begin = "### Instruction:\n", middle = "\n\n### Output:\n";
    const size_t border = text.find(middle);
    REQUIRE(text.starts_with(begin));
    REQUIRE(border != text.npos);
    const std::string answer = text.substr(border + middle.size());
    REQUIRE(answer.back() == '\n');
    records = nlohmann::json{{"instruction", text.substr(begin.size(), border - begin.size())},
                             {"output", answer.substr(0, answer.size() - 1)}}
                  .dump() +
              "\n" + records;  // the shortest first
  }
  const Dataset dataset =
      good(Dataset::parse(records, "made", tokenizer, {.encoding = {.labels = LabelRule::published}}));
  const BatchOptions options{.examples = 3, .shuffle = false, .longest_first = true};
  BatchOrder order = good(BatchOrder::create(dataset, options));
  Examples examples = good(order.examples({}));
  CHECK(examples[0] == 2);
  std::swap(examples[1], examples[2]);  // equally long: the recorded order is the other way round
  const Batch batch = good(make_batch(dataset, examples, options));
  CHECK(batch.tokens == ids);
  CHECK(Ids(batch.attended.begin(), batch.attended.end()) == mask);
  Ids shifted = values("labels");
  for (size_t row = 0; row < 3; ++row) {
    std::rotate(shifted.begin() + ptrdiff_t(row * 41), shifted.begin() + ptrdiff_t(row * 41 + 1),
                shifted.begin() + ptrdiff_t(row * 41 + 41));
    shifted[row * 41 + 40] = kNoLabel;
  }
  CHECK(batch.labels == shifted);
  CHECK(batch.trained == 3 * 40);
}

TEST_CASE("batches: the batch about pictures that the published trainer made") {
  const nlohmann::json recorded = nlohmann::json::parse(golden_text("parrot/training.json"));
  const Dataset dataset = good(Dataset::parse(recorded.at("samples").dump(), "samples.json", parrot_tokenizer(),
                                              {.encoding = {.visual_tokens = 17}}));
  const Batch batch = good(make_batch(dataset, Examples{1, 2, 0}, {}));  // s1, s2, s0
  REQUIRE(batch.rows() == 3 * 80);
  for (size_t s = 0; s < 3; ++s) {
    const Ids mask = recorded.at("batch").at("spliced_attention_mask")[s];
    const Ids labels = recorded.at("batch").at("spliced_labels")[s];
    const BatchSequence& sequence = batch.sequences[s];
    CHECK(sequence.length == std::count(mask.begin(), mask.end(), 1));
    Ids asked;
    for (size_t i = 0; i < 80; ++i) {
      const size_t row = s * 80 + i;
      CHECK(batch.attended[row] == mask[i]);
      const int32_t next = i + 1 < 80 ? labels[i + 1] : -100;
      CHECK(batch.labels[row] == (next == -100 ? kNoLabel : next));
      if (mask[i] == 1 && labels[i] == -100 && batch.tokens[row] >= 0) asked.push_back(batch.tokens[row]);
      if (mask[i] == 0) CHECK(batch.tokens[row] == 1020);
    }
    if (sequence.picture.empty()) {
      CHECK(sequence.picture_row == -1);
      CHECK(sequence.asked.empty());
      continue;
    }
    CHECK(sequence.asked == asked);
    for (int32_t v = 0; v < 17; ++v) CHECK(batch.tokens[size_t(sequence.picture_row + v)] == -1 - v);
  }
}

}  // namespace lorikeet::test
