#include "frontend/picture_config.h"

#include "frontend/config_fields.h"

namespace lorikeet {
namespace {

// config.json's own keys: projector, experts, which layer of the tower is read.
class Reader {
 public:
  Reader(const Fields& fields, uint32_t hidden) : fields_(fields), hidden_(hidden) {}

  Status read(PictureConfig& config) {
    LK_TRY(expect("mm_projector_type", "mlp2x_gelu"));
    LK_TRY(expect("mm_patch_merge_type", "flat"));
    LK_ASSIGN(const std::string feature, fields_.text_or("mm_vision_select_feature", "cls_patch"));
    if (feature != "cls_patch" && feature != "patch")
      return unsupported(join(fields_.file(), ": mm_vision_select_feature is ", feature.substr(0, 100),
                              "; cls_patch and patch are supported."));
    config.class_token = feature == "cls_patch";
    LK_TRY(read_experts(config));
    LK_ASSIGN(config.longest_sequence, fields_.count_or("tokenizer_model_max_length", kMaximumCount, 0));
    LK_ASSIGN(const std::string aspect, fields_.text_or("image_aspect_ratio", "square"));
    if (aspect != "pad" && aspect != "square")
      return unsupported(
          join(fields_.file(), ": image_aspect_ratio is ", aspect.substr(0, 100), "; pad and square are supported."));
    config.preprocess.pad_to_square = aspect == "pad";
    return Done{};
  }

  // Layers of the tower to run: hidden_states[select], where 0 is before the first layer and -1 after the last.
  Result<uint32_t> tower_layers(uint32_t layers) const {
    LK_ASSIGN(const double select, fields_.number_or("mm_vision_select_layer", -2));
    const double run = select < 0 ? double(layers) + 1 + select : select;
    if (run < 1 || run > double(layers) || run != double(uint32_t(run)))
      return corrupt(
          join(fields_.file(), ": mm_vision_select_layer is ", select, "; the vision tower has ", layers, " layers."));
    return uint32_t(run);
  }

  Status check(const PictureConfig& config) const {
    LK_ASSIGN(const uint32_t tower, fields_.count_or("mm_hidden_size", kMaximumCount, config.tower_hidden));
    if (tower != config.tower_hidden)
      return corrupt(join(fields_.file(), ": mm_hidden_size is ", tower, ", the vision tower's size is ",
                          config.tower_hidden, "."));
    return Done{};
  }

 private:
  Status read_experts(PictureConfig& config) {
    LK_ASSIGN(const bool used, fields_.flag_or("use_moe", true));
    config.use_experts = used && fields_.find("moe_hidden_size");
    LK_ASSIGN(config.experts, fields_.count_or("num_experts", kMaximumExperts, 4));
    LK_ASSIGN(config.expert_intermediate, fields_.count_or("moe_intermediate_size", kMaximumCount, 4096));
    LK_ASSIGN(const uint32_t size, fields_.count_or("moe_hidden_size", kMaximumCount, hidden_));
    if (size != hidden_)
      return corrupt(join(fields_.file(), ": moe_hidden_size is ", size, ", hidden_size is ", hidden_, "."));
    LK_ASSIGN(const bool residual, fields_.flag_or("use_moe_residual", true));
    LK_ASSIGN(const double weight, fields_.number_or("moe_weight", 1));
    config.residual_weight = residual ? float(weight) : 0;
    return Done{};
  }

  Status expect(const char* key, const char* supported) const {
    LK_ASSIGN(const std::string given, fields_.text_or(key, supported));
    if (given == supported) return Done{};
    return unsupported(
        join(fields_.file(), ": ", key, " is ", given.substr(0, 100), "; only ", supported, " is supported."));
  }

  const Fields& fields_;
  const uint32_t hidden_;
};

// A CLIP configuration: of the whole model (then the tower's is inside it) or of the tower alone. Returns its layers.
Result<uint32_t> read_tower(const Fields& fields, PictureConfig& config) {
  LK_ASSIGN(config.tower_hidden, fields.count_or("hidden_size", kMaximumCount, 768));
  LK_ASSIGN(config.tower_intermediate, fields.count_or("intermediate_size", kMaximumCount, 3072));
  LK_ASSIGN(config.tower_heads, fields.count_or("num_attention_heads", kMaximumCount, 12));
  LK_ASSIGN(config.channels, fields.count_or("num_channels", 16, 3));
  LK_ASSIGN(config.side, fields.count_or("image_size", kMaximumSide, 224));
  LK_ASSIGN(config.patch, fields.count_or("patch_size", kMaximumSide, 32));
  LK_ASSIGN(const double eps, fields.number_or("layer_norm_eps", 1e-5));
  config.norm_eps = float(eps);
  LK_ASSIGN(const std::string activation, fields.text_or("hidden_act", "quick_gelu"));
  if (activation != "quick_gelu" && activation != "gelu")
    return unsupported(
        join(fields.file(), ": hidden_act is ", activation.substr(0, 100), "; quick_gelu and gelu are supported."));
  config.quick_gelu = activation == "quick_gelu";
  LK_TRY(check_tower(config, fields.file()));
  if (config.channels != 3)
    return unsupported(join(fields.file(), ": num_channels is ", config.channels, "; pictures have 3 here."));
  return fields.count_or("num_hidden_layers", kMaximumLayers, 12);
}

}  // namespace

Status check_tower(const PictureConfig& config, const std::string& file) {
  if (config.tower_hidden % config.tower_heads != 0)
    return corrupt(join(file, ": the vision tower's size is ", config.tower_hidden, ", which ", config.tower_heads,
                        " heads do not divide."));
  if (config.side % config.patch != 0)
    return corrupt(
        join(file, ": a picture of ", config.side, " is not cut evenly into patches of ", config.patch, "."));
  return Done{};
}

Result<PictureConfig> picture_config(const Checkpoint& checkpoint, uint32_t hidden) {
  const auto name = [&](const char* file) { return "[config] " + (checkpoint.path() / file).string(); };
  LK_ASSIGN(const std::string text, checkpoint.text("config.json"));
  LK_ASSIGN(const Json json, parse_json_object(text, name("config.json"), DuplicateKeys::last_wins));
  const Fields fields(json, name("config.json"));
  const auto tower_text = checkpoint.tower_text("config.json");
  if (!tower_text) {
    LK_ASSIGN(const std::string named, fields.text_or("mm_vision_tower", ""));
    return not_found(join(fields.file(), ": the configuration of the vision tower \"", named.substr(0, 200),
                          "\" was not found; give its folder with --vision."));
  }
  const std::string tower_file = join("[config] ", (checkpoint.tower_path() / "config.json").string());
  LK_ASSIGN(const Json tower, parse_json_object(*tower_text, tower_file, DuplicateKeys::last_wins));
  const auto inner = tower.find("vision_config");
  const bool whole = inner != tower.end() && inner->is_object();

  PictureConfig config;
  Reader reader(fields, hidden);
  LK_ASSIGN(const uint32_t layers, read_tower(Fields(whole ? *inner : tower, tower_file), config));
  LK_ASSIGN(config.tower_layers, reader.tower_layers(layers));
  config.preprocess = {};
  config.preprocess.shortest_edge = config.preprocess.crop_height = config.preprocess.crop_width = int(config.side);
  const bool own = checkpoint.has_text("preprocessor_config.json");
  const auto preprocess =
      own ? checkpoint.text("preprocessor_config.json") : checkpoint.tower_text("preprocessor_config.json");
  if (preprocess) {
    const auto& folder = own ? checkpoint.path() : checkpoint.tower_path();
    LK_ASSIGN(config.preprocess,
              parse_preprocess_config(*preprocess, "[config] " + (folder / "preprocessor_config.json").string()));
  }
  LK_TRY(reader.read(config));
  LK_TRY(reader.check(config));
  if (config.preprocess.crop_height != int(config.side) || config.preprocess.crop_width != int(config.side))
    return corrupt(join(tower_file, ": the tower sees ", config.side, " x ", config.side,
                        " pixels, the pre-processor makes ", config.preprocess.crop_width, " x ",
                        config.preprocess.crop_height, "."));
  return config;
}

}  // namespace lorikeet
