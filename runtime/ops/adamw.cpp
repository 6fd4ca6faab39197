#include "shaders/adamw.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/pointwise.h"

namespace lorikeet {
namespace {

enum Input { kParameter, kGradient, kMomentum, kVariance, kStep, kSquares };

Result<Shapes> shape(Inputs in, const Attributes& a) {
  const int64_t count = in[kParameter].shape.elements();
  LK_TRY(expect_f32("the parameter", in[kParameter]));
  LK_TRY(expect_vector("the gradient", in[kGradient], count));
  LK_TRY(expect_vector("the momentum", in[kMomentum], count));
  LK_TRY(expect_vector("the variance", in[kVariance], count));
  LK_TRY(expect_vector("the step", in[kStep], int64_t(shader::kStepFloats)));
  if (a.number("clip") > 0) LK_TRY(expect_vector("the sum of squares", in[kSquares], 1));
  for (const char* beta : {"beta1", "beta2"})
    if (!(a.number(beta) >= 0 && a.number(beta) < 1))
      return invalid(join(beta, " is ", a.number(beta), ", expected 0 to below 1."));
  return Shapes{};
}

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Attributes& a = node.attributes;
  const int64_t elements = node.inputs[kParameter].shape.elements();
  const auto choice = [&](std::string_view name, std::string_view kernel, int64_t width) {
    const int64_t count = elements / width, turns = pointwise_turns(count, profile);
    const shader::AdamwParams params{.count = uint32_t(count),
                                     .turns = uint32_t(turns),
                                     .beta1 = float(a.number("beta1")),
                                     .beta2 = float(a.number("beta2")),
                                     .eps = float(a.number("eps")),
                                     .decay = float(a.number("decay")),
                                     .clip = float(a.number("clip")),
                                     .decoupled = uint32_t(a.integer("decoupled"))};
    Dispatch dispatch{.kernel = std::string(kernel),
                      .params = params_bytes(params),
                      .groups = spread((count + 64 * turns - 1) / (64 * turns))};
    for (const Tensor& input : node.inputs)
      dispatch.operands.push_back(Operand::of(input ? input : node.inputs[kStep]));
    choices.push_back({.name = std::string(name), .dispatches = {std::move(dispatch)}});
  };
  if (elements % 4 == 0) choice("vec4", "adamw/vec4", 4);
  choice("scalar", "adamw/float", 1);
}

const Op kOp = {.name = "adamw", .shape = shape, .lower = lower};

}  // namespace

void adamw(Graph& g, const AdamwStates& states, const Adamw& a) {
  g.apply(kOp, {states.parameter, states.gradient, states.momentum, states.variance, states.step, states.squares},
          {{"beta1", a.beta1},
           {"beta2", a.beta2},
           {"eps", a.eps},
           {"decay", a.decay},
           {"clip", a.clip},
           {"decoupled", int64_t(a.decoupled)}});
}

}  // namespace lorikeet
