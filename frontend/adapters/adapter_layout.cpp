#include <algorithm>

#include "frontend/adapters/adapter_kinds.h"
#include "frontend/adapters/adapter_tensors.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kFfnModule = "mlp";

// PEFT's rule: a target is a module's whole name or an end of it that begins after a dot.
bool is_target(const BaseLinear& linear, const std::string& target) {
  const std::string module = "model.layers." + std::to_string(linear.layer) + "." + linear.module;
  return module.ends_with(target) &&
         (module.size() == target.size() || module[module.size() - target.size() - 1] == '.');
}

Status check_targets(const AdapterConfig& config, const AdapterBase& base) {
  for (const std::string& target : config.target_modules) {
    if (std::any_of(base.linears.begin(), base.linears.end(),
                    [&](const BaseLinear& linear) { return is_target(linear, target); }))
      continue;
    std::string has;
    for (const BaseLinear& linear : base.linears)
      if (linear.layer == 0) has += join(has.empty() ? "" : ", ", linear.projection());
    return invalid(join("[adapter] target_modules names ", target.substr(0, 100),
                        ", which the base does not have; in each layer it has ", has, "."));
  }
  return Done{};
}

bool is_routed(AdapterKind kind, const BaseLinear& linear) {
  if (kind == AdapterKind::lora) return false;
  return kind == AdapterKind::dynmole || kind == AdapterKind::mola || linear.in_ffn();
}

class Layout {
 public:
  Layout(const AdapterConfig& config, const AdapterBase& base) : config_(config), base_(base) {}

  AdapterTensors make() {
    uint32_t routed_layers = 0;  // MixLoRA has a router in every layer, whatever is adapted there
    for (const BaseLinear& linear : base_.linears) {
      for (; config_.is_mixlora() && routed_layers <= linear.layer; ++routed_layers)
        add_router(routed_layers, std::string(kFfnModule), base_.hidden);
      if (is_adapted(linear)) add(linear);
    }
    return std::move(tensors_);
  }

 private:
  bool is_adapted(const BaseLinear& linear) const {
    return std::any_of(config_.target_modules.begin(), config_.target_modules.end(),
                       [&](const std::string& target) { return is_target(linear, target); });
  }

  void add_router(uint32_t layer, const std::string& module, uint32_t in) {
    tensors_.routers.push_back({.layer = layer, .module = module, .in = in, .experts = config_.experts});
  }

  void add(const BaseLinear& linear) {
    const bool routed = is_routed(config_.kind, linear);
    const LoraSettings& lora = routed ? config_.settings_of_experts() : config_.lora;
    if (routed && !config_.is_mixlora()) add_router(linear.layer, linear.module, linear.in);
    AdapterLinear made;
    made.layer = linear.layer;
    made.role = linear.role;
    made.module = linear.module;
    made.in = linear.in;
    made.out = linear.out;
    made.experts = routed ? config_.experts : 1;
    made.rank = lora.r;
    made.scaling = float(lora.scaling());
    if (routed) made.router = uint32_t(tensors_.routers.size() - 1);
    tensors_.linears.push_back(std::move(made));
  }

  const AdapterConfig& config_;
  const AdapterBase& base_;
  AdapterTensors tensors_;
};

std::string numbered_projection(const AdapterLinear& linear) {
  if (linear.role == WeightRole::gate) return "w1_proj";
  return linear.role == WeightRole::down ? "w2_proj" : "w3_proj";
}

class Names {
 public:
  Names(AdapterKind kind, AdapterNaming naming) : kind_(kind), naming_(naming) {}

  std::string of(const AdapterRouter& router) const {
    if (naming_ != AdapterNaming::published) return layer(router.layer) + "gate.weight";
    return join(layer(router.layer), router.module, ".moe_gate.weight");
  }

  // Without "lora_A.weight".
  std::string of(const AdapterLinear& linear, uint32_t expert) const {
    if (!linear.router) return join(layer(linear.layer), linear.module, ".");
    if (naming_ == AdapterNaming::published) return join(layer(linear.layer), linear.module, ".experts.", expert, ".");
    const std::string projection = linear.module.substr(linear.module.rfind('.') + 1);
    return join(layer(linear.layer), "experts.", expert, ".",
                naming_ == AdapterNaming::mixlora_numbered ? numbered_projection(linear) : projection, ".");
  }

 private:
  std::string layer(uint32_t number) const { return join(facts(kind_).prefix, "layers.", number, "."); }

  AdapterKind kind_;
  AdapterNaming naming_;
};

void add_experts(std::vector<AdapterSlot>& slots, const AdapterLinear& linear, size_t index, const Names& names) {
  const uint64_t in = linear.in, out = linear.out, rank = linear.rank;
  for (uint32_t e = 0; e < linear.experts; ++e) {
    const std::string name = names.of(linear, e);
    slots.push_back({name + "lora_A.weight", {rank, in}, AdapterSlot::Part::a, index, size_t(e * rank * in)});
    slots.push_back({name + "lora_B.weight", {out, rank}, AdapterSlot::Part::b, index, size_t(e * out * rank)});
  }
}

template <class Tensors>
auto values_in(Tensors& tensors, const AdapterSlot& slot) {
  const auto part = [&] {
    if (slot.part == AdapterSlot::Part::router) return std::span(tensors.routers[slot.index].weight);
    auto& linear = tensors.linears[slot.index];
    return std::span(slot.part == AdapterSlot::Part::a ? linear.a : linear.b);
  };
  return part().subspan(slot.first, slot.elements());
}

}  // namespace

Result<AdapterTensors> adapter_layout(const AdapterConfig& config, const AdapterBase& base) {
  LK_TRY(check_targets(config, base));
  return Layout(config, base).make();
}

std::vector<AdapterSlot> adapter_slots(const AdapterTensors& tensors, AdapterKind kind, AdapterNaming naming) {
  const Names names(kind, naming);
  std::vector<AdapterSlot> slots;
  size_t next = 0;  // router: a linear layer's own comes just before it, a whole network's at the start of its layer
  const auto add_routers = [&](auto is_due) {
    for (; next < tensors.routers.size() && is_due(tensors.routers[next]); ++next) {
      const AdapterRouter& router = tensors.routers[next];
      slots.push_back({names.of(router), {router.experts, router.in}, AdapterSlot::Part::router, next, 0});
    }
  };
  for (size_t i = 0; i < tensors.linears.size(); ++i) {
    const AdapterLinear& linear = tensors.linears[i];
    add_routers([&](const AdapterRouter& router) {
      return linear.router == next || (router.module == kFfnModule && router.layer <= linear.layer);
    });
    add_experts(slots, linear, i, names);
  }
  add_routers([](const AdapterRouter&) { return true; });
  return slots;
}

void allocate_values(AdapterTensors& tensors) {
  for (AdapterRouter& router : tensors.routers) router.weight.resize(size_t(router.experts) * router.in);
  for (AdapterLinear& linear : tensors.linears) {
    const size_t rows = size_t(linear.experts) * linear.rank;
    linear.a.resize(rows * linear.in);
    linear.b.resize(rows * linear.out);
  }
}

std::span<float> values_of(AdapterTensors& tensors, const AdapterSlot& slot) { return values_in(tensors, slot); }

std::span<const float> values_of(const AdapterTensors& tensors, const AdapterSlot& slot) {
  return values_in(tensors, slot);
}

}  // namespace lorikeet
