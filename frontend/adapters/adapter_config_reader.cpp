#include <algorithm>
#include <array>
#include <set>

#include "frontend/adapters/adapter_config.h"
#include "frontend/adapters/adapter_fields.h"
#include "frontend/adapters/adapter_kinds.h"
#include "frontend/adapters/peft_keys.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumRank = 65536;
constexpr uint64_t kMaximumAlpha = 1'000'000;
constexpr uint64_t kMaximumExperts = 1024;  // of a router
constexpr RealRule kAboveZero = {};
constexpr RealRule kNotNegative = {.least_included = true};
constexpr RealRule kShare = {.most = 1};  // of a probability

// An object's keys have no order of their own; this is the published one.
constexpr std::array<std::string_view, 7> kProjections = {"q_proj",    "k_proj",    "v_proj", "o_proj",
                                                          "gate_proj", "down_proj", "up_proj"};

struct LegacyProjection {
  std::string_view legacy, published;
};
constexpr LegacyProjection kLegacyProjections[] = {
    {"w1_proj", "gate_proj"}, {"w2_proj", "down_proj"}, {"w3_proj", "up_proj"}};

class Reader {
 public:
  Reader(const Json& json, const std::string& file) : fields_(json, file) {}

  Result<AdapterConfig> read() {
    LK_TRY(refuse_unsupported_keys(fields_));
    LK_TRY(read_kind());
    LK_ASSIGN(config_.lora, read_lora(fields_, {}));
    LK_TRY(read_targets());
    LK_TRY(read_initialisation());
    LK_TRY(read_base());
    LK_TRY(read_experts());
    LK_TRY(check_unknown_keys(fields_, config_.warnings));
    return std::move(config_);
  }

 private:
  // --- which kind ------------------------------------------------------------------------------------------------

  Status read_kind() {
    LK_ASSIGN(const std::string type, fields_.text("peft_type", ""));
    LK_ASSIGN(strategy_, fields_.text("routing_strategy", ""));
    if (strategy_ == kMixLoraLegacy) strategy_ = "mixlora";
    if (strategy_ == kMixLoraSwitch)
      return fields_.refused("routing_strategy", *fields_.find("routing_strategy"),
                             "its experts take a limited number of tokens, and its published code leaves them out "
                             "when text is generated; mixlora and mixlora-dynamic are supported");
    if (is_type(type)) return read_kind_of(type);
    if (!strategy_.empty()) return read_kind_of_strategy();
    if (!type.empty())
      return fields_.refused("peft_type", *fields_.find("peft_type"),
                             "LORA, DYNMOLE, MIXLORA, MOLA and LORAMOE are supported");
    config_.kind = AdapterKind::lora;
    return Done{};
  }

  static bool is_type(const std::string& type) {
    const auto kinds = adapter_kinds();
    return std::any_of(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.peft_type == type; });
  }

  // The strategy decides between the two kinds of MixLoRA, and must not contradict the type elsewhere.
  Status read_kind_of(const std::string& type) {
    if (strategy_.empty() && type == "MIXLORA")
      return fields_.missing("routing_strategy", "\"mixlora\" or \"mixlora-dynamic\"");
    for (const AdapterKindFacts& kind : adapter_kinds()) {
      if (kind.peft_type != type) continue;
      if (!strategy_.empty() && kind.routing_strategy != strategy_) continue;
      config_.kind = kind.kind;
      return Done{};
    }
    return fields_.refused("routing_strategy", *fields_.find("routing_strategy"),
                           join("it contradicts peft_type, which is \"", type, "\""));
  }

  Status read_kind_of_strategy() {
    for (const AdapterKindFacts& kind : adapter_kinds()) {
      if (kind.routing_strategy != strategy_) continue;
      config_.kind = kind.kind;
      return Done{};
    }
    return fields_.refused("routing_strategy", *fields_.find("routing_strategy"),
                           "dynmole, mixlora, mixlora-dynamic, mola and loramoe are supported");
  }

  // --- every kind ------------------------------------------------------------------------------------------------

  // PEFT writes whole and broken numbers as they come; the published loader of the others is strict. What is missing is
  // as in `otherwise`.
  Result<LoraSettings> read_lora(AdapterFields& fields, std::optional<LoraSettings> otherwise) const {
    const bool plain = config_.kind == AdapterKind::lora;
    LoraSettings lora = otherwise.value_or(LoraSettings{});
    const auto or_else = [&](auto value) { return otherwise ? std::optional(value) : std::nullopt; };
    LK_ASSIGN(lora.r, fields.natural("r", kMaximumRank, or_else(lora.r)));
    if (plain) {
      LK_ASSIGN(lora.alpha, fields.real("lora_alpha", {.most = double(kMaximumAlpha), .whole_allowed = true}));
    } else {
      LK_ASSIGN(lora.alpha, fields.natural("lora_alpha", kMaximumAlpha, or_else(uint32_t(lora.alpha))));
    }
    const RealRule share = {.least_included = true, .most = 1, .whole_allowed = plain};
    LK_ASSIGN(lora.dropout, fields.real("lora_dropout", share, or_else(lora.dropout)));
    LK_ASSIGN(lora.rslora, fields.flag("use_rslora", lora.rslora));
    return lora;
  }

  Status read_targets() {
    const std::string expected = "a list of the names of projections, or an object of names with true or false";
    const Json* given = fields_.find("target_modules");
    if (!given) return fields_.missing("target_modules", expected);
    if (!given->is_structured()) return fields_.wrong("target_modules", expected, *given);
    for (const auto& [key, value] : given->items()) {
      const bool fits = given->is_object() ? value.is_boolean() && !key.empty() : value.is_string() && value != "";
      if (!fits) return fields_.wrong("target_modules", expected, *given);
      if (given->is_object() && value == true) add_target(key);
      if (given->is_array()) add_target(value.get<std::string>());
    }
    if (given->is_object()) sort_as_published();
    if (config_.target_modules.empty())
      return fields_.wrong("target_modules", "at least one projection to adapt", *given);
    return Done{};
  }

  void add_target(std::string name) {
    if (config_.is_mixlora())
      for (const LegacyProjection& projection : kLegacyProjections)
        if (name == projection.legacy) name = projection.published;
    if (targets_.insert(name).second) config_.target_modules.push_back(std::move(name));
  }

  void sort_as_published() {
    const auto place = [](const std::string& name) {
      return std::find(kProjections.begin(), kProjections.end(), name) - kProjections.begin();
    };
    std::stable_sort(config_.target_modules.begin(), config_.target_modules.end(),
                     [&](const std::string& a, const std::string& b) { return place(a) < place(b); });
  }

  Status read_initialisation() {
    LK_ASSIGN(config_.gaussian_init, fields_.second_of("lora_init", "original", "gaussian"));
    if (const Json* given = fields_.find("init_lora_weights"); given && *given == "gaussian")
      config_.gaussian_init = true;
    return Done{};
  }

  Status read_base() {
    LK_ASSIGN(config_.base_model, fields_.text("base_model_name_or_path", ""));
    LK_ASSIGN(const std::string task, fields_.text("task_type", ""));
    if (task == "SEQ_CLS" || task == "TOKEN_CLS")
      return fields_.refused("task_type", *fields_.find("task_type"),
                             "adapters with a head that classifies are not supported");
    if (!task.empty()) config_.task_type = task;
    LK_ASSIGN(config_.base_sha256, fields_.text("lorikeet_base_sha256", ""));
    const std::string& digits = config_.base_sha256;
    if (!digits.empty() && (digits.size() != 64 || digits.find_first_not_of("0123456789abcdef") != std::string::npos))
      return fields_.wrong("lorikeet_base_sha256", "64 hexadecimal digits in lower case",
                           *fields_.find("lorikeet_base_sha256"));
    return Done{};
  }

  // --- experts ---------------------------------------------------------------------------------------------------

  Status read_experts() {
    if (config_.kind == AdapterKind::lora) return Done{};
    LK_ASSIGN(config_.experts, fields_.natural("num_experts", kMaximumExperts));
    config_.training.init_range = config_.is_mixlora() ? 0.02 : 5;
    config_.training.loss = config_.kind != AdapterKind::mola && config_.kind != AdapterKind::loramoe;
    LK_ASSIGN(config_.training.init_range,
              fields_.real("router_init_range", kNotNegative, config_.training.init_range));
    switch (config_.kind) {
      case AdapterKind::dynmole:
        return read_dynmole();
      case AdapterKind::mixlora:
      case AdapterKind::mixlora_dynamic:
        return read_mixlora();
      case AdapterKind::mola:
        LK_TRY(read_top_k());
        return read_losses();
      default:
        return Done{};
    }
  }

  Status read_losses() {
    LK_ASSIGN(config_.training.aux_loss_coef, fields_.real("router_aux_loss_coef", kNotNegative, 0.001));
    LK_ASSIGN(config_.training.loss, fields_.flag("router_loss", config_.training.loss));
    return Done{};
  }

  Status read_top_k() {
    LK_ASSIGN(config_.top_k, fields_.natural("top_k", kMaximumExperts, 2));
    if (config_.top_k > config_.experts)
      return corrupt(join(fields_.place(), ": top_k must not be above num_experts, which is ", config_.experts,
                          ", it is ", config_.top_k, "."));
    return Done{};
  }

  Status read_mixlora() {
    if (const Json* given = fields_.find("expert_lora")) LK_TRY(read_expert_lora(*given));
    LK_ASSIGN(config_.act_fn, fields_.text("act_fn", ""));
    if (!config_.act_fn.empty() && config_.act_fn != "silu" && config_.act_fn != "swish")
      return fields_.refused("act_fn", *fields_.find("act_fn"), "experts with silu are supported");
    LK_ASSIGN(config_.training.jitter_noise, fields_.real("jitter_noise", kNotNegative, 0));
    LK_TRY(read_losses());
    if (config_.kind == AdapterKind::mixlora) return read_top_k();
    LK_ASSIGN(config_.top_p, fields_.real("top_p", kShare, 0.8));
    LK_ASSIGN(config_.temperature, fields_.real("temperature", kNotNegative, 0));
    return Done{};
  }

  Status read_expert_lora(const Json& given) {
    if (!given.is_object()) return fields_.wrong("expert_lora", "an object with r, lora_alpha, lora_dropout", given);
    AdapterFields own(given, fields_.place(), "expert_lora.");
    LK_TRY(refuse_unsupported_keys(own));
    LK_ASSIGN(config_.expert_lora, read_lora(own, config_.lora));
    (void)own.find("lora_init");  // as that of the whole
    return check_unknown_keys(own, config_.warnings);
  }

  Status read_dynmole() {
    EntropySettings& entropy = config_.entropy;
    LK_ASSIGN(entropy.threshold, renamed("entropy_threshold", "entropy_threshhold", kAboveZero, 0.9));
    LK_ASSIGN(entropy.index, renamed("entropy_index", "entropy_q", {.most = 2}, 1.1));
    LK_ASSIGN(const bool renyi, fields_.second_of("entropy_type", "tsallis", "renyi"));
    entropy.type = renyi ? EntropySettings::Type::renyi : EntropySettings::Type::tsallis;
    LK_ASSIGN(entropy.eps, fields_.real("entropy_eps", kAboveZero, 1e-5));
    LK_ASSIGN(config_.keep_top_k, fields_.natural("keep_top_k", kMaximumExperts, 2));
    LK_ASSIGN(config_.top_p, fields_.real("top_p", kShare, 0.75));
    LK_TRY(read_losses());
    LK_ASSIGN(config_.training.dyn_loss_coef, fields_.real("router_dyn_loss_coef", kNotNegative, 0.01));
    const Json* variant = fields_.find("lorikeet_routing");
    return variant ? read_variant(*variant) : Done{};
  }

  // A key that early files spell otherwise.
  Result<double> renamed(const char* key, const char* old_key, const RealRule& rule, double otherwise) {
    const bool is_old = !fields_.find(key) && fields_.find(old_key);
    (void)fields_.find(old_key);
    return fields_.real(is_old ? old_key : key, rule, otherwise);
  }

  Status read_variant(const Json& given) {
    if (!given.is_object()) return fields_.wrong("lorikeet_routing", "an object of flags", given);
    AdapterFields own(given, fields_.place(), "lorikeet_routing.");
    LK_ASSIGN(config_.variant.keep_crossing, own.flag("keep_crossing", false));
    LK_ASSIGN(config_.variant.renormalise, own.flag("renormalise", false));
    LK_ASSIGN(config_.variant.raw_entropy, own.flag("raw_entropy", false));
    return check_unknown_keys(own, config_.warnings);
  }

  AdapterFields fields_;
  std::string strategy_;
  std::set<std::string> targets_;
  AdapterConfig config_;
};

}  // namespace

Result<AdapterConfig> AdapterConfig::parse(std::string_view text, const std::string& file) {
  LK_ASSIGN(const Json json, parse_json_object(text, file, DuplicateKeys::refused));
  return Reader(json, file).read();
}

}  // namespace lorikeet
