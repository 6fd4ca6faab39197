#include "runtime/ops/gradients.h"
#include "runtime/ops/pointwise.h"
#include "shaders/scale.h"

namespace lorikeet {
namespace {

// Inputs: the loss, then n tensors, then their n gradients.
Result<Shapes> shape(Inputs in, const Attributes&) {
  LK_TRY(expect_vector("the loss", in[0], 1));
  const size_t n = in.size() / 2;
  for (size_t i = 1; i <= n; ++i)
    if (in[i].shape.elements() != in[n + i].shape.elements())
      return invalid(join("a gradient is ", in[n + i].shape.text(), ", its tensor ", in[i].shape.text(), "."));
  return Shapes{{DType::f32, {1}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Operand loss = Operand::of(node.inputs[0]);
  Dispatch copy{.kernel = "scale/float",
                .constants = {{0, 0}},
                .operands = {loss, loss, Operand::of(node.outputs[0])},
                .params = params_bytes(shader::ScaleParams{1, 1.0f})};
  choices.push_back({.name = "copy", .dispatches = {std::move(copy)}});
}

Tensors backward(const Backward& b) {
  const size_t n = b.node.inputs.size() / 2;
  Tensors gradients(b.node.inputs.size());
  for (size_t i = 1; i <= n; ++i)
    if (b.wanted[i]) gradients[i] = scale(b.graph, b.node.inputs[n + i], 1, b.gradients[0]);
  return gradients;
}

const Op kOp = {.name = "with_gradients", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor with_gradients(Graph& g, Tensor loss, const Tensors& inputs, const Tensors& gradients) {
  Tensors all{loss};
  all.insert(all.end(), inputs.begin(), inputs.end());
  all.insert(all.end(), gradients.begin(), gradients.end());
  return g.apply(kOp, all)[0];
}

}  // namespace lorikeet
