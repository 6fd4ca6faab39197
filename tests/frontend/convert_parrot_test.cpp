// A Parrot as one GGUF file: names, keys, values, and what is refused.
#include <cstring>

#include "frontend/checkpoint/gguf.h"
#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/checkpoint/quant/quant.h"
#include "frontend/convert.h"
#include "frontend/families/resolve.h"
#include "frontend/picture_gguf.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

using namespace lorikeet;

namespace {

#define NEED_PARROT() \
  if (!test::shared_golden("parrot")) LK_SKIP(no_shared_goldens, "parrot")

Checkpoint opened(const std::filesystem::path& path) {
  auto checkpoint = Checkpoint::open(path);
  if (!checkpoint) FAIL(checkpoint.error().message);
  return std::move(checkpoint).value();
}

Checkpoint parrot(const std::string& name) { return opened(*test::shared_golden("parrot/" + name)); }

ConvertReport converted(const Checkpoint& source, const std::filesystem::path& out, DType type) {
  auto report = convert(source, out, {.type = type});
  if (!report) FAIL(report.error().message);
  return std::move(report).value();
}

std::vector<float> weight(const Checkpoint& checkpoint, const DecoderConfig& config, uint32_t layer, WeightRole role,
                          uint32_t expert) {
  const WeightRef found = resolve(checkpoint, config, layer, role, expert).value();
  std::vector<float> all(found.tensor->elements());
  REQUIRE(dequantise(found.tensor->type, checkpoint.data(*found.tensor).value(), all).ok());
  uint64_t elements = 1;
  for (uint64_t axis : expected_shape(config, role)) elements *= axis;
  const auto first = all.begin() + std::ptrdiff_t(found.first_row * found.tensor->columns());
  return {first, first + std::ptrdiff_t(elements)};
}

void check_same_weights(const Checkpoint& result, const Checkpoint& source) {
  const DecoderConfig config = DecoderConfig::from(source).value();
  for (const WeightName& name : config.family->weights)
    for (uint32_t layer = 0; has_role(config, name.role) && layer < repeats(config, name.role); ++layer)
      for (uint32_t expert = 0; expert < experts(config, name.role); ++expert) {
        INFO(name.gguf << " " << layer << " " << expert);
        CHECK(weight(result, config, layer, name.role, expert) == weight(source, config, layer, name.role, expert));
      }
}

void check_same_picture(const PictureConfig& a, const PictureConfig& b) {
  CHECK(a.tower_hidden == b.tower_hidden);
  CHECK(a.tower_intermediate == b.tower_intermediate);
  CHECK(a.tower_heads == b.tower_heads);
  CHECK(a.tower_layers == b.tower_layers);
  CHECK(a.side == b.side);
  CHECK(a.patch == b.patch);
  CHECK(a.norm_eps == b.norm_eps);
  CHECK(a.quick_gelu == b.quick_gelu);
  CHECK(a.class_token == b.class_token);
  CHECK(a.use_experts == b.use_experts);
  CHECK(a.longest_sequence == b.longest_sequence);
  if (b.use_experts) {
    CHECK(a.experts == b.experts);
    CHECK(a.expert_intermediate == b.expert_intermediate);
    CHECK(a.residual_weight == b.residual_weight);
  }
}

// The same numbers of a picture, to the last bit.
void check_same_preprocess(const PreprocessConfig& a, const PreprocessConfig& b) {
  Picture picture{48, 31, {}};
  for (int i = 0; i < 48 * 31 * 3; ++i) picture.rgb.push_back(uint8_t(i * 7 + i / 48));
  CHECK(pixel_values(picture, a).value() == pixel_values(picture, b).value());
}

// A converted Parrot with its keys and tensors changed, and what is said of it.
class Altered {
 public:
  Altered() : bytes_(write()), file_(parse_gguf(std::as_bytes(std::span(bytes_)), "m.gguf").value()) {
    for (const auto& entry : file_.metadata.entries()) header.copy(entry.key, entry.value);
  }

  // Only names and shapes count before the weights are read.
  std::string refusal(const std::string& tensor = "", const std::vector<uint64_t>& shape = {}) {
    for (const TensorInfo& own : file_.tensors) {
      if (own.name == tensor && shape.empty()) continue;
      REQUIRE(header.add_tensor(own.name, own.type, own.name == tensor ? shape : own.shape).ok());
    }
    auto writer = GgufWriter::create(folder_ / "altered.gguf", header);
    REQUIRE(writer.ok());
    for (const TensorInfo& own : header.tensors())
      REQUIRE(writer->write(std::vector<std::byte>(size_t(own.bytes))).ok());
    REQUIRE(writer->finish().ok());
    const Checkpoint checkpoint = opened(folder_ / "altered.gguf");
    const auto config = DecoderConfig::from(checkpoint);
    if (!config) return config.error().message;
    const Status checked = check_weights(checkpoint, *config);
    return checked ? "" : checked.error().message;
  }

  GgufHeader header;

 private:
  std::string write() {
    converted(parrot("model-fp32"), folder_ / "m.gguf", DType::f16);
    return read_text(folder_ / "m.gguf").value();
  }

  const test::TemporaryFolder folder_;
  const std::string bytes_;
  const GgufFile file_;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("convert: a Parrot keeps its numbers and every value") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  struct Case {
    const char* name;
    DType type;
  };
  // A copy in f16 serves as a checkpoint in f16.
  converted(parrot("model-fp32"), folder / "half.gguf", DType::f16);
  for (const Case& c : {Case{"model-fp32", DType::f32}, {"model-bf16", DType::bf16}, {"", DType::f16}}) {
    INFO(c.name << " " << name(c.type));
    const Checkpoint source = *c.name ? parrot(c.name) : opened(folder / "half.gguf");
    const ConvertReport report = converted(source, folder / "m.gguf", c.type);
    CHECK(report.output_bytes == std::filesystem::file_size(folder / "m.gguf"));
    const Checkpoint result = opened(folder / "m.gguf");
    const DecoderConfig config = DecoderConfig::from(result).value(), before = DecoderConfig::from(source).value();
    CHECK(config.family == &kParrot);
    CHECK(config.eos_ids == before.eos_ids);
    CHECK(config.windows == before.windows);
    check_same_picture(*config.picture, *before.picture);
    check_same_preprocess(config.picture->preprocess, before.picture->preprocess);
    check_same_weights(result, source);
  }
}

TEST_CASE("convert: the tensors of a Parrot have llama.cpp's names, small ones stay f32") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  const ConvertReport report = converted(parrot("model-fp32"), folder / "m.gguf", DType::q8_0);
  converted(opened(folder / "m.gguf"), folder / "again.gguf", DType::q4_0);
  for (const char* file : {"m.gguf", "again.gguf"}) {
    INFO(file);
    const Checkpoint result = opened(folder / file);
    const DType type = file[0] == 'm' ? DType::q8_0 : DType::q4_0;
    const auto is = [&](const char* name, DType wanted, const std::vector<uint64_t>& shape) {
      INFO(name);
      const TensorInfo* tensor = result.find(name);
      REQUIRE(tensor);
      CHECK(tensor->type == wanted);
      CHECK(tensor->shape == shape);
    };
    is("v.class_embd", DType::f32, {64});
    is("v.patch_embd.weight", DType::f16, {64, 3, 14, 14});
    is("v.position_embd.weight", DType::f32, {17, 64});
    is("v.blk.2.ffn_down.weight", type, {64, 160});
    is("v.blk.2.attn_q.bias", DType::f32, {64});
    is("mm.0.weight", type, {96, 64});
    is("mm.2.weight", type, {96, 96});
    is("mm.ffn_gate_inp.weight", DType::f32, {6, 96});
    is("mm.ffn_gate_exps.weight", type, {6, 128, 96});
    is("mm.ffn_up_exps.weight", type, {6, 128, 96});
    is("mm.ffn_down_exps.weight", type, {6, 96, 128});
    CHECK_FALSE(result.find("v.blk.3.ln1.weight"));  // of four layers the last is not run
    CHECK(DecoderConfig::from(result)->picture->tower_layers == 3);
  }
  bool patch = false, unused = false;
  for (const std::string& notice : report.notices) {
    patch |= contains(notice, "v.patch_embd.weight has 14 columns");
    unused |= contains(notice, "18 tensors are of no use to the model and are left out");
  }
  CHECK(patch);
  CHECK(unused);
}

TEST_CASE("convert: a Parrot without experts, and one that is cut short") {
  NEED_PARROT();
  const auto golden = *test::shared_golden("parrot");
  for (const char* variant : {"use_moe_false", "truncate", "moe_keys_absent", "use_moe_residual_false"}) {
    INFO(variant);
    const test::TemporaryFolder folder;
    std::filesystem::copy(golden / "model-fp32", folder / "m");
    std::filesystem::copy(golden / "openai", folder / "openai", std::filesystem::copy_options::recursive);
    std::filesystem::permissions(folder / "m", std::filesystem::perms::owner_all);
    std::filesystem::remove(folder / "m/config.json");
    std::filesystem::copy_file(golden / "variants" / variant / "config.json", folder / "m/config.json");
    const Checkpoint source = opened(folder / "m");
    converted(source, folder / "m.gguf", DType::f32);
    const Checkpoint result = opened(folder / "m.gguf");
    check_same_picture(*DecoderConfig::from(result)->picture, *DecoderConfig::from(source)->picture);
    check_same_weights(result, source);
    CHECK((result.find("mm.ffn_gate_inp.weight") == nullptr) == (std::string_view(variant) == "use_moe_false"));
  }
}

TEST_CASE("convert: every number of a picture's way goes through the keys") {
  PictureConfig given;
  given.tower_hidden = 48, given.tower_intermediate = 80, given.tower_heads = 3, given.tower_layers = 5;
  given.side = 60, given.patch = 12, given.norm_eps = 1e-6f, given.quick_gelu = false, given.class_token = false;
  given.experts = 9, given.expert_intermediate = 40, given.residual_weight = 0.3f, given.longest_sequence = 7;
  PreprocessConfig& steps = given.preprocess;
  steps.crop_height = steps.crop_width = 60, steps.shortest_edge = 66, steps.pad_to_square = true;
  steps.mean = {0.5, 0.25, 0.125}, steps.deviation = {0.2, 0.3, 0.4};
  for (int variant = 0; variant < 4; ++variant) {
    INFO(variant);
    steps.rescale = variant != 1;
    steps.normalize = variant != 2;
    steps.resize = steps.center_crop = variant != 3;
    steps.alpha = variant == 0 ? AlphaPolicy::blend : AlphaPolicy::drop;
    const test::TemporaryFolder folder;
    GgufHeader header;
    header.set_text("general.architecture", "parrot");
    set_picture(header, given);
    auto writer = GgufWriter::create(folder / "m.gguf", header);
    REQUIRE(writer.ok());
    REQUIRE(writer->finish().ok());
    const PictureConfig read = gguf_picture(opened(folder / "m.gguf").metadata(), "m.gguf").value();
    check_same_picture(read, given);
    check_same_preprocess(read.preprocess, steps);
    CHECK(read.preprocess.alpha == steps.alpha);
  }
}

TEST_CASE("convert: a Parrot whose file is not whole is refused with what is wrong") {
  NEED_PARROT();
  CHECK(Altered().refusal() == "");
  CHECK(contains(Altered().refusal("mm.ffn_up_exps.weight"),
                 "tensor mm.ffn_up_exps.weight of shape (6, 128, 96) is missing."));
  CHECK(contains(Altered().refusal("mm.ffn_down_exps.weight", {5, 96, 128}),
                 "tensor mm.ffn_down_exps.weight must have the shape (6, 96, 128), it has (5, 96, 128)."));
  CHECK(contains(Altered().refusal("mm.2.weight", {96, 64}),
                 "tensor mm.2.weight must have the shape (96, 96), it has (96, 64)."));
  CHECK(contains(Altered().refusal("v.blk.1.ln2.bias"), "tensor v.blk.1.ln2.bias of shape (64) is missing."));
  struct Case {
    const char* key;
    uint32_t value;
    const char* says;
  };
  for (const Case& c : {Case{"parrot.expert_count", 5, "tensor mm.ffn_gate_inp.weight must have the shape (5, 96)"},
                        {"parrot.expert_count", 5000, "parrot.expert_count must be between 1 and 1024, it is 5000."},
                        {"parrot.expert_feed_forward_length", 64, "must have the shape (6, 64, 96), it has (6, 128"},
                        {"clip.vision.embedding_length", 128, "tensor v.class_embd must have the shape (128)"},
                        {"clip.vision.block_count", 4, "tensor v.blk.3.ln1.weight of shape (64) is missing."},
                        {"clip.vision.attention.head_count", 5, "the vision tower's size is 64, which 5 heads"},
                        {"clip.vision.attention.head_count", 0, "must be between 1 and"},
                        {"clip.vision.patch_size", 15, "a picture of 56 is not cut evenly into patches of 15."},
                        {"clip.vision.image_size", 70, "tensor v.position_embd.weight must have the shape (26, 64)"},
                        {"clip.vision.image_size", 1000000, "clip.vision.image_size must be between 1 and 16384"},
                        {"parrot.vision.class_token", 1, "parrot.vision.class_token"},
                        {"clip.vision.image_mean", 1, "clip.vision.image_mean"}}) {
    INFO(c.key << " " << c.value);
    Altered file;
    file.header.set_natural(c.key, c.value);
    const std::string refusal = file.refusal();
    INFO(refusal);
    CHECK(contains(refusal, c.says));
  }
  for (const char* key : {"clip.vision.image_size", "clip.vision.attention.layer_norm_epsilon", "clip.use_gelu",
                          "clip.vision.image_std", "parrot.vision.pad_to_square", "parrot.vision.rescale_factor",
                          "parrot.expert_count", "parrot.expert_residual_weight", "parrot.longest_sequence"}) {
    INFO(key);
    Altered file;
    file.header.remove(key);
    CHECK(contains(file.refusal(), key));
  }
  Altered file;
  file.header.set_numbers("clip.vision.image_std", {0.5f, 0.5f});
  CHECK(contains(file.refusal(), "clip.vision.image_std must be three numbers, it has 2."));
  Altered melted;
  melted.header.set_text("parrot.vision.alpha_policy", "melt");
  CHECK(contains(melted.refusal(), "parrot.vision.alpha_policy is \"melt\", expected drop or blend."));
}

TEST_CASE("convert: a Parrot's directory without its vision tower's folder is refused") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  std::filesystem::copy(*test::shared_golden("parrot/model-fp32"), folder / "m");
  const auto refused = convert(opened(folder / "m"), folder / "m.gguf", {.type = DType::f16});
  REQUIRE_FALSE(refused.ok());
  CHECK(contains(refused.error().message, "give its folder with --vision."));
  CHECK_FALSE(std::filesystem::exists(folder / "m.gguf"));
  const auto tower = *test::shared_golden("parrot/openai/clip-vit-tiny-patch14-56");
  auto source = Checkpoint::open(folder / "m", tower);
  REQUIRE(source.ok());
  converted(*source, folder / "m.gguf", DType::f16);
  CHECK_FALSE(Checkpoint::open(folder / "m", folder / "none").ok());
}
