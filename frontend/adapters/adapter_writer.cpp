#include "frontend/adapters/adapter_writer.h"

#include "frontend/adapters/adapter_routing.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// MixLoRA's experts of the feed-forward network are no addends of one linear layer.
bool is_whole_network(const AdapterTensors& tensors, const AdapterLinear& linear) {
  return linear.router && tensors.routers[*linear.router].module == "mlp";
}

}  // namespace

AdapterWriter::AdapterWriter(Graph& g, std::vector<AdapterInGraph> adapters, Tensor control, bool round_bf16)
    : g_(g), adapters_(std::move(adapters)), control_(control), round_bf16_(round_bf16) {}

Tensor AdapterWriter::state(size_t adapter, const char* part, size_t index, Shape shape) {
  const std::string name = join(adapters_[adapter].name, ".", part, ".", index);
  const Tensor known = g_.find(name);
  return known ? known : g_.state(name, DType::f32, shape);
}

Tensor AdapterWriter::dropped(size_t adapter, Tensor x, double rate) {
  const Tensor& seed = adapters_[adapter].seed;
  return seed && rate > 0 ? dropout(g_, x, seed, rate, salts_++) : x;
}

// The experts of each row, without those rows that belong to others.
AdapterWriter::Chosen AdapterWriter::choose(size_t adapter, size_t router, Tensor x) {
  const AdapterInGraph& a = adapters_[adapter];
  const AdapterRouter& r = a.tensors->routers[router];
  const RoutingPolicy policy = a.observe ? observed_policy(*a.config) : routing_policy(*a.config);
  const Tensor scores = matmul(g_, x, state(adapter, "router", router, {r.experts, r.in}));  // (rows, experts)
  const Routing routing = route(g_, scores, policy);
  routed_.push_back({adapter, router, scores, routing});
  if (a.observe) {
    g_.keep(routing.weights, join(a.name, ".weights.", router));
    g_.keep(routing.entropy, join(a.name, ".entropy.", router));
  }
  const Tensor weights = a.bit ? mask_rows(g_, routing.weights, control_, *a.bit) : routing.weights;
  return {weights, sort_rows(g_, weights, 1, most_chosen(policy, r.experts))};
}

// A plain LoRA of all rows needs no list.
Tensor AdapterWriter::everywhere(size_t adapter, size_t linear, Tensor x, Tensor y) {
  const AdapterLinear& l = adapters_[adapter].tensors->linears[linear];
  const Tensor a = g_.reshape(state(adapter, "a", linear, {1, l.rank, l.in}), {l.rank, l.in});
  const Tensor b = g_.reshape(state(adapter, "b", linear, {1, l.out, l.rank}), {l.out, l.rank});
  const Tensor inner = gemm(g_, {.a = x, .b = a, .transpose_b = true});  // (rows, rank)
  const Tensor scaled = scale(g_, inner, l.scaling * adapters_[adapter].scale);
  return rounded(gemm(g_, {.a = scaled, .b = b, .addend = y, .transpose_b = true}));  // (rows, out)
}

// y plus what the chosen experts make of `inner` (pairs, rank).
Tensor AdapterWriter::added(size_t adapter, size_t linear, Tensor inner, const Chosen& chosen, Tensor y) {
  const AdapterInGraph& in = adapters_[adapter];
  const AdapterLinear& l = in.tensors->linears[linear];
  const Tensor b = state(adapter, "b", linear, {l.experts, l.out, l.rank});
  const double scaling = l.scaling * in.scale;
  if (!round_bf16_)
    return expert_accumulate(g_, {.x = inner,
                                  .stack = b,
                                  .weights = chosen.weights,
                                  .list = chosen.list,
                                  .base = y,
                                  .transpose = true,
                                  .scale = scaling});  // (rows, out)
  const Tensor outputs = expert_gemm(
      g_, {.x = inner, .stack = b, .list = chosen.list, .transpose = true, .by_pair = true, .scale = scaling});
  // MoLA's experts are summed up before they are added, those of the others join one after the other.
  const bool at_once = in.config->kind == AdapterKind::mola;
  const Tensor sum = expert_combine(g_, {.outputs = outputs,
                                         .weights = chosen.weights,
                                         .list = chosen.list,
                                         .residual = at_once ? Tensor{} : y,
                                         .round_bf16 = !at_once});
  return at_once ? rounded(add(g_, y, rounded(sum))) : sum;
}

Tensor AdapterWriter::linear(uint32_t layer, WeightRole role, Tensor x, Tensor y) {
  for (size_t adapter = 0; adapter < adapters_.size(); ++adapter) {
    const AdapterInGraph& in = adapters_[adapter];
    for (size_t i = 0; i < in.tensors->linears.size(); ++i) {
      const AdapterLinear& l = in.tensors->linears[i];
      if (l.layer != layer || l.role != role || is_whole_network(*in.tensors, l)) continue;
      const Tensor input = dropped(adapter, x, (l.router ? in.config->settings_of_experts() : in.config->lora).dropout);
      if (!l.router && !in.bit) {
        y = everywhere(adapter, i, input, y);
        continue;
      }
      Chosen chosen;
      if (l.router) {
        chosen = choose(adapter, *l.router, x);
      } else {
        const int64_t rows = x.shape.rows();
        chosen.weights = mask_rows(g_, g_.reshape(fill(g_, rows, 1), {rows, 1}), control_, *in.bit);
        chosen.list = sort_rows(g_, chosen.weights, 1, 1);
      }
      const Tensor inner = expert_gemm(g_, {.x = input,
                                            .stack = state(adapter, "a", i, {l.experts, l.rank, l.in}),
                                            .list = chosen.list,
                                            .transpose = true});  // (pairs, rank)
      y = added(adapter, i, inner, chosen, y);
    }
  }
  return y;
}

// Each expert is down(silu(gate x) * up x) with addends of its own. What the base computes of gate and up is shared;
// its down runs once a pair.
Tensor AdapterWriter::feed_forward(uint32_t layer, const FeedForward& parts) {
  Tensor y = parts.y;
  for (size_t adapter = 0; adapter < adapters_.size(); ++adapter) {
    const AdapterInGraph& in = adapters_[adapter];
    const auto& routers = in.tensors->routers;
    for (size_t router = 0; router < routers.size(); ++router) {
      if (routers[router].layer != layer || routers[router].module != "mlp") continue;
      const Chosen chosen = choose(adapter, router, parts.x);
      // base (pairs, out) plus the addend of the experts of a linear layer, if they have one.
      const auto extended = [&](WeightRole role, Tensor x, bool by_pair, Tensor base) {
        for (size_t i = 0; i < in.tensors->linears.size(); ++i) {
          const AdapterLinear& l = in.tensors->linears[i];
          if (l.layer != layer || l.role != role || l.router != router) continue;
          const Tensor inner = expert_gemm(g_, {.x = dropped(adapter, x, in.config->settings_of_experts().dropout),
                                                .stack = state(adapter, "a", i, {l.experts, l.rank, l.in}),
                                                .list = chosen.list,
                                                .transpose = true,
                                                .by_pair = by_pair});  // (pairs, rank)
          const Tensor delta = expert_gemm(g_, {.x = inner,
                                                .stack = state(adapter, "b", i, {l.experts, l.out, l.rank}),
                                                .list = chosen.list,
                                                .addend = round_bf16_ ? Tensor{} : base,
                                                .transpose = true,
                                                .by_pair = true,
                                                .scale = l.scaling * in.scale});
          base = round_bf16_ ? rounded(add(g_, base, rounded(delta))) : delta;
        }
        return base;
      };
      const auto by_pair = [&](Tensor x) {
        return scale_pairs(g_,
                           {.x = x, .weights = chosen.weights, .list = chosen.list, .gather = true, .weighted = false});
      };
      const Tensor gate = extended(WeightRole::gate, parts.x, false, by_pair(parts.gate));  // (pairs, intermediate)
      const Tensor up = extended(WeightRole::up, parts.x, false, by_pair(parts.up));        // (pairs, intermediate)
      const Tensor gated = round_bf16_ ? silu_mul_bf16(g_, gate, up) : silu_mul(g_, gate, up);
      const Tensor outputs =
          extended(WeightRole::down, gated, true, rounded(matmul(g_, gated, parts.down)));  // (pairs, hidden)
      // Rows of other conversations keep what they have.
      const Tensor others = in.bit ? mask_rows(g_, y, control_, *in.bit, true) : Tensor{};
      y = rounded(
          expert_combine(g_, {.outputs = outputs, .weights = chosen.weights, .list = chosen.list, .residual = others}));
    }
  }
  return y;
}

}  // namespace lorikeet
