#include "frontend/picture_gguf.h"

#include <algorithm>

#include "frontend/config_fields.h"

namespace lorikeet {
namespace {

constexpr const char kSide[] = "clip.vision.image_size", kPatch[] = "clip.vision.patch_size",
                     kHidden[] = "clip.vision.embedding_length", kIntermediate[] = "clip.vision.feed_forward_length",
                     kLayers[] = "clip.vision.block_count", kHeads[] = "clip.vision.attention.head_count",
                     kEps[] = "clip.vision.attention.layer_norm_epsilon", kMean[] = "clip.vision.image_mean",
                     kDeviation[] = "clip.vision.image_std", kExactGelu[] = "clip.use_gelu";
constexpr const char kClassToken[] = "parrot.vision.class_token", kPad[] = "parrot.vision.pad_to_square",
                     kEdge[] = "parrot.vision.shortest_edge", kCrop[] = "parrot.vision.center_crop",
                     kRescale[] = "parrot.vision.rescale_factor", kNormalize[] = "parrot.vision.normalize",
                     kAlpha[] = "parrot.vision.alpha_policy", kExperts[] = "parrot.expert_count",
                     kExpertIntermediate[] = "parrot.expert_feed_forward_length",
                     kResidual[] = "parrot.expert_residual_weight", kLongest[] = "parrot.longest_sequence";

class Reader {
 public:
  Reader(const GgufMetadata& metadata, const std::string& file) : metadata_(metadata), file_(file) {}

  Result<PictureConfig> read() {
    LK_TRY(read_tower());
    LK_TRY(read_experts());
    LK_TRY(read_preprocess());
    LK_TRY(check_tower(config_, file_));
    return config_;
  }

 private:
  Result<uint32_t> count(const char* key, uint64_t limit = kMaximumCount) const {
    LK_ASSIGN(const uint64_t value, metadata_.natural(key));
    return checked_count(value, limit, file_, key);
  }
  Result<uint32_t> count_or_none(const char* key, uint64_t limit) const {
    LK_ASSIGN(const uint64_t value, metadata_.natural(key));
    return value == 0 ? Result<uint32_t>(0u) : checked_count(value, limit, file_, key);
  }

  Status read_tower() {
    LK_ASSIGN(config_.side, count(kSide, kMaximumSide));
    LK_ASSIGN(config_.patch, count(kPatch, kMaximumSide));
    LK_ASSIGN(config_.tower_hidden, count(kHidden));
    LK_ASSIGN(config_.tower_intermediate, count(kIntermediate));
    LK_ASSIGN(config_.tower_layers, count(kLayers, kMaximumLayers));
    LK_ASSIGN(config_.tower_heads, count(kHeads));
    LK_ASSIGN(const double eps, metadata_.number(kEps));
    config_.norm_eps = float(eps);
    LK_ASSIGN(const bool exact, metadata_.flag(kExactGelu));
    config_.quick_gelu = !exact;
    LK_ASSIGN(config_.class_token, metadata_.flag(kClassToken));
    return Done{};
  }

  Status read_experts() {
    LK_ASSIGN(config_.longest_sequence, count_or_none(kLongest, kMaximumCount));
    LK_ASSIGN(config_.experts, count_or_none(kExperts, kMaximumExperts));
    config_.use_experts = config_.experts > 0;
    if (!config_.use_experts) return Done{};
    LK_ASSIGN(config_.expert_intermediate, count(kExpertIntermediate));
    LK_ASSIGN(const double residual, metadata_.number(kResidual));
    config_.residual_weight = float(residual);
    return Done{};
  }

  Status read_preprocess() {
    PreprocessConfig& steps = config_.preprocess;
    LK_ASSIGN(steps.pad_to_square, metadata_.flag(kPad));
    LK_ASSIGN(const uint32_t edge, count_or_none(kEdge, kMaximumSide));
    steps.resize = edge > 0;
    if (steps.resize) steps.shortest_edge = int(edge);
    LK_ASSIGN(steps.center_crop, metadata_.flag(kCrop));
    steps.crop_height = steps.crop_width = int(config_.side);
    LK_ASSIGN(steps.rescale_factor, metadata_.number(kRescale));
    LK_ASSIGN(steps.normalize, metadata_.flag(kNormalize));
    LK_ASSIGN(const std::string_view alpha, metadata_.text_or(kAlpha, name(AlphaPolicy::drop)));
    const auto policy = alpha_policy(alpha);
    if (!policy) return corrupt(join(file_, ": ", kAlpha, " is \"", alpha, "\", expected drop or blend."));
    steps.alpha = *policy;
    LK_TRY(read_colour(kMean, steps.mean));
    LK_TRY(read_colour(kDeviation, steps.deviation));
    for (const double deviation : steps.deviation)
      if (deviation == 0) return corrupt(join(file_, ": ", kDeviation, " must not be 0."));
    return Done{};
  }

  Status read_colour(const char* key, std::array<double, 3>& value) const {
    LK_ASSIGN(const std::vector<double> numbers, metadata_.numbers(key));
    if (numbers.size() != value.size())
      return corrupt(join(file_, ": ", key, " must be three numbers, it has ", numbers.size(), "."));
    std::copy(numbers.begin(), numbers.end(), value.begin());
    return Done{};
  }

  const GgufMetadata& metadata_;
  const std::string& file_;
  PictureConfig config_;
};

}  // namespace

void set_picture(GgufHeader& header, const PictureConfig& config) {
  header.set_natural(kSide, config.side);
  header.set_natural(kPatch, config.patch);
  header.set_natural(kHidden, config.tower_hidden);
  header.set_natural(kIntermediate, config.tower_intermediate);
  header.set_natural(kLayers, config.tower_layers);
  header.set_natural(kHeads, config.tower_heads);
  header.set_number(kEps, config.norm_eps);
  header.set_flag(kExactGelu, !config.quick_gelu);
  header.set_flag(kClassToken, config.class_token);

  header.set_natural(kExperts, config.use_experts ? config.experts : 0);
  if (config.use_experts) {
    header.set_natural(kExpertIntermediate, config.expert_intermediate);
    header.set_number(kResidual, config.residual_weight);
  }
  header.set_natural(kLongest, config.longest_sequence);

  const PreprocessConfig& steps = config.preprocess;
  header.set_flag(kPad, steps.pad_to_square);
  header.set_natural(kEdge, steps.resize ? uint32_t(steps.shortest_edge) : 0);
  header.set_flag(kCrop, steps.center_crop);
  header.set_double(kRescale, steps.rescale ? steps.rescale_factor : 1);
  header.set_flag(kNormalize, steps.normalize);
  if (steps.alpha != AlphaPolicy::drop) header.set_text(kAlpha, name(steps.alpha));
  header.set_numbers(kMean, {steps.mean.begin(), steps.mean.end()});
  header.set_numbers(kDeviation, {steps.deviation.begin(), steps.deviation.end()});
}

Result<PictureConfig> gguf_picture(const GgufMetadata& metadata, const std::string& file) {
  return Reader(metadata, file).read();
}

}  // namespace lorikeet
