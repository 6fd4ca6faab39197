// Dense models cut into experts: which rows and columns go where, and what is refused.
#include "frontend/factor.h"

#include "frontend/checkpoint/quant/quant.h"
#include "frontend/config.h"
#include "frontend/families/resolve.h"
#include "frontend/state_dict.h"
#include "runtime/base/text.h"
#include "tests/support/recorded.h"
#include "tests/support/small_model.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

// A weight as f32, wherever it lies.
std::vector<float> weight(const Checkpoint& files, const DecoderConfig& config, uint32_t layer, WeightRole role,
                          uint32_t expert = 0) {
  const WeightRef found = test::need(resolve(files, config, layer, role, expert));
  std::vector<float> all(found.tensor->elements());
  REQUIRE(dequantise(found.tensor->type, test::need(files.data(*found.tensor)), all).ok());
  uint64_t elements = 1;
  for (const uint64_t axis : expected_shape(config, role)) elements *= axis;
  const auto first = all.begin() + std::ptrdiff_t(found.first_row * found.tensor->columns());
  return {first, first + std::ptrdiff_t(elements)};
}

struct Opened {
  Checkpoint files;
  DecoderConfig config;
};

Opened opened(const std::filesystem::path& path) {
  Checkpoint files = test::need(Checkpoint::open(path));
  DecoderConfig config = test::need(DecoderConfig::from(files));
  return {std::move(files), std::move(config)};
}

ConvertReport factored(const Opened& dense, const std::filesystem::path& out, const FactorOptions& options) {
  return test::need(factor(dense.files, out, options));
}

// The experts are the dense rows and columns in the order that the file tells.
void check_experts(const Opened& dense, const Opened& cut) {
  const FactorConfig& factor = *cut.config.factor;
  const uint32_t hidden = dense.config.hidden, rows = dense.config.intermediate, width = rows / factor.experts;
  for (uint32_t layer = 0; layer < dense.config.layers; ++layer) {
    const auto gate = weight(dense.files, dense.config, layer, WeightRole::gate),
               up = weight(dense.files, dense.config, layer, WeightRole::up),
               down = weight(dense.files, dense.config, layer, WeightRole::down);
    for (uint32_t expert = 0; expert < factor.experts; ++expert) {
      const auto own_gate = weight(cut.files, cut.config, layer, WeightRole::slice_gate, expert),
                 own_up = weight(cut.files, cut.config, layer, WeightRole::slice_up, expert),
                 own_down = weight(cut.files, cut.config, layer, WeightRole::slice_down, expert);
      size_t wrong = 0;
      for (uint32_t i = 0; i < width; ++i) {
        const uint32_t at = expert * width + i, row = factor.order.empty() ? at : factor.order[layer * rows + at];
        for (uint32_t c = 0; c < hidden; ++c) {
          wrong += own_gate[i * hidden + c] != gate[row * hidden + c];
          wrong += own_up[i * hidden + c] != up[row * hidden + c];
          wrong += own_down[c * width + i] != down[c * rows + row];
        }
      }
      CHECK(wrong == 0);
    }
  }
}

}  // namespace

TEST_CASE("factor: experts are slices of the dense layers, and the file tells which", "[factor]") {
  const test::TemporaryFolder folder;
  for (const char* type : {"llama", "qwen2"}) {
    test::write_directory(test::small_model({.model_type = type, .qkv_bias = type == std::string("qwen2")}),
                          folder / type);
    const Opened dense = opened(folder / type);
    const FactorOptions cases[] = {
        {.experts = 4, .active = 2},
        {.experts = 3, .active = 1, .output_scale = FactorScale::exact, .split = FactorSplit::permutation, .seed = 7},
        {.experts = 1, .active = 1}};
    for (const FactorOptions& options : cases) {
      factored(dense, folder / "cut.gguf", options);
      const Opened cut = opened(folder / "cut.gguf");
      REQUIRE(cut.config.factor);
      const FactorConfig& facts = *cut.config.factor;
      CHECK(facts.experts == options.experts);
      CHECK(facts.active == options.active);
      CHECK(facts.output_scale == options.output_scale);
      CHECK(facts.split == options.split);
      CHECK(facts.order.size() == (facts.split == FactorSplit::contiguous ? 0 : 2u * 96));
      REQUIRE(check_weights(cut.files, cut.config).ok());
      check_experts(dense, cut);

      // A conversion keeps what it says and the values.
      test::need(convert(cut.files, folder / "again.gguf", {.type = DType::f32}));
      const Opened again = opened(folder / "again.gguf");
      REQUIRE(again.config.factor);
      CHECK(again.config.factor->order == facts.order);
      check_experts(dense, again);
      CHECK(weight(again.files, again.config, 1, WeightRole::slice_router) ==
            weight(cut.files, cut.config, 1, WeightRole::slice_router));
    }
  }
}

TEST_CASE("factor: quantised rows stay as they are; columns too where experts are whole blocks", "[factor]") {
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({.intermediate = 128}), folder / "m");
  const Checkpoint source = test::need(Checkpoint::open(folder / "m"));
  test::need(convert(source, folder / "dense.gguf", {.type = DType::q8_0}));
  const Opened dense = opened(folder / "dense.gguf");
  CHECK(factored(dense, folder / "whole.gguf", {.experts = 4, .active = 2}).notices.empty());
  const Opened whole = opened(folder / "whole.gguf");
  CHECK(whole.files.find("blk.1.ffn_down_exps.weight")->type == DType::q8_0);
  check_experts(dense, whole);

  const ConvertReport halves = factored(dense, folder / "halves.gguf", {.experts = 8, .active = 2});
  REQUIRE(halves.notices.size() == 1);
  CHECK(halves.notices[0] ==
        "2 tensors, blk.0.ffn_down_exps.weight for one, have 16 columns, which do not divide into blocks of q8_0; they "
        "are written as f16.");
  CHECK(opened(folder / "halves.gguf").files.find("blk.0.ffn_gate_exps.weight")->type == DType::q8_0);

  const ConvertReport moved =
      factored(dense, folder / "moved.gguf", {.experts = 4, .active = 2, .split = FactorSplit::permutation});
  REQUIRE(moved.notices.size() == 1);
  CHECK(moved.notices[0] ==
        "The columns of blk.0.ffn_down_exps.weight and its like change places, so they leave their blocks of q8_0 and "
        "are quantised again, which loses a little.");
}

TEST_CASE("factor: numbers that do not fit are refused with a sentence", "[factor]") {
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({}), folder / "m");
  const Opened dense = opened(folder / "m");
  const auto refused = [&](const Opened& source, const FactorOptions& options) {
    const auto made = factor(source.files, folder / "no.gguf", options);
    REQUIRE_FALSE(made);
    CHECK_FALSE(std::filesystem::exists(folder / "no.gguf"));
    return made.error().message;
  };
  CHECK(refused(dense, {.experts = 5, .active = 2}) ==
        "[factor] the feed-forward layers have 96 rows, which 5 experts cannot share equally; a number that divides 96 "
        "was expected.");
  CHECK(refused(dense, {.experts = 4, .active = 5}) ==
        "[factor] a row goes through 1 to 4 experts (all of them), 5 were given.");
  CHECK(refused(dense, {.split = FactorSplit::permutation, .order = std::vector<uint32_t>(96, 3)}) ==
        "[factor] the given split: the order of the split in layer 0 must name each of the 96 rows once, 3 occurs "
        "twice.");
  factored(dense, folder / "cut.gguf", {});
  CHECK(
      refused(opened(folder / "cut.gguf"), {}) ==
      join("[factor] ", (folder / "cut.gguf").string(), " is cut into 4 experts already; a dense model was expected."));
}

TEST_CASE("factor: the state dict of a factored model has its weights, and the dense ones if wished", "[factor]") {
  const test::TemporaryFolder folder;
  for (const char* type : {"llama", "qwen2"}) {
    test::write_directory(test::small_model({.model_type = type, .qkv_bias = type == std::string("qwen2")}),
                          folder / type);
    const Opened dense = opened(folder / type);
    for (const FactorSplit split : {FactorSplit::contiguous, FactorSplit::permutation}) {
      INFO(type << ", " << name(split));
      factored(dense, folder / "cut.gguf", {.experts = 4, .active = 3, .split = split, .whole_layers = {1}});
      const Opened cut = opened(folder / "cut.gguf");
      for (const bool copies : {false, true}) {
        std::filesystem::remove_all(folder / "out");
        const StateDictOptions options{.type = DType::f32, .dense_copies = copies};
        const StateDictReport report = test::need(write_state_dict(cut.files, folder / "out", options));
        CHECK_FALSE(write_state_dict(cut.files, folder / "out", options));  // nothing that is there is replaced
        REQUIRE(report.notices.size() == 1);                                // the tokenizer
        const Opened out = opened(folder / "out");
        REQUIRE(out.config.factor);
        CHECK(out.config.factor->active == 3);
        CHECK(out.config.factor->split == split);
        CHECK(out.config.factor->order == cut.config.factor->order);
        CHECK(out.config.factor->whole_layers == std::vector<uint32_t>{1});
        REQUIRE(check_weights(out.files, out.config).ok());
        check_experts(dense, out);
        for (const WeightRole role : {WeightRole::q, WeightRole::k, WeightRole::o, WeightRole::attn_norm})
          CHECK(weight(out.files, out.config, 1, role) == weight(dense.files, dense.config, 1, role));
        CHECK(weight(out.files, out.config, 1, WeightRole::slice_router) ==
              weight(cut.files, cut.config, 1, WeightRole::slice_router));
        // Neighbours are views of the dense matrices; others are there twice.
        const uint64_t experts = 3 * 96 * uint64_t(dense.config.hidden) * 2 * 4;  // of both layers, in bytes
        const bool twice = copies && split != FactorSplit::contiguous;
        CHECK((report.bytes > cut.files.file_bytes() + experts / 2) == twice);
        const TensorInfo* copy = out.files.find("model.layers.0.mlp.down_proj.weight");
        CHECK((copy != nullptr) == copies);
        if (!copy) continue;
        std::vector<float> values(copy->elements());
        REQUIRE(dequantise(copy->type, test::need(out.files.data(*copy)), values).ok());
        CHECK(values == weight(dense.files, dense.config, 0, WeightRole::down));
      }
    }
  }
  const Opened dense = opened(folder / "llama");
  const auto refused = write_state_dict(dense.files, folder / "none", {.dense_copies = true});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("is not cut into experts") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "none"));
  REQUIRE(write_state_dict(dense.files, folder / "whole", {.type = DType::bf16}).ok());  // a dense model is one too
  CHECK(opened(folder / "whole").files.find("model.layers.0.mlp.up_proj.weight")->type == DType::bf16);
}
