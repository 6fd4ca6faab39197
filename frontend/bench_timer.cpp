#include "frontend/bench_timer.h"

#include <algorithm>
#include <cmath>

#include "frontend/checkpoint/quant/quant.h"
#include "frontend/measure.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"

namespace lorikeet {
namespace {

// Of a node and the forms made for it; -1: of all nodes. 0 without timestamps.
double device_milliseconds(const Plan& plan, int32_t node) {
  const std::vector<double> timings = plan.timings();
  double sum = 0;
  for (size_t i = 0; i < timings.size(); ++i) {
    const int32_t of = plan.draft().dispatches[i].node;
    if (node < 0 || of < 0 || of == node) sum += timings[i];
  }
  return sum;
}

}  // namespace

Result<std::vector<BenchLine>> BenchTimer::choices(const BenchProblem& problem) const {
  if (problem.graph.error()) return *problem.graph.error();
  const Node& node = problem.graph.nodes().back();
  Choices choices;
  node.op->lower(problem.graph, node, device_.profile(), choices);
  std::vector<BenchLine> lines;
  std::vector<float> expected;
  for (auto choice = choices.rbegin(); choice != choices.rend(); ++choice) {
    LK_ASSIGN(BenchLine line, timed(problem, choice->name, choice->tolerance, expected));
    line.what = join(node.op->name, " ", choice->name, ", ", problem.size);
    lines.push_back(line);
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

Result<BenchLine> BenchTimer::whole(const BenchProblem& problem, double tolerance) const {
  if (problem.graph.error()) return *problem.graph.error();
  std::vector<float> expected;
  {
    LK_ASSIGN(Rig rig, Rig::create(device_, kernels_, problem.graph, problem.data, {.choice = "plain"}));
    LK_TRY(rig.run());
    LK_ASSIGN(const RigOutcome outcome, rig.read());
    expected = outcome.floats.at("y");
  }
  return timed(problem, "", tolerance, expected, true);
}

Result<std::vector<BenchLine>> BenchTimer::kernels(const BenchProblem& problem) const {
  LK_ASSIGN(Rig rig, Rig::create(device_, kernels_, problem.graph, problem.data, {.timestamps = true}));
  LK_TRY(rig.run());  // the second run is warm
  LK_TRY(rig.run());
  std::vector<BenchLine> lines;
  add_kernel_lines(lines, problem.size + ",", rig.plan());
  return lines;
}

Result<BenchLine> BenchTimer::timed(const BenchProblem& problem, const std::string& choice, double tolerance,
                                    std::vector<float>& expected, bool all_nodes) const {
  LK_ASSIGN(Rig rig, Rig::create(device_, kernels_, problem.graph, problem.data,
                                 {.choice = choice, .timestamps = device_.profile().timestamps}));
  LK_TRY(rig.run());
  LK_ASSIGN(const RigOutcome outcome, rig.read());
  const auto& got = outcome.floats.at("y");
  if (expected.empty()) expected = got;
  const double error = nmse(got, expected);
  if (!(error <= tolerance))
    return Error{
        ErrorCode::internal,
        join("[bench] ", problem.graph.nodes().back().op->name, " ", choice, " differs from the plain choice: nmse ",
             error, ", allowed ", tolerance, "; run `lorikeet doctor`."),
        {}};
  const int32_t last = int32_t(problem.graph.nodes().size()) - 1;
  double on_device = INFINITY;
  LK_ASSIGN(const double on_host, fastest(seconds_, [&]() -> Status {
              LK_TRY(rig.run());
              on_device = std::min(on_device, device_milliseconds(rig.plan(), all_nodes ? -1 : last));
              return Done{};
            }));
  return BenchLine{"", on_device > 0 ? on_device : on_host, problem.flops, problem.bytes, 0, join("nmse ", error)};
}

std::string rows_text(int64_t rows) { return join(rows, rows == 1 ? " row" : " rows"); }

Status expect_weight(DType type, std::initializer_list<int64_t> columns) {
  if (unit_layout(type).columns == 0)
    return invalid(join("[bench] ", name(type), " is not a weight type that kernels read."));
  for (const int64_t k : columns)
    if (k % layout(type).block)
      return invalid(join("[bench] ", k, " columns are not a multiple of the block of ", layout(type).block, "."));
  return Done{};
}

// Bytes of a file's matrix. Large ones repeat their first rows: a prime number, so that no two experts are alike.
Result<std::vector<std::byte>> random_weight(DType type, int64_t rows, int64_t columns, uint64_t seed) {
  constexpr int64_t kDifferent = 509;
  const uint64_t row = row_bytes(type, uint64_t(columns));
  const int64_t different = std::min(rows, kDifferent);
  std::vector<std::byte> bytes(row * uint64_t(different));
  LK_TRY(quantise(type, noise(different * columns, seed), bytes, 0));
  bytes.resize(row * uint64_t(rows));
  for (size_t at = row * uint64_t(different); at < bytes.size(); ++at) bytes[at] = bytes[at - row * kDifferent];
  return bytes;
}

}  // namespace lorikeet
