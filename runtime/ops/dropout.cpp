#include "shaders/dropout.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs in, const Attributes& a) {
  LK_TRY(expect_f32("x", in[0]));
  LK_TRY(expect_words("seed", in[1]));
  if (in[1].shape.elements() != 3) return invalid(join("seed has ", in[1].shape.elements(), " words, 3 are needed."));
  if (const double rate = a.number("rate"); !(rate >= 0 && rate < 1))
    return invalid(join("the rate is ", rate, ", expected 0 to below 1."));
  return Shapes{{DType::f32, in[0].shape}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t count = node.inputs[0].shape.elements();
  const shader::DropoutParams params{uint32_t(count), float(node.attributes.number("rate")),
                                     uint32_t(node.attributes.integer("salt"))};
  Dispatch dispatch{
      .kernel = "dropout",
      .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.outputs[0])},
      .params = params_bytes(params),
      .groups = spread((count + 63) / 64)};
  choices.push_back({.name = "scalar", .dispatches = {std::move(dispatch)}});
}

// The same mask on the gradient.
Tensors backward(const Backward& b) {
  return {dropout(b.graph, b.gradients[0], b.node.inputs[1], b.node.attributes.number("rate"),
                  b.node.attributes.integer("salt"))};
}

const Op kOp = {.name = "dropout", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor dropout(Graph& g, Tensor x, Tensor seed, double rate, int64_t salt) {
  return g.apply(kOp, {x, seed}, {{"rate", rate}, {"salt", salt}})[0];
}

}  // namespace lorikeet
