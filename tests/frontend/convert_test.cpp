#include "frontend/convert.h"

#include <cmath>
#include <cstring>

#include "frontend/checkpoint/gguf.h"
#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/checkpoint/quant/quant.h"
#include "frontend/checkpoint/vocabulary.h"
#include "frontend/families/resolve.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/small_model.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// A weight as f32 in Hugging Face order, wherever it lies.
std::vector<float> weight(const Checkpoint& checkpoint, const DecoderConfig& config, uint32_t layer, WeightRole role) {
  const auto found = resolve(checkpoint, config, layer, role);
  REQUIRE(found.ok());
  const TensorInfo& tensor = *found->tensor;
  std::vector<float> stored(tensor.elements()), ordered(tensor.elements());
  REQUIRE(dequantise(tensor.type, checkpoint.data(tensor).value(), stored).ok());
  const uint64_t columns = tensor.shape.size() == 1 ? 1 : tensor.columns();
  for (uint64_t row = 0; row < ordered.size() / columns; ++row)
    std::memcpy(&ordered[row * columns], &stored[found->file_row(row) * columns], columns * 4);
  return ordered;
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double error = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += std::pow(double(a[i]) - b[i], 2);
    norm += std::pow(double(b[i]), 2);
  }
  return std::sqrt(error / norm);
}

// The largest relative RMS difference of any weight of the two.
double largest_difference(const Checkpoint& a, const Checkpoint& b) {
  const DecoderConfig config = DecoderConfig::from(b).value();
  double largest = 0;
  for (const WeightName& name : config.family->weights) {
    if (!has_role(config, name.role)) continue;
    for (uint32_t layer = 0; layer < (is_layer_weight(name.role) ? config.layers : 1); ++layer)
      largest = std::max(largest, difference(weight(a, config, layer, name.role), weight(b, config, layer, name.role)));
  }
  return largest;
}

Checkpoint opened(const std::filesystem::path& path) {
  auto checkpoint = Checkpoint::open(path);
  REQUIRE(checkpoint.ok());
  return std::move(checkpoint).value();
}

ConvertReport converted(const Checkpoint& source, const std::filesystem::path& out, ConvertOptions options) {
  auto report = convert(source, out, options);
  INFO((report ? "" : report.error().message));
  REQUIRE(report.ok());
  return std::move(report).value();
}

void check_same_config(const DecoderConfig& a, const DecoderConfig& b) {
  CHECK(a.family == b.family);
  CHECK(a.layers == b.layers);
  CHECK(a.hidden == b.hidden);
  CHECK(a.heads == b.heads);
  CHECK(a.kv_heads == b.kv_heads);
  CHECK(a.head_dim == b.head_dim);
  CHECK(a.intermediate == b.intermediate);
  CHECK(a.vocabulary == b.vocabulary);
  CHECK(a.context_length == b.context_length);
  CHECK(a.rms_eps == b.rms_eps);
  CHECK(a.qkv_bias == b.qkv_bias);
  CHECK(a.o_bias == b.o_bias);
  CHECK(a.tied_embeddings == b.tied_embeddings);
  CHECK(a.windows == b.windows);
  CHECK(a.rope.attention_factor == Approx(b.rope.attention_factor));
  REQUIRE(a.rope.inverse_frequencies.size() == b.rope.inverse_frequencies.size());
  for (size_t i = 0; i < a.rope.inverse_frequencies.size(); ++i)
    CHECK(a.rope.inverse_frequencies[i] == Approx(b.rope.inverse_frequencies[i]));
}

}  // namespace

TEST_CASE("convert: a GGUF file is written byte for byte as it was read") {
  for (const char* name : {"quants/metadata.gguf", "quants/quants.gguf"}) {
    INFO(name);
    const std::string bytes = read_text(test::golden(name)).value();
    const GgufFile file = parse_gguf(std::as_bytes(std::span(bytes)), name).value();
    GgufHeader header;
    for (const auto& entry : file.metadata.entries()) header.copy(entry.key, entry.value);
    if (file.metadata.has("general.alignment")) header.set_alignment(uint32_t(file.alignment));
    for (const TensorInfo& tensor : file.tensors)
      REQUIRE(header.add_tensor(tensor.name, tensor.type, tensor.shape).ok());
    CHECK(header.file_bytes() == bytes.size());
    const test::TemporaryFolder folder;
    auto writer = GgufWriter::create(folder / "out.gguf", header);
    REQUIRE(writer.ok());
    for (const TensorInfo& tensor : file.tensors) {
      const Bytes data = std::as_bytes(std::span(bytes)).subspan(tensor.offset, tensor.bytes);
      REQUIRE(writer->write(data.first(data.size() / 2)).ok());  // in two pieces
      REQUIRE(writer->write(data.subspan(data.size() / 2)).ok());
    }
    CHECK_FALSE(std::filesystem::exists(folder / "out.gguf"));
    REQUIRE(writer->finish().ok());
    CHECK(read_text(folder / "out.gguf").value() == bytes);
  }
}

TEST_CASE("convert: a file that is not finished does not appear") {
  const test::TemporaryFolder folder;
  GgufHeader header;
  REQUIRE(header.add_tensor("a", DType::f32, {4}).ok());
  CHECK_FALSE(header.add_tensor("a", DType::f32, {4}).ok());
  CHECK_FALSE(header.add_tensor("b", DType::q4_0, {33}).ok());
  CHECK_FALSE(header.add_tensor("c", DType::u32, {4}).ok());
  {
    auto writer = GgufWriter::create(folder / "out.gguf", header);
    REQUIRE(writer.ok());
    const std::vector<std::byte> bytes(20);
    CHECK_FALSE(writer->write(bytes).ok());
    CHECK(writer->write(Bytes(bytes).first(8)).ok());
    CHECK_FALSE(writer->finish().ok());
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("convert: weights keep their values and their order, in both families") {
  struct Case {
    test::SmallModelOptions options;
    bool permuted;
  };
  const std::vector<Case> cases = {
      {{.model_type = "llama", .tied = true}, true},
      {{.model_type = "llama",
        .qkv_bias = false,
        .more =
            R"(,"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64})"},
       true},
      {{.model_type = "mistral", .more = R"(,"sliding_window":32)", .head_dim = 24}, true},
      {{.model_type = "qwen2",
        .qkv_bias = true,
        .more =
            R"(,"rope_scaling":{"type":"yarn","factor":4.0,"original_max_position_embeddings":256},"use_sliding_window":true,"sliding_window":64,"max_window_layers":1)"},
       false},
      {{.model_type = "qwen2",
        .tied = true,
        .qkv_bias = true,
        .more = R"(,"rope_scaling":{"type":"linear","factor":2.0})"},
       false},
  };
  for (const Case& c : cases) {
    INFO(c.options.model_type << c.options.more);
    const test::TemporaryFolder folder;
    test::write_directory(test::small_model(c.options), folder / "m");
    const Checkpoint source = opened(folder / "m");
    const DecoderConfig config = DecoderConfig::from(source).value();
    const ConvertReport report = converted(source, folder / "m.gguf", {.type = DType::f32});
    CHECK(report.output_bytes == std::filesystem::file_size(folder / "m.gguf"));
    const Checkpoint result = opened(folder / "m.gguf");
    const DecoderConfig again = DecoderConfig::from(result).value();
    check_same_config(again, config);
    CHECK((result.find("output.weight") == nullptr) == c.options.tied);
    CHECK(resolve(result, again, 0, WeightRole::q)->permuted() == c.permuted);
    CHECK(largest_difference(result, source) == 0);
    // In the file of a llama, row 1 of a head is row head_dim / 2 of Hugging Face's.
    const TensorInfo& stored = *result.find("blk.0.attn_q.weight");
    const TensorInfo& original = *source.find("model.layers.0.self_attn.q_proj.weight");
    const uint64_t row = stored.columns() * 4, other = (c.permuted ? config.head_dim / 2 : 1) * row;
    CHECK(std::memcmp(result.data(stored)->data() + row, source.data(original)->data() + other, row) == 0);
  }
}

TEST_CASE("convert: every type loads and is as near as it should be") {
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({.tied = true, .hidden = 256, .intermediate = 512, .head_dim = 64}),
                        folder / "m");
  const Checkpoint source = opened(folder / "m");
  const std::map<DType, double> limits = {
      {DType::f16, 1e-3},  {DType::bf16, 5e-3}, {DType::q8_0, 0.01}, {DType::q4_0, 0.12}, {DType::q4_1, 0.1},
      {DType::q5_0, 0.06}, {DType::q5_1, 0.05}, {DType::q4_k, 0.1},  {DType::q5_k, 0.05}, {DType::q6_k, 0.03}};
  for (const auto& [type, limit] : limits) {
    INFO(name(type));
    const ConvertReport report = converted(source, folder / "m.gguf", {.type = type});
    CHECK(report.notices.size() == 1);  // no tokenizer
    const Checkpoint result = opened(folder / "m.gguf");
    CHECK(result.find("blk.0.attn_q.weight")->type == type);
    CHECK(result.find("blk.0.attn_norm.weight")->type == DType::f32);
    const bool few_bits = type != DType::f16 && type != DType::bf16 && type != DType::q8_0;
    CHECK(result.find("token_embd.weight")->type == (few_bits ? DType::q6_k : type));
    const double error = largest_difference(result, source);
    INFO(error);
    CHECK(error < limit);
    CHECK(error > 0);
  }
}

TEST_CASE("convert: columns that do not divide into blocks get a type that fits, with a notice") {
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({.hidden = 64, .intermediate = 172}), folder / "m");
  const Checkpoint source = opened(folder / "m");
  const ConvertReport report = converted(source, folder / "m.gguf", {.type = DType::q4_k});
  const Checkpoint result = opened(folder / "m.gguf");
  CHECK(result.find("blk.0.attn_q.weight")->type == DType::q5_0);
  CHECK(result.find("blk.0.ffn_down.weight")->type == DType::f16);
  CHECK(result.find("output.weight")->type == DType::q8_0);
  bool noted = false;
  for (const std::string& notice : report.notices)
    noted |= contains(notice, "2 tensors, blk.0.ffn_down.weight for one, have 172 columns");
  CHECK(noted);
  CHECK(largest_difference(result, source) < 0.06);
}

TEST_CASE("convert: from GGUF to GGUF") {
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({}), folder / "m");
  converted(opened(folder / "m"), folder / "full.gguf", {.type = DType::f32});
  const Checkpoint full = opened(folder / "full.gguf");
  converted(full, folder / "half.gguf", {.type = DType::q8_0, .threads = 2});
  const Checkpoint half = opened(folder / "half.gguf");
  check_same_config(DecoderConfig::from(half).value(), DecoderConfig::from(full).value());
  CHECK(half.metadata().natural("general.file_type").value() == 7);
  CHECK(largest_difference(half, opened(folder / "m")) < 0.01);
  const ConvertReport again = converted(half, folder / "again.gguf", {.type = DType::q4_0});
  CHECK(contains(again.notices.front(), "quantised already"));
  CHECK_FALSE(convert(half, folder / "half.gguf", {.type = DType::f16}).ok());  // its own source
}

TEST_CASE("convert: a dry run and a cancelled run write nothing") {
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({}), folder / "m");
  const Checkpoint source = opened(folder / "m");
  const ConvertReport dry = converted(source, folder / "m.gguf", {.type = DType::f16, .dry_run = true});
  CHECK_FALSE(std::filesystem::exists(folder / "m.gguf"));
  uint64_t last = 0;
  const auto cancelled =
      convert(source, folder / "m.gguf", {.type = DType::f16, .progress = [&](uint64_t done, uint64_t total) {
                                            CHECK(total == dry.output_bytes);
                                            CHECK(done >= last);
                                            last = done;
                                            return done < total / 2;
                                          }});
  REQUIRE_FALSE(cancelled.ok());
  CHECK(cancelled.error().code == ErrorCode::cancelled);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  CHECK(converted(source, folder / "m.gguf", {.type = DType::f16}).output_bytes == dry.output_bytes);
  CHECK(std::filesystem::file_size(folder / "m.gguf") == dry.output_bytes);
  CHECK_FALSE(convert(source, folder / "n.gguf", {.type = DType::iq4_nl}).ok());
  CHECK_FALSE(convert(source, folder / "no/n.gguf", {.type = DType::f16}).ok());
}

TEST_CASE("convert: what f16 and blocks cannot hold is refused or kept") {
  const test::TemporaryFolder folder;
  test::SmallModel model = test::small_model({});
  model.values["model.layers.1.mlp.up_proj.weight"][7] = NAN;
  test::write_directory(model, folder / "m");
  const auto refused = convert(opened(folder / "m"), folder / "m.gguf", {.type = DType::q4_0});
  REQUIRE_FALSE(refused.ok());
  CHECK(contains(refused.error().message, "model.layers.1.mlp.up_proj.weight"));
  CHECK_FALSE(std::filesystem::exists(folder / "m.gguf"));
}

TEST_CASE("convert: the tokenizer in the file gives the same tokens") {
  const auto tokenizer = test::shared_golden("llm/tokenizers/smollm2.tokenizer.json");
  const auto dense = test::shared_golden("factorllm/dense");
  if (!tokenizer || !dense) LK_SKIP(no_shared_goldens, "llm/tokenizers");
  const test::TemporaryFolder folder;
  test::write_directory(test::small_model({.layers = 1, .vocabulary = 49200}), folder / "m");
  std::filesystem::copy_file(*tokenizer, folder / "m/tokenizer.json");
  folder.write("m/tokenizer_config.json",
               R"({"bos_token":"<|im_start|>","eos_token":"<|im_end|>","chat_template":"{{ 'x' }}"})");
  folder.write("m/generation_config.json", R"({"eos_token_id":[2,0]})");
  for (const std::filesystem::path& directory : {folder / "m", *dense}) {
    INFO(directory);
    converted(opened(directory), folder / "m.gguf", {.type = DType::f16});
    const Checkpoint result = opened(folder / "m.gguf");
    const GgufVocabulary vocabulary = gguf_vocabulary(result.metadata()).value();
    const Tokenizer given = Tokenizer::from_gguf(vocabulary).value();
    const std::string json = read_text(directory / "tokenizer.json").value(),
                      config = read_text(directory / "tokenizer_config.json").value();
    const Tokenizer wanted = Tokenizer::from_json({.tokenizer_json = json, .tokenizer_config = config}).value();
    for (const char* text : {"Hello, world!", " It's 1234 o'clock.\n\n\tDone", "<|im_start|>user\nhi<|im_end|>",
                             "\xe4\xbd\xa0\xe5\xa5\xbd caf\xc3\xa9 \xf0\x9f\x98\x80"}) {
      CHECK(given.encode(text).value() == wanted.encode(text).value());
      CHECK(given.encode(text, {.add_special = true}).value() == wanted.encode(text, {.add_special = true}).value());
    }
    CHECK(given.chat_template() == wanted.chat_template());
    CHECK(DecoderConfig::from(result)->eos_ids == DecoderConfig::from(opened(directory))->eos_ids);
    if (directory == *dense) continue;
    CHECK(vocabulary.pre == "smollm");
    CHECK(vocabulary.tokens.at(49199) == "[PAD49199]");
    CHECK(vocabulary.token_types.at(49199) == 5);
    CHECK(vocabulary.token_types.at(2) == 3);
  }
}
