#include "frontend/factor.h"

#include <algorithm>

#include "frontend/adapters/counter_random.h"
#include "frontend/checkpoint/quant/quant.h"
#include "frontend/convert_plan.h"
#include "frontend/dataset/random.h"
#include "frontend/families/resolve.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr double kRouterDeviation = 0.02;

// An order of the rows for each layer.
std::vector<uint32_t> drawn_order(const DecoderConfig& config, uint64_t seed) {
  std::vector<uint32_t> all;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const std::vector<uint32_t> order = permutation(config.intermediate, seed, layer);
    all.insert(all.end(), order.begin(), order.end());
  }
  return all;
}

Status check(const DecoderConfig& config, const FactorOptions& options, const std::string& file) {
  if (config.factor)
    return unsupported(join("[factor] ", file, " is cut into ", config.factor->experts,
                            " experts already; a dense model was expected."));
  if (config.family->sees)
    return unsupported(join("[factor] ", file, " is a model that sees; a llama or qwen2 model was expected."));
  if (options.experts == 0 || config.intermediate % options.experts != 0)
    return invalid(join("[factor] the feed-forward layers have ", config.intermediate, " rows, which ", options.experts,
                        " experts cannot share equally; a number that divides ", config.intermediate,
                        " was expected."));
  if (options.active == 0 || options.active > options.experts)
    return invalid(join("[factor] a row goes through 1 to ", options.experts, " experts (all of them), ",
                        options.active, " were given."));
  if (options.type && !can_quantise(*options.type))
    return invalid(join("[factor] weights cannot be written as ", name(*options.type), "."));
  return Done{};
}

Status add_router(ConvertPlan& plan, const DecoderConfig& config, const ConvertWishes& wishes, uint32_t layer) {
  for (const WeightRole role : {WeightRole::slice_router, WeightRole::slice_router_bias}) {
    PlannedTensor tensor;
    tensor.name = weight_name(*config.family, role, layer, Naming::gguf);
    const bool bias = role == WeightRole::slice_router_bias;
    if (bias) tensor.shape = {wishes.factor->experts};
    else tensor.shape = {wishes.factor->experts, config.hidden};
    const CounterRandom random(wishes.seed, tensor.name);
    tensor.values.resize(size_t(wishes.factor->experts) * (bias ? 1 : config.hidden));
    for (size_t i = 0; i < tensor.values.size(); ++i)
      tensor.values[i] = bias ? 0.0f : random.normal(i, kRouterDeviation);
    LK_TRY(add_planned(plan, std::move(tensor), DType::f32, false));
  }
  return Done{};
}

}  // namespace

Result<FactorConfig> factor_config(const DecoderConfig& config, const FactorOptions& options) {
  FactorConfig factor{options.experts, options.active, options.output_scale, options.split, {}, options.whole_layers};
  if (options.split == FactorSplit::contiguous) {
    LK_TRY(check_factor(factor, config, "[factor] the given cut"));
    return factor;
  }
  if (options.split == FactorSplit::clustered && options.order.empty())
    return invalid("[factor] a clustered split needs the order of the rows that a text has shown.");
  if (options.order.empty()) factor.order = drawn_order(config, options.seed);
  else if (options.order.size() != config.intermediate) factor.order = options.order;
  else
    for (uint32_t layer = 0; layer < config.layers; ++layer)
      factor.order.insert(factor.order.end(), options.order.begin(), options.order.end());
  LK_TRY(check_factor(factor, config, "[factor] the given split"));
  return factor;
}

Status add_factored(ConvertPlan& plan, PlannedTensor dense, const DecoderConfig& config, const ConvertWishes& wishes,
                    std::pair<WeightRole, uint32_t> place) {
  const auto [role, layer] = place;
  const FactorConfig& factor = *wishes.factor;
  const uint64_t width = config.intermediate / factor.experts, hidden = config.hidden;
  const DType given = dense.sources.front()->type;
  std::vector<uint32_t> order;
  if (!factor.order.empty()) {
    const auto first = factor.order.begin() + std::ptrdiff_t(layer) * config.intermediate;
    order.assign(first, first + std::ptrdiff_t(config.intermediate));
  }
  if (role == WeightRole::gate) LK_TRY(add_router(plan, config, wishes, layer));
  if (role == WeightRole::down) {
    dense.name = weight_name(*config.family, WeightRole::slice_down, layer, Naming::gguf);
    dense.shape = {factor.experts, hidden, width};
    dense.column_slices = factor.experts;
    dense.column_order = std::move(order);
    const bool again = layout(given).block > 1 && !dense.column_order.empty();
    if (again && layer == 0)
      plan.notices.push_back(join("The columns of ", dense.name,
                                  " and its like change places, so they leave their blocks of ", name(given),
                                  " and are quantised again, which loses a little."));
  } else {
    const WeightRole slice = role == WeightRole::gate ? WeightRole::slice_gate : WeightRole::slice_up;
    dense.name = weight_name(*config.family, slice, layer, Naming::gguf);
    dense.shape = {factor.experts, width, hidden};
    dense.row_order = std::move(order);
  }
  return add_planned(plan, std::move(dense), wishes.type.value_or(given), false);
}

Status check_factor_options(const Checkpoint& source, const FactorOptions& options) {
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(source));
  LK_TRY(check(config, options, source.path().string()));
  return check_weights(source, config);
}

Result<ConvertReport> factor(const Checkpoint& source, const std::filesystem::path& out, const FactorOptions& options) {
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(source));
  LK_TRY(check(config, options, source.path().string()));
  LK_TRY(check_weights(source, config));
  LK_ASSIGN(const FactorConfig cut, factor_config(config, options));
  const ConvertWishes wishes{.type = options.type, .factor = &cut, .seed = options.seed};
  const bool gguf = source.kind() == Checkpoint::Kind::gguf;
  LK_ASSIGN(ConvertPlan plan,
            gguf ? plan_from_gguf(source, config, wishes) : plan_from_huggingface(source, config, wishes));
  return write_plan(source, plan, out,
                    {.dry_run = options.dry_run, .threads = options.threads, .progress = options.progress});
}

}  // namespace lorikeet
