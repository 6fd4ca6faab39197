#include <algorithm>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/support.h"
#include "runtime/ops/work_list.h"
#include "shaders/matmul.h"
#include "shaders/matmul_gate.h"
#include "shaders/matmul_prepare.h"
#include "shaders/work_list.h"

namespace lorikeet {
namespace {

enum Input { kX, kStack, kList };

// ---- shape rule -----------------------------------------------------------------------------------------------------

Result<Shapes> shape(Inputs in, const Attributes& a) {
  const Tensor &x = in[kX], &stack = in[kStack];
  LK_TRY(expect_f32("x", x));
  LK_TRY(expect_words("list", in[kList]));
  if (!stack || stack.shape.rank() != 2 || unit_layout(stack.dtype).columns == 0)
    return invalid("the stack must be a packed weight (experts * rows of an expert, columns).");
  const int64_t k = stack.shape.columns(), outputs = a.integer("outputs"), experts = a.integer("experts");
  if (x.shape.columns() != k && x.shape.columns() != padded_rows(k))
    return invalid(join("the stack has ", k, " columns, the last axis of x has ", x.shape.columns(), "."));
  if (k > kMaxTileColumns)
    return invalid(join("the stack has ", k, " columns, at most ", kMaxTileColumns, " are supported."));
  const bool gated = a.integer("gated") != 0;
  if (experts < 1 || outputs < 1 || stack.shape.rows() != experts * expert_rows(outputs, gated))
    return invalid(join("the stack has ", stack.shape.rows(), " rows, expected ", experts, " experts of ",
                        expert_rows(outputs, gated), "."));
  return Shapes{{DType::f32, {a.integer("pairs"), gated ? padded_rows(outputs) : outputs}}};
}

// ---- lowering -------------------------------------------------------------------------------------------------------

// x with its columns padded to a multiple of 32, for all products that want it.
Form padded_x(const Tensor& x) {
  const int64_t rows = x.shape.rows(), k = x.shape.columns(), columns = padded_rows(k);
  Form form{.name = "f32", .input = x, .bytes = uint64_t(rows * columns) * 4};
  const shader::MatmulPrepareParams params{uint32_t(rows), uint32_t(k), uint32_t(columns), 0, 0};
  const auto [y, z] = spread_yz(rows);
  form.make = {.kernel = "matmul_prepare/f32",
               .constants = {{0, 0}},
               .operands = {Operand::of(x), Operand::of(x), Operand::of_form(0)},
               .params = params_bytes(params),
               .groups = {1, y, z}};
  return form;
}

class Lowering {
 public:
  Lowering(const Graph& graph, const Node& node, const Node& sort, const DeviceProfile& profile)
      : node_(node),
        profile_(profile),
        shape_(work_list_shape(sort)),
        layout_(graph, sort, profile),
        stack_(expert_stack(node, profile)) {}

  // Tiles of one row by the kernel for one row, higher ones by that for many.
  Choice tiles() const {
    const bool padded = node_.inputs[kX].shape.columns() % 32 != 0;
    Choice choice = whole("tile", [&](const Piece& piece, Choice& into) {
      const uint32_t height = layout_.heights()[piece.height_class];
      const ProductCut cut = cut_of_height(profile_, height, stack_);
      const bool vec = height == 1;
      Dispatch d =
          dispatch(piece, padded ? Operand::of_form(0) : Operand::of(node_.inputs[kX]), padded_rows(columns()));
      d.kernel = join(vec ? "matmul_vec/" : "matmul_tile/", name(stack_.weight.dtype), "/", cut.form);
      d.constants.push_back({kLanes, cut.lanes});
      if (vec) d.constants.push_back({kSlices, cut.slices});
      if (cut.form != "fixed") d.constants.push_back({kRowsPerLane, cut.rows});
      if (!vec && cut.form != "fixed") d.constants.push_back({kTokens, height});
      if (vec && cut.form == "broadcast") d.operands.push_back(d.operands.front());  // the norm weight: not used
      into.dispatches.push_back(std::move(d));
    });
    if (padded) choice.forms.push_back(padded_x(node_.inputs[kX]));
    choice.pinned_order = false;
    return choice;
  }

  // A lane an output, as wide as the tiles are: the list says how many workgroups there are.
  Choice plain() const {
    return whole("plain", [&](const Piece& piece, Choice& into) {
      const ProductCut cut = cut_of_height(profile_, layout_.heights()[piece.height_class], stack_);
      Dispatch d = dispatch(piece, Operand::of(node_.inputs[kX]), columns());
      d.kernel = join("matmul/", name(stack_.weight.dtype));
      d.constants.push_back({kLanes, cut.outputs(stack_.gated)});
      into.dispatches.push_back(std::move(d));
    });
  }

 private:
  // What one dispatch does: rows first .. first + count - 1 of the experts of a window, for the tiles of one class.
  struct Piece {
    size_t height_class = 0;
    int64_t window = 0, page = 0, row = 0, first = 0, count = 0;
    Operand y;
  };

  int64_t columns() const { return stack_.weight.shape.columns(); }

  template <class Add>
  Choice whole(std::string_view name, Add add) const {
    Choice choice{.name = std::string(name)};
    const Tensor& y = node_.outputs[0];
    const bool gate_after = stack_.split && node_.attributes.integer("gated") != 0;
    if (gate_after) choice.scratch.push_back(uint64_t(shape_.pairs() * stack_.expert_rows) * 4);
    Piece piece{.count = y.shape.columns(), .y = gate_after ? Operand::of_scratch(0) : Operand::of(y)};
    for (piece.height_class = 0; piece.height_class < layout_.heights().size(); ++piece.height_class) {
      for (piece.window = 0; piece.window < windows_of(stack_, shape_.experts); ++piece.window) {
        piece.page = piece.window;
        if (!stack_.split) add(piece, choice);
        else add_split(piece, add, choice);
      }
    }
    if (gate_after) choice.dispatches.push_back(gate());
    return choice;
  }

  // The rows of one expert, page by page.
  template <class Add>
  void add_split(Piece piece, Add add, Choice& choice) const {
    const int64_t begin = piece.window * stack_.expert_rows;
    for (int64_t first = 0; first < stack_.outputs; first += piece.count) {
      piece.first = first;
      piece.page = (begin + first) / stack_.page_rows;
      piece.row = (begin + first) % stack_.page_rows;
      piece.count = std::min(stack_.outputs - first, stack_.page_rows - piece.row);
      add(piece, choice);
    }
  }

  Dispatch gate() const {
    const Tensor& y = node_.outputs[0];
    const shader::MatmulGateParams params{uint32_t(shape_.pairs()), uint32_t(y.shape.columns()),
                                          uint32_t(y.shape.columns()), uint32_t(stack_.expert_rows)};
    const auto [groups_y, groups_z] = spread_yz(shape_.pairs());
    return {.kernel = "matmul_gate",
            .operands = {Operand::of_scratch(0), Operand::of(y)},
            .params = params_bytes(params),
            .groups = {groups_for(y.shape.columns(), 64), groups_y, groups_z}};
  }

  Dispatch dispatch(const Piece& piece, Operand x, int64_t columns) const {
    const Tensor &y = node_.outputs[0], &list = node_.inputs[kList];
    const uint32_t entry = layout_.entry_at(node_, piece.height_class, piece.window);
    shader::MatmulParams params{};
    params.x_columns = uint32_t(x.kind == Operand::Kind::form ? columns : node_.inputs[kX].shape.columns());
    params.columns = uint32_t(columns);
    params.y_columns = uint32_t(stack_.split ? stack_.outputs : y.shape.columns());
    params.first = uint32_t(piece.first);
    params.count = uint32_t(piece.count);
    params.row = uint32_t(piece.row);
    params.up_row = uint32_t(stack_.gated ? padded_rows(stack_.outputs) : 0);
    params.units = uint32_t(units(stack_.weight.dtype, this->columns()));
    params.list_at = entry;
    params.rows_at = layout_.rows_at();
    params.expert_rows = uint32_t(stack_.expert_rows);
    Dispatch d{.constants = {{kGated, stack_.gated},
                             {kHasBias, 0},
                             {kHasResidual, 0},
                             {kGrouped, 1},
                             {kGather, uint32_t(node_.attributes.integer("gather"))}},
               .operands = {x, Operand::of_page(stack_.weight, int32_t(piece.page)), x, x, piece.y, Operand::of(list)},
               .params = params_bytes(params),
               .indirect = true,
               .arguments = {Operand::Kind::tensor, list.id, uint64_t(entry) * 4, 12, 0}};
    d.bytes = 4;
    if (piece.height_class == 0 && piece.window == 0 && piece.first == 0) {
      // For all pieces together, where every row chooses the most experts.
      const int64_t rows = stack_.outputs * (stack_.gated ? 2 : 1);
      d.flops = 2.0 * double(shape_.pairs()) * double(rows) * double(this->columns());
      d.bytes = packed_bytes(stack_.weight.dtype, rows, this->columns()) *
                    uint64_t(std::min(shape_.pairs(), shape_.experts)) +
                uint64_t(shape_.pairs() * (y.shape.columns() + this->columns())) * 4;
    }
    return d;
  }

  const Node& node_;
  const DeviceProfile& profile_;
  const WorkListShape shape_;
  const WorkListLayout layout_;
  const ExpertStack stack_;
};

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Lowering lowering(graph, node, *maker_of_list(graph, node.inputs[kList]), profile);
  choices.push_back(lowering.tiles());
  choices.push_back(lowering.plain());
}

// Frozen stacks only: expert_gemm is for those that are trained. Gates and ups are computed once more, as one product.
Tensors backward(const Backward& b) {
  Graph& g = b.graph;
  const Tensor &x = b.node.inputs[kX], &stack = b.node.inputs[kStack], &list = b.node.inputs[kList];
  const bool gated = b.node.attributes.integer("gated") != 0, gather = b.node.attributes.integer("gather") != 0;
  const int64_t outputs = b.node.attributes.integer("outputs"), rows = expert_rows(outputs, gated);
  if (b.wanted[kStack] || x.shape.columns() != stack.shape.columns()) {
    g.fail(unsupported("[expert_matmul] has a gradient of x alone, and where its columns are not padded."));
    return {};
  }
  const Node sort = *maker_of_list(g, list);
  Tensor dy = b.gradients[0];
  if (gated) {
    const Tensor own = g.apply(*sort.op, sort.inputs, sort.attributes)[0];  // a list serves few products
    const Tensor both =
        expert_matmul(g, {.x = x, .stack = stack, .list = own, .outputs = rows, .by_pair = !gather});  // (pairs, rows)
    dy = gated_grad(g, both, dy);
  }
  const Tensor dx = expert_matmul_grad(
      g, {.dy = dy, .stack = stack, .list = list, .outputs = gated ? rows : outputs, .expert_rows = rows});
  if (!gather) return {dx};
  return {expert_combine(g, {.outputs = dx, .weights = sort.inputs[0], .list = list, .weighted = false})};
}

const Op kOp{"expert_matmul", shape, lower, backward};

}  // namespace

Tensor expert_matmul(Graph& g, const ExpertMatmul& parts) {
  const Node* sort = maker_of_list(g, parts.list);
  if (!sort) {
    g.fail(invalid("[expert_matmul] the list must come from sort_rows."));
    return {};
  }
  const WorkListShape shape = work_list_shape(*sort);
  const auto reads_list = [&](const Node& node) { return node.op == &kOp && node.inputs[kList].id == parts.list.id; };
  if (std::count_if(g.nodes().begin(), g.nodes().end(), reads_list) >= int64_t(shader::kMaxConsumers)) {
    g.fail(invalid(join("[expert_matmul] a list serves at most ", shader::kMaxConsumers, " products.")));
    return {};
  }
  if (const StorageRef& storage = g.info(parts.stack).storage;
      storage.first_row != 0 || storage.rows != parts.stack.shape.rows() ||
      storage.block_rows != expert_rows(parts.outputs, parts.gated)) {
    g.fail(invalid("[expert_matmul] the stack must be a storage of its own whose blocks are the experts."));
    return {};
  }
  const bool gather = !parts.by_pair;
  if (parts.x && parts.x.shape.rows() != (gather ? shape.rows : shape.pairs())) {
    g.fail(invalid(join("[expert_matmul] x has ", parts.x.shape.rows(), " rows, the list is of ",
                        gather ? shape.rows : shape.pairs(), ".")));
    return {};
  }
  return g.apply(kOp, {parts.x, parts.stack, parts.list},
                 {{"experts", shape.experts},
                  {"pairs", shape.pairs()},
                  {"outputs", parts.outputs},
                  {"gated", int64_t(parts.gated)},
                  {"gather", int64_t(gather)}})[0];
}

}  // namespace lorikeet
