#include "shaders/sum_rows.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/product.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

constexpr int64_t kPart = 64;  // rows that one lane adds

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  LK_TRY(expect_f32("x", inputs[0]));
  return Shapes{{DType::f32, {inputs[0].shape.columns()}}};
}

// Parts of 64 rows, then parts of 64 parts, and so on.
void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const int64_t columns = node.inputs[0].shape.columns();
  Choice choice{.name = "parts"};
  Operand x = Operand::of(node.inputs[0]);
  for (int64_t rows = node.inputs[0].shape.rows(), parts = 0; parts != 1; rows = parts) {
    parts = (rows + kPart - 1) / kPart;
    Operand y = Operand::of(node.outputs[0]);
    if (parts > 1) {
      y = Operand::of_scratch(int32_t(choice.scratch.size()));
      choice.scratch.push_back(uint64_t(parts * columns) * 4);
    }
    const auto [groups_y, groups_z] = spread_yz(parts);
    choice.dispatches.push_back(
        {.kernel = "sum_rows",
         .operands = {x, y},
         .params = params_bytes(shader::SumRowsParams{uint32_t(rows), uint32_t(columns), uint32_t(kPart)}),
         .groups = {groups_for(columns, 64), groups_y, groups_z}});
    x = y;
  }
  choices.push_back(std::move(choice));
}

Tensors backward(const Backward& b) {
  const Tensor& x = b.node.inputs[0];
  Graph& g = b.graph;
  const Tensor ones = fill(g, x.shape.rows(), 1);
  return {gemm(g, {.a = g.reshape(ones, {x.shape.rows(), 1}), .b = g.reshape(b.gradients[0], {1, x.shape.columns()})})};
}

const Op kOp = {.name = "sum_rows", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor sum_rows(Graph& g, Tensor x) { return g.apply(kOp, {x})[0]; }

}  // namespace lorikeet
