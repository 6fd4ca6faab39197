#include "frontend/bench_adapter.h"

#include <cstdio>

#include "frontend/adapters/adapter_routing.h"
#include "frontend/adapters/adapter_writer.h"
#include "frontend/bench_timer.h"
#include "frontend/measure.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"

namespace lorikeet {
namespace {

constexpr const char* kName = "adapter";

// DynMoLE that takes just so many experts.
AdapterConfig config_with(const AdapterBench& what, int64_t active) {
  AdapterConfig config;
  config.kind = AdapterKind::dynmole;
  config.lora = {.r = uint32_t(what.rank), .alpha = 2 * double(what.rank)};
  config.experts = uint32_t(what.experts);
  config.keep_top_k = uint32_t(active);
  config.top_p = 1e-6;
  config.entropy.threshold = 1;
  return config;
}

AdapterTensors tensors_of(const AdapterBench& what) {
  const uint32_t in = uint32_t(what.columns), experts = uint32_t(what.experts);
  const char* module = "mlp.gate_proj";
  AdapterTensors tensors;
  tensors.routers.push_back({.module = module, .in = in, .experts = experts});
  tensors.linears.push_back({.role = WeightRole::gate,
                             .module = module,
                             .in = in,
                             .out = uint32_t(what.outputs),
                             .experts = experts,
                             .rank = uint32_t(what.rank),
                             .router = 0});
  return tensors;
}

// The linear layer with so many experts active; none: without an adapter.
Result<BenchProblem> layer_problem(const AdapterBench& what, int64_t active) {
  BenchProblem p{.size = rows_text(what.rows)};
  const int64_t layer = what.outputs * what.columns, experts = what.rank * (what.columns + what.outputs);
  const Tensor x = p.graph.input("x", DType::f32, {what.rows, what.columns});
  const Tensor w = p.graph.weight("w", what.type, {what.outputs, what.columns}, {"w", 0, padded_rows(what.outputs)});
  p.data.floats["x"] = noise(what.rows * what.columns, 2);
  LK_ASSIGN(p.data.bytes["w"], random_weight(what.type, what.outputs, what.columns, 1));
  p.flops = 2.0 * double(what.rows) * double(layer + active * experts);
  p.bytes = double(packed_bytes(what.type, what.outputs, what.columns)) + 4.0 * double(active * experts) +
            4.0 * double(what.rows * (what.columns + what.outputs));
  Tensor y = matmul(p.graph, x, w);
  if (active > 0) {
    const AdapterConfig config = config_with(what, active);
    const AdapterTensors tensors = tensors_of(what);
    p.data.floats[join(kName, ".router.0")] = noise(what.experts * what.columns, 3);
    p.data.floats[join(kName, ".a.0")] = noise(what.experts * what.rank * what.columns, 4);
    p.data.floats[join(kName, ".b.0")] = noise(what.experts * what.rank * what.outputs, 5);
    AdapterWriter writer(p.graph, {{.config = &config, .tensors = &tensors, .name = kName}}, {});
    y = writer.linear(0, WeightRole::gate, x, y);
  }
  p.graph.keep(y, "y");
  return p;
}

}  // namespace

Result<std::vector<BenchLine>> profile_adapter(Device& device, KernelLibrary& kernels, const AdapterBench& what) {
  LK_TRY(expect_weight(what.type, {what.columns}));
  LK_ASSIGN(const BenchProblem problem, layer_problem(what, what.used));
  return BenchTimer(device, kernels, what.seconds).kernels(problem);
}

Result<std::vector<BenchLine>> bench_adapter(Device& device, KernelLibrary& kernels, const AdapterBench& what) {
  constexpr double kTolerance = 1e-6;  // of three products after one another
  LK_TRY(expect_weight(what.type, {what.columns}));
  const BenchTimer timer(device, kernels, what.seconds);
  std::vector<BenchLine> lines;
  for (const int64_t active : {int64_t(0), what.used, what.experts}) {
    LK_ASSIGN(const BenchProblem problem, layer_problem(what, active));
    LK_ASSIGN(BenchLine line, timer.whole(problem, kTolerance));
    line.what = active == 0 ? join("frozen layer, ", rows_text(what.rows))
                            : join("with ", active, " of ", what.experts, " experts, ", rows_text(what.rows));
    if (active > 0) {
      const double alone = lines.front().milliseconds;
      char cost[96];
      std::snprintf(cost, sizeof cost, ", %.2f times the frozen layer, adapter %.3f ms", line.milliseconds / alone,
                    line.milliseconds - alone);
      line.note += cost;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace lorikeet
