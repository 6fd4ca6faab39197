#include "shaders/sample.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

constexpr int64_t kScratchBytes = 64 << 20;  // most scratch of one pair of dispatches

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  const Tensor &logits = inputs[0], &control = inputs[1], &seen = inputs[2], &tokens = inputs[3], &bias = inputs[4];
  LK_TRY(expect_f32("logits", logits));
  LK_TRY(expect_rows("rows of logits", logits.shape.rows()));
  LK_TRY(expect_words("control", control));
  LK_TRY(expect_words("seen", seen));
  LK_TRY(expect_words("tokens", tokens));
  const int64_t vocabulary = logits.shape.columns();
  if (vocabulary > (1 << 22))
    return invalid(join("a vocabulary of ", vocabulary, " is too large, at most ", 1 << 22, " are sampled."));
  if (seen.shape.columns() < (vocabulary + 31) / 32)
    return invalid(join("seen is ", seen.shape.text(), ", ", vocabulary, " tokens need ", (vocabulary + 31) / 32,
                        " words a slot."));
  if (tokens.shape.rank() != 2 || tokens.shape.columns() < 1)
    return invalid(join("tokens must be (slots, ring), not ", tokens.shape.text(), "."));
  if (bias) {
    LK_TRY(expect_f32("logit_bias", bias));
    if (bias.shape.columns() != vocabulary || bias.shape.rows() != tokens.shape.rows())
      return invalid(
          join("logit_bias is ", bias.shape.text(), ", (", tokens.shape.rows(), ", ", vocabulary, ") is needed."));
  }
  return Shapes{};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &logits = node.inputs[0], &bias = node.inputs[4];
  const int64_t vocabulary = logits.shape.columns(), count = logits.shape.rows();
  const int64_t per_lane = (vocabulary + shader::kSampleSegments - 1) / shader::kSampleSegments;
  const int64_t segment = (per_lane + 7) / 8 * 8;
  const int64_t rows = std::clamp<int64_t>(kScratchBytes / (vocabulary * 8), 1, count);  // of one pair of dispatches
  enum : int32_t { scores, segments, candidates };
  Choice choice{.name = "segments",
                .scratch = {uint64_t(rows * vocabulary * 4), uint64_t(rows * shader::kSampleSegments * 16),
                            uint64_t(rows * vocabulary * 8)}};
  const Operand control = Operand::of(node.inputs[1]), seen = Operand::of(node.inputs[2]),
                tokens = Operand::of(node.inputs[3]);
  for (int64_t first = 0; first < count; first += rows) {
    const shader::SampleParams params{uint32_t(vocabulary), uint32_t(segment), uint32_t(node.inputs[3].shape.columns()),
                                      bias ? 1u : 0u, uint32_t(first)};
    const uint32_t entries = uint32_t(std::min(rows, count - first));
    choice.dispatches.push_back({.kernel = "sample_scan",
                                 .operands = {Operand::of(logits), control, seen, Operand::of(bias ? bias : logits),
                                              Operand::of_scratch(scores), Operand::of_scratch(segments)},
                                 .params = params_bytes(params),
                                 .groups = {shader::kSampleSegments / 8, entries, 1},
                                 .bytes = uint64_t(entries * vocabulary * 4)});
    choice.dispatches.push_back({.kernel = "sample",
                                 .operands = {control, Operand::of_scratch(scores), Operand::of_scratch(segments),
                                              Operand::of_scratch(candidates), seen, tokens},
                                 .params = params_bytes(params),
                                 .groups = {entries, 1, 1},
                                 .bytes = uint64_t(entries) * shader::kSampleSegments * 16});
  }
  choices.push_back(std::move(choice));
}

const Op kOp = {.name = "sample", .shape = shape, .lower = lower};

}  // namespace

void sample(Graph& g, Tensor logits, const SampleStates& states) {
  g.apply(kOp, {logits, states.control, states.seen, states.tokens, states.logit_bias});
}

}  // namespace lorikeet
