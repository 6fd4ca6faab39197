#include "shaders/embed.h"
#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/weight_ranges.h"

namespace lorikeet {
namespace {

constexpr int64_t kMaxRows = 65535;

Result<Shapes> shape(Inputs in, const Attributes& attributes) {
  const Tensor &table = in[0], &control = in[1], &visual = in[2];
  if (!table || !control) return invalid("table and control must be given.");
  if (table.shape.rank() != 2)
    return invalid(join("table is ", table.shape.text(), ", expected (vocabulary, hidden)."));
  if (unit_layout(table.dtype).columns == 0)
    return invalid(join("table is ", name(table.dtype), ", which is not a weight type."));
  if (control.dtype != DType::u32) return invalid(join("control is ", name(control.dtype), ", expected u32."));
  const int64_t rows = attributes.integer("rows");
  if (rows < 1 || rows > kMaxRows) return invalid(join("rows is ", rows, ", expected 1 to ", kMaxRows, "."));
  if (visual && (visual.dtype != DType::f32 || visual.shape.columns() != table.shape.columns()))
    return invalid(join("visual is ", name(visual.dtype), " ", visual.shape.text(), ", expected f32 rows of ",
                        table.shape.columns(), "."));
  return Shapes{{DType::f32, {rows, table.shape.columns()}}};
}

// A trained table is plain f32.
Dispatch trained_table(const Node& node) {
  const Tensor &table = node.inputs[0], &visual = node.inputs[2], &y = node.outputs[0];
  shader::EmbedParams params{};
  params.rows = uint32_t(y.shape.rows());
  params.columns = uint32_t(y.shape.columns());
  params.vocabulary = uint32_t(table.shape.rows());
  params.visual_rows = visual ? uint32_t(visual.shape.rows()) : 0;
  return {.kernel = "embed_rows",
          .constants = {{0, bool(visual)}},
          .operands = {Operand::of(table), Operand::of(node.inputs[1]), Operand::of(y),
                       Operand::of(visual ? visual : node.inputs[1])},
          .params = params_bytes(params),
          .groups = {groups_for(y.shape.columns(), 64), params.rows, 1}};
}

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  constexpr int64_t kColumnsPerGroup = 32 * 8;
  const Tensor &table = node.inputs[0], &control = node.inputs[1], &visual = node.inputs[2], &y = node.outputs[0];
  const int64_t vocabulary = table.shape.rows(), columns = table.shape.columns();
  if (graph.info(table).kind != TensorKind::weight) {
    choices.push_back({.name = "trained", .dispatches = {trained_table(node)}});
    return;
  }
  Choice choice{.name = "plain"};
  for (const WeightRange& range : weight_ranges(graph, table, vocabulary, false, profile)) {
    shader::EmbedParams params{};
    params.rows = uint32_t(y.shape.rows());
    params.columns = uint32_t(columns);
    params.units = uint32_t(units(table.dtype, columns));
    params.vocabulary = uint32_t(vocabulary);
    params.first = uint32_t(range.first);
    params.count = uint32_t(range.count);
    params.row = uint32_t(range.row);
    params.visual_rows = visual ? uint32_t(visual.shape.rows()) : 0;
    params.last = range.first + range.count == vocabulary;
    choice.dispatches.push_back(
        {.kernel = join("embed/", name(table.dtype)),
         .constants = {{0, bool(visual)}},
         .operands = {Operand::of_page(table, int32_t(range.page)), Operand::of(control), Operand::of(y),
                      Operand::of(visual ? visual : control)},
         .params = params_bytes(params),
         .groups = {groups_for(columns, kColumnsPerGroup), params.rows, 1},
         .bytes = uint64_t(params.rows) * (group_bytes(table.dtype, columns) / kGroupRows + uint64_t(columns) * 4)});
  }
  choices.push_back(std::move(choice));
}

Tensors backward(const Backward& b) {
  const Tensor &table = b.node.inputs[0], &control = b.node.inputs[1], &visual = b.node.inputs[2];
  const Tensor dy = b.gradients[0];
  return {b.wanted[0] ? embed_grad(b.graph, dy, control, table.shape.rows(), false) : Tensor{},
          {},
          b.wanted[2] ? embed_grad(b.graph, dy, control, visual.shape.rows(), true) : Tensor{}};
}

const Op kEmbed{"embed", shape, lower, backward};

}  // namespace

Tensor embed(Graph& g, Tensor table, Tensor control, int64_t rows, Tensor visual) {
  return g.apply(kEmbed, {table, control, visual}, {{"rows", rows}})[0];
}

}  // namespace lorikeet
