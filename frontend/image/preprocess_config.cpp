#include <cmath>

#include "frontend/checkpoint/json_text.h"
#include "frontend/image/preprocess.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr int64_t kMaximumEdge = 16384;
constexpr int kBicubic = 3;  // PIL's number

// Null counts as missing. Each function leaves `value` as it is when its key is missing.
class Reader {
 public:
  Reader(const Json& json, const std::string& file) : json_(json), file_(file) {}

  Result<PreprocessConfig> read() {
    LK_TRY(refuse_other_processors());
    LK_TRY(read_flag("do_resize", config_.resize));
    LK_TRY(read_flag("do_center_crop", config_.center_crop));
    LK_TRY(read_flag("do_rescale", config_.rescale));
    LK_TRY(read_flag("do_normalize", config_.normalize));
    if (const Json* size = find(json_, "size"))
      LK_TRY(read_edge(*size, "size", "shortest_edge", config_.shortest_edge));
    if (const Json* crop = find(json_, "crop_size")) {
      LK_TRY(read_edge(*crop, "crop_size", "height", config_.crop_height));
      LK_TRY(read_edge(*crop, "crop_size", "width", config_.crop_width));
    }
    if (const Json* factor = find(json_, "rescale_factor")) {
      if (!factor->is_number()) return bad("rescale_factor must be a number.");
      config_.rescale_factor = factor->get<double>();
    }
    if (const Json* alpha = find(json_, "alpha_policy")) {
      const auto policy = alpha_policy(alpha->is_string() ? alpha->get_ref<const std::string&>() : std::string());
      if (!policy) return bad("alpha_policy must be \"drop\" or \"blend\".");
      config_.alpha = *policy;
    }
    LK_TRY(read_colour("image_mean", config_.mean));
    LK_TRY(read_colour("image_std", config_.deviation));
    for (const double deviation : config_.deviation)
      if (deviation == 0) return bad("image_std must not be 0.");
    return config_;
  }

 private:
  template <class... Parts>
  Error bad(const Parts&... parts) const {
    return corrupt(join("[image] ", file_, ": ", parts...));
  }

  static const Json* find(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }

  Status refuse_other_processors() const {
    for (const char* key : {"image_processor_type", "feature_extractor_type"}) {
      const Json* type = find(json_, key);
      if (type && !(type->is_string() && type->get_ref<const std::string&>().starts_with("CLIP")))
        return unsupported(join("[image] ", file_, ": ", key, " is ", type->dump(-1, ' ', true).substr(0, 100),
                                "; the processors of CLIP are supported."));
    }
    const Json* resample = find(json_, "resample");
    if (resample && *resample != kBicubic)
      return unsupported(join("[image] ", file_, ": resample is ", resample->dump(-1, ' ', true).substr(0, 100), "; ",
                              kBicubic, " (bicubic) is supported."));
    return Done{};
  }

  Status read_flag(const char* key, bool& value) const {
    const Json* given = find(json_, key);
    if (!given) return Done{};
    if (!given->is_boolean()) return bad(key, " must be true or false.");
    value = given->get<bool>();
    return Done{};
  }

  // A number for every side, or a dictionary that holds `side`.
  Status read_edge(const Json& given, const char* key, const char* side, int& value) const {
    const Json* edge = given.is_object() ? find(given, side) : &given;
    if (!edge || !edge->is_number_unsigned() || edge->get<uint64_t>() < 1 || edge->get<uint64_t>() > kMaximumEdge)
      return bad(key, " must be a number of pixels between 1 and ", kMaximumEdge, ", or a dictionary with such a ",
                 side, ".");
    value = edge->get<int>();
    return Done{};
  }

  Status read_colour(const char* key, std::array<double, 3>& value) const {
    const Json* given = find(json_, key);
    if (!given) return Done{};
    if (!given->is_array() || given->size() != 3) return bad(key, " must be three numbers.");
    for (size_t channel = 0; channel < 3; ++channel) {
      if (!(*given)[channel].is_number()) return bad(key, " must be three numbers.");
      value[channel] = (*given)[channel].get<double>();
    }
    return Done{};
  }

  const Json& json_;
  const std::string& file_;
  PreprocessConfig config_;
};

}  // namespace

Result<PreprocessConfig> parse_preprocess_config(std::string_view text, const std::string& file) {
  LK_ASSIGN(const Json json, parse_json_object(text, "[image] " + file, DuplicateKeys::last_wins));
  return Reader(json, file).read();
}

}  // namespace lorikeet
