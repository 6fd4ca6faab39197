#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/product.h"
#include "runtime/ops/weight_ranges.h"
#include "shaders/embedded.h"
#include "shaders/matmul.h"
#include "shaders/matmul_gate.h"
#include "shaders/matmul_prepare.h"

namespace lorikeet {
namespace {

enum Input { kX, kWeight, kBias, kResidual, kNormWeight };

// ---- shape rule -----------------------------------------------------------------------------------------------------

Status check_weight(const Tensor& x, const Tensor& weight) {
  if (!x || !weight) return invalid("x and weight must be given.");
  if (x.dtype != DType::f32) return invalid(join("x is ", name(x.dtype), ", expected f32."));
  if (weight.shape.rank() != 2) return invalid(join("weight is ", weight.shape.text(), ", expected (rows, columns)."));
  if (unit_layout(weight.dtype).columns == 0)
    return invalid(join("weight is ", name(weight.dtype), ", which is not a weight type."));
  const int64_t k = weight.shape.columns();
  if (x.shape.columns() != k)
    return invalid(join("weight has ", k, " columns, the last axis of x has ", x.shape.columns(), "."));
  if (k < 1 || k > kMaxColumns) return invalid(join("weight has ", k, " columns, expected 1 to ", kMaxColumns, "."));
  if (x.shape.rows() < 1) return invalid("x has no rows.");
  return Done{};
}

Status check_vector(const Tensor& vector, std::string_view what, int64_t elements) {
  if (!vector) return Done{};
  if (vector.dtype != DType::f32) return invalid(join(what, " is ", name(vector.dtype), ", expected f32."));
  if (vector.shape.elements() != elements)
    return invalid(join(what, " has ", vector.shape.elements(), " elements, expected ", elements, "."));
  return Done{};
}

Result<Shapes> shape(Inputs in, const Attributes& attributes) {
  const Tensor &x = in[kX], &weight = in[kWeight];
  LK_TRY(check_weight(x, weight));
  const int64_t gated = attributes.integer("gated_rows");
  const int64_t n = gated > 0 ? gated : weight.shape.rows();
  if (gated > 0 && weight.shape.rows() != padded_rows(gated) + gated)
    return invalid(join("weight has ", weight.shape.rows(), " rows, expected ", padded_rows(gated) + gated,
                        " for gate and up of ", gated, "."));
  if (gated > 0 && (in[kBias] || in[kResidual])) return invalid("a gated product takes neither bias nor residual.");
  LK_TRY(check_vector(in[kBias], "bias", n));
  LK_TRY(check_vector(in[kNormWeight], "norm weight", weight.shape.columns()));
  LK_TRY(check_vector(in[kResidual], "residual", x.shape.rows() * n));
  return Shapes{{DType::f32, {x.shape.rows(), n}}};
}

// ---- lowering -------------------------------------------------------------------------------------------------------

// What a kernel takes x as: the tensor itself, or rows padded to 32 columns, as they are, rounded to int8 blocks or to
// f16.
enum class XForm { none, f32, q8, f16 };

// One node as the kernels see it.
struct Product {
  const Graph& graph;
  const Node& node;
  const DeviceProfile& profile;
  Tensor x = node.inputs[kX], weight = node.inputs[kWeight], y = node.outputs[0];
  int64_t tokens = x.shape.rows(), k = weight.shape.columns(), n = y.shape.columns();
  bool gated = node.attributes.integer("gated_rows") > 0;
  bool normed = bool(node.inputs[kNormWeight]);
  XForm exact_form() const { return normed || k % 32 != 0 ? XForm::f32 : XForm::none; }

  // Absent inputs are bound to x and never read.
  Operand operand(Input input) const { return Operand::of(node.inputs[input] ? node.inputs[input] : x); }
  uint32_t element_of(Input input) const {
    const Tensor& tensor = node.inputs[input];
    return tensor && graph.info(tensor).kind == TensorKind::weight ? uint32_t(graph.info(tensor).storage.first_row) : 0;
  }
};

int64_t columns_of(const Product& a, XForm form) { return form == XForm::none ? a.k : (a.k + 31) / 32 * 32; }

int64_t rows_of(const Product& a, XForm form) {
  return form == XForm::f16 ? (a.tokens + shader::kHalfRows - 1) / shader::kHalfRows * shader::kHalfRows : a.tokens;
}

uint64_t form_bytes(const Product& a, XForm form) {
  const uint64_t rows = uint64_t(rows_of(a, form)), columns = uint64_t(columns_of(a, form));
  if (form == XForm::q8) return rows * (columns / 32) * shader::kQ8BlockWords * 4;
  if (form == XForm::f16) return rows * (columns * 2 + 4);
  return rows * columns * 4;
}

// The form and, if the node norms, the norm: made once for all products that want it.
Form prepared(const Product& a, XForm form) {
  const std::string_view out = form == XForm::q8 ? "q8" : form == XForm::f16 ? "f16" : "f32";
  const int64_t columns = columns_of(a, form);
  Form made{.name = std::string(out), .input = a.x, .bytes = form_bytes(a, form)};
  shader::MatmulPrepareParams params{uint32_t(a.tokens), uint32_t(a.k), uint32_t(columns), 0, 0};
  if (a.normed) {
    params.norm_at = a.element_of(kNormWeight);
    params.eps = float(a.node.attributes.number("norm_eps"));
    made.name += join(" rms_norm ", a.node.inputs[kNormWeight].id, " eps ", params.eps);
  }
  const auto [y, z] = spread_yz(rows_of(a, form));
  made.make = {.kernel = join("matmul_prepare/", out),
               .constants = {{0, a.normed}},
               .operands = {Operand::of(a.x), a.operand(kNormWeight), Operand::of_form(0)},
               .params = params_bytes(params),
               .groups = {1, y, z},
               .bytes = uint64_t(a.tokens * a.k) * 4 + made.bytes};
  return made;
}

// A kernel and how it cuts the work.
struct Method {
  std::string choice;
  std::string kernel;  // "matmul_vec/q4_1/fixed"
  XForm form = XForm::none;
  uint32_t lanes = 64;         // of a workgroup along its rows
  uint32_t group_rows = 0;     // weight rows of a workgroup; 0: one output a lane, gated or not
  uint32_t tokens = 1;         // of a workgroup
  uint32_t subgroup_size = 0;  // that the kernel must have; 0: any
  bool lists = true;           // the kernel takes work lists
  bool norms = false;          // the kernel can norm x on the way
  std::vector<std::pair<uint32_t, uint32_t>> constants;  // beside those that every kernel has
};

// The dispatches of a kernel over the pages of rows 0 .. rows - 1 of the weight, into y of `y_columns`.
void add_dispatches(const Product& a, const Method& m, bool gated, int64_t rows, Operand y, Choice& choice) {
  const int64_t columns = columns_of(a, m.form);
  const uint64_t row_bytes = group_bytes(a.weight.dtype, a.k) / kGroupRows;
  const auto [groups_y, groups_z] = spread_yz((a.tokens + m.tokens - 1) / m.tokens);
  for (const WeightRange& range : weight_ranges(a.graph, a.weight, rows, gated, a.profile)) {
    shader::MatmulParams params{};
    params.tokens = uint32_t(a.tokens);
    params.x_columns = params.columns = uint32_t(columns);
    params.y_columns = uint32_t(rows);
    params.first = uint32_t(range.first);
    params.count = uint32_t(range.count);
    params.row = uint32_t(range.row);
    params.up_row = uint32_t(range.up_row);
    params.units = uint32_t(units(a.weight.dtype, a.k));
    params.bias_at = a.element_of(kBias);
    params.norm_at = a.element_of(kNormWeight);
    params.eps = a.normed ? float(a.node.attributes.number("norm_eps")) : 0.0f;
    Dispatch dispatch{.kernel = m.kernel, .constants = m.constants, .subgroup_size = m.subgroup_size};
    dispatch.constants.insert(dispatch.constants.end(), {{kLanes, m.lanes},
                                                         {kGated, gated},
                                                         {kHasBias, bool(a.node.inputs[kBias])},
                                                         {kHasResidual, bool(a.node.inputs[kResidual])}});
    dispatch.operands = {m.form == XForm::none ? Operand::of(a.x) : Operand::of_form(0),
                         Operand::of_page(a.weight, int32_t(range.page)), a.operand(kBias), a.operand(kResidual), y};
    if (m.lists) dispatch.operands.push_back(Operand::of(a.x));  // never read
    if (m.norms) dispatch.operands.push_back(a.operand(kNormWeight));
    dispatch.params = params_bytes(params);
    dispatch.groups = {groups_for(range.count, m.group_rows == 0 ? m.lanes
                                               : gated           ? m.group_rows / 2
                                                                 : m.group_rows),
                       groups_y, groups_z};
    const int64_t read = range.count * (gated ? 2 : 1);
    dispatch.flops = 2.0 * double(a.tokens) * double(read) * double(a.k);
    dispatch.bytes = uint64_t(read) * row_bytes + form_bytes(a, m.form) + uint64_t(a.tokens * range.count) * 4;
    choice.dispatches.push_back(std::move(dispatch));
  }
}

// True if every gate row and its up row lie in the same page.
bool gate_beside_up(const Product& a) {
  for (const WeightRange& range : weight_ranges(a.graph, a.weight, a.n, true, a.profile))
    if (range.page != range.up_page) return false;
  return true;
}

Choice make_choice(const Product& a, const Method& m) {
  Choice choice{.name = m.choice};
  if (m.form != XForm::none) choice.forms.push_back(prepared(a, m.form));
  if (!a.gated || gate_beside_up(a)) {
    add_dispatches(a, m, a.gated, a.n, Operand::of(a.y), choice);
    return choice;
  }
  // Gate and up as one plain product, then the gate.
  const int64_t stored = a.weight.shape.rows();
  choice.scratch.push_back(uint64_t(a.tokens * stored) * 4);
  add_dispatches(a, m, false, stored, Operand::of_scratch(0), choice);
  const shader::MatmulGateParams params{uint32_t(a.tokens), uint32_t(a.n), uint32_t(padded_rows(a.n)),
                                        uint32_t(stored)};
  const auto [y, z] = spread_yz(a.tokens);
  choice.dispatches.push_back({.kernel = "matmul_gate",
                               .operands = {Operand::of_scratch(0), Operand::of(a.y)},
                               .params = params_bytes(params),
                               .groups = {groups_for(a.n, 64), y, z},
                               .bytes = uint64_t(a.tokens * 3 * a.n) * 4});
  return choice;
}

// Tokens are shared out evenly among the tiles, so that few are counted twice.
uint32_t tokens_of_tile(const Product& a, int64_t widest) {
  const int64_t tiles = (a.tokens + widest - 1) / widest;
  return uint32_t((a.tokens + tiles - 1) / tiles);
}

Method vec_method(const Product& a) {
  const ProductCut cut = vec_cut(a.profile, a.n, a.gated);
  Method m{.choice = "vec",
           .kernel = join("matmul_vec/", name(a.weight.dtype), "/", cut.form),
           .form = a.exact_form(),
           .lanes = cut.lanes,
           .group_rows = cut.lanes * cut.rows,
           .constants = {{kSlices, cut.slices}}};
  if (cut.form != "fixed") m.constants.push_back({kRowsPerLane, cut.rows});
  m.norms = cut.form == "broadcast";
  if (m.norms) {
    const bool inside = a.normed && a.k % 32 == 0;
    if (inside) m.form = XForm::none;
    m.constants.push_back({kNorm, inside});
  }
  return m;
}

// A lane owns fewer rows where otherwise too few lanes would be at work on a GPU.
ProductCut tile_cut_for(const Product& a) {
  ProductCut cut = tile_cut(a.profile);
  if (a.profile.kind == DeviceKind::cpu) return cut;
  const int64_t tiles = (a.tokens + cut.tokens - 1) / cut.tokens;
  while (cut.rows > (a.gated ? 2u : 1u) && a.n / cut.outputs(a.gated) * cut.lanes * tiles < kBusyLanes) cut.rows /= 2;
  return cut;
}

Method tile_method(const Product& a) {
  const ProductCut cut = tile_cut_for(a);
  Method m{.choice = "tile",
           .kernel = join("matmul_tile/", name(a.weight.dtype), "/", cut.form),
           .form = a.exact_form(),
           .lanes = cut.lanes,
           .group_rows = cut.lanes * cut.rows,
           .tokens = cut.tokens};
  if (cut.form == "fixed") return m;
  m.tokens = tokens_of_tile(a, cut.tokens);
  m.constants = {{kRowsPerLane, cut.rows}, {kTokens, m.tokens}};
  return m;
}

// Few tokens cannot fill a GPU: there the columns are cut among the lanes of a group, as in vec_method. Otherwise tiles
// are small, because a lane holds whole blocks of its rows: larger ones spill on Apple's compiler.
Method dot_method(const Product& a) {
  const bool software = a.profile.kind == DeviceKind::cpu, sliced = !software && a.tokens <= 4;
  Method m{.choice = "dot",
           .kernel = join("matmul_dot/", name(a.weight.dtype)),
           .form = XForm::q8,
           .lanes = tile_lanes(a.profile),
           .lists = false};
  const uint32_t rows = software ? 4 : sliced && !a.gated ? 1 : 2;
  m.group_rows = m.lanes * rows;
  m.tokens = tokens_of_tile(a, software ? 8 : 4);
  m.constants = {{kSlices, sliced ? slices_of(a.profile, m.lanes) : 1}, {kRowsPerLane, rows}, {kTokens, m.tokens}};
  return m;
}

// A tile of 4 x 6 takes the registers of one of 4 x 8 in f32: the sums of a block come on top.
Method half_method(const Product& a) {
  Method m{.choice = "half",
           .kernel = join("matmul_half/", name(a.weight.dtype)),
           .form = XForm::f16,
           .lanes = tile_lanes(a.profile),
           .lists = false};
  m.group_rows = m.lanes * 4;
  m.tokens = tokens_of_tile(a, a.profile.kind == DeviceKind::cpu ? 8 : 6);
  m.constants = {{kRowsPerLane, 4}, {kTokens, m.tokens}};
  return m;
}

// Four subgroups of a size that is known beforehand, and matrices that cut the tiles of matmul_coop.comp evenly.
bool has_coop(const DeviceProfile& profile) {
  const auto [m, n, k] = profile.cooperative_matrix;
  if (m == 0 || 16 % m != 0 || 16 % n != 0 || 32 % k != 0) return false;
  const uint32_t size = profile.subgroup_size;
  if (profile.kind == DeviceKind::cpu && size > 8) return false;  // lavapipe crashes while it compiles the kernel
  const bool known =
      profile.max_subgroup_size == 0 || (size >= profile.min_subgroup_size && size <= profile.max_subgroup_size);
  constexpr uint32_t kTileBytes = 64 * 10 * 8;
  return known && profile.storage_16 && profile.float16 && 4 * size <= profile.max_workgroup_lanes &&
         kTileBytes + 8 * m * n * 4 <= profile.max_shared_bytes;
}

Method coop_method(const Product& a) {
  const auto [m, n, k] = a.profile.cooperative_matrix;
  return {.choice = "coop",
          .kernel = join("matmul_coop/", name(a.weight.dtype)),
          .form = XForm::f16,
          .lanes = 4 * a.profile.subgroup_size,
          .group_rows = 64,
          .tokens = a.tokens <= 32 ? 32u : 64u,
          .subgroup_size = a.profile.max_subgroup_size > 0 ? a.profile.subgroup_size : 0,
          .lists = false,
          .constants = {{kTokens, a.tokens <= 32 ? 32u : 64u}, {kMatrixM, m}, {kMatrixN, n}, {kMatrixK, k}}};
}

// A choice that rounds x, where there is a kernel for the type: some have none, and an older glslang cannot express
// all.
void add_rounding(const Product& a, const Method& m, Choices& choices) {
  if (embedded_shader(m.kernel).empty()) return;
  Choice choice = make_choice(a, m);
  choice.pinned_order = false;
  choice.tolerance = 5e-4;
  choices.push_back(std::move(choice));
}

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Product a{graph, node, profile};
  const bool tiles = a.k <= kMaxTileColumns;
  if (a.tokens == 1) {
    choices.push_back(make_choice(a, vec_method(a)));
    choices.back().pinned_order = false;
  }
  if (tiles) choices.push_back(make_choice(a, tile_method(a)));
  // Choices that round x come after the exact ones: answers stay the reference's unless `bench --tune` finds them
  // faster.
  if (tiles && a.tokens >= 16 && has_coop(profile)) add_rounding(a, coop_method(a), choices);
  if (tiles && profile.integer_dot) add_rounding(a, dot_method(a), choices);
  if (tiles && profile.float16 && a.tokens > 1) add_rounding(a, half_method(a), choices);
  // The plain kernel takes any number of columns itself.
  const Method plain{
      .choice = "plain", .kernel = join("matmul/", name(a.weight.dtype)), .form = a.normed ? XForm::f32 : XForm::none};
  choices.push_back(make_choice(a, plain));
}

Tensors backward(const Backward& b) {
  const Node& node = b.node;
  if (node.attributes.integer("gated_rows") > 0 || node.inputs[kNormWeight] || b.wanted[kWeight]) {
    b.graph.fail(
        unsupported("[matmul] has gradients as a plain product of a frozen weight only: differentiate before fusing."));
    return {};
  }
  const Tensor dy = b.gradients[0];
  return {b.wanted[kX] ? matmul_grad(b.graph, dy, node.inputs[kWeight]) : Tensor{},
          {},
          b.wanted[kBias] ? sum_rows(b.graph, dy) : Tensor{},
          dy};
}

const Op kMatmul{"matmul", shape, lower, backward};

}  // namespace

Tensor matmul(Graph& g, Tensor x, Tensor weight, Tensor bias) {
  if (weight && g.info(weight).kind != TensorKind::weight) {
    const Tensor y = gemm(g, {.a = x, .b = weight, .transpose_b = true});
    return bias ? add_bias(g, y, bias) : y;
  }
  return fused_matmul(g, {.x = x, .weight = weight, .bias = bias});
}

Tensor fused_matmul(Graph& g, const FusedMatmul& parts) {
  Attributes attributes;
  if (parts.gated_rows > 0) attributes.set("gated_rows", parts.gated_rows);
  if (parts.norm_weight) attributes.set("norm_eps", parts.norm_eps);
  return g.apply(kMatmul, {parts.x, parts.weight, parts.bias, parts.residual, parts.norm_weight}, attributes)[0];
}

}  // namespace lorikeet
