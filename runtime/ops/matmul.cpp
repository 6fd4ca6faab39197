#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/weight_ranges.h"
#include "shaders/matmul.h"
#include "shaders/matmul_gate.h"
#include "shaders/matmul_prepare.h"

namespace lorikeet {
namespace {

// Specialisation constants of the matmul kernels (shaders/common/product.glsl).
enum Constant : uint32_t {
  kLanes = 0,
  kSlices = 1,
  kRowsPerLane = 2,
  kGated = 3,
  kHasBias = 4,
  kHasResidual = 5,
  kTokensPerLane = 6,
  kNorm = 7
};

// Some drivers silently end an invocation's loops after 65,535 turns; the plain kernel takes 32 columns a turn, twice
// when gated.
constexpr int64_t kMaxColumns = 1'000'000;
constexpr int64_t kMaxTileColumns = 300'000;  // at most 6 turns are counted a block of 32
constexpr uint32_t kMaxGroupsY = 32768;

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

// One node as the kernels see it.
struct Product {
  const Graph& graph;
  const Node& node;
  const DeviceProfile& profile;
  Tensor x = node.inputs[kX], weight = node.inputs[kWeight], y = node.outputs[0];
  int64_t tokens = x.shape.rows(), k = weight.shape.columns(), n = y.shape.columns();
  bool gated = node.attributes.integer("gated_rows") > 0;
  bool normed = bool(node.inputs[kNormWeight]);
  bool aligned = k % 32 == 0;

  // Absent inputs are bound to x and never read.
  Operand operand(Input input) const { return Operand::of(node.inputs[input] ? node.inputs[input] : x); }
  uint32_t element_of(Input input) const {
    const Tensor& tensor = node.inputs[input];
    return tensor && graph.info(tensor).kind == TensorKind::weight ? uint32_t(graph.info(tensor).storage.first_row) : 0;
  }
};

std::pair<uint32_t, uint32_t> token_grid(int64_t groups) {
  return {uint32_t(std::min<int64_t>(groups, kMaxGroupsY)), groups_for(groups, kMaxGroupsY)};
}

// x with rows padded to blocks of 32 columns and, if the node norms, normed: made once for all products that want it.
Form prepared(const Product& a) {
  const int64_t columns = (a.k + 31) / 32 * 32;
  Form form{.name = "padded", .input = a.x, .bytes = uint64_t(a.tokens * columns) * 4};
  shader::MatmulPrepareParams params{uint32_t(a.k), uint32_t(columns), 0, 0};
  if (a.normed) {
    params.norm_at = a.element_of(kNormWeight);
    params.eps = float(a.node.attributes.number("norm_eps"));
    form.name = join("rms_norm ", a.node.inputs[kNormWeight].id, " eps ", params.eps);
  }
  const auto [y, z] = token_grid(a.tokens);
  form.make = {.kernel = "matmul_prepare",
               .constants = {{0, a.normed}},
               .operands = {Operand::of(a.x), a.operand(kNormWeight), Operand::of_form(0)},
               .params = params_bytes(params),
               .groups = {1, y, z},
               .bytes = uint64_t(a.tokens * (a.k + columns)) * 4};
  return form;
}

// A kernel and how it cuts the work. A zero count is fixed in the kernel.
struct Method {
  std::string choice;
  std::string kernel;  // "matmul_vec/q4_1/8"
  uint32_t lanes = 64, slices = 0;
  uint32_t rows_per_lane = 1, tokens_per_lane = 1;
  bool rows_fixed = false, tokens_fixed = false;  // by the kernel, not by a constant
  bool norms = false;                             // the kernel can norm x on the way
  bool any_columns = false;                       // the kernel takes columns that are no multiple of 32
  bool norms_inside(const Product& a) const { return norms && a.normed && a.aligned; }
  bool needs_form(const Product& a) const { return (a.normed && !norms_inside(a)) || (!a.aligned && !any_columns); }
};

std::vector<std::pair<uint32_t, uint32_t>> constants_of(const Product& a, const Method& m, bool gated) {
  std::vector<std::pair<uint32_t, uint32_t>> constants = {{kLanes, m.lanes},
                                                          {kGated, gated},
                                                          {kHasBias, bool(a.node.inputs[kBias])},
                                                          {kHasResidual, bool(a.node.inputs[kResidual])}};
  if (m.slices > 0) constants.push_back({kSlices, m.slices});
  if (!m.rows_fixed) constants.push_back({kRowsPerLane, m.rows_per_lane});
  if (!m.tokens_fixed) constants.push_back({kTokensPerLane, m.tokens_per_lane});
  if (m.norms) constants.push_back({kNorm, m.norms_inside(a)});
  return constants;
}

// The dispatches of a kernel over the pages of rows 0 .. rows - 1 of the weight, into y of `y_columns`.
void add_dispatches(const Product& a, const Method& m, bool form, bool gated, int64_t rows, Operand y, Choice& choice) {
  const int64_t columns = form ? (a.k + 31) / 32 * 32 : a.k;
  const uint64_t row_bytes = group_bytes(a.weight.dtype, a.k) / kGroupRows;
  const auto [groups_y, groups_z] = token_grid((a.tokens + m.tokens_per_lane - 1) / m.tokens_per_lane);
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
    Dispatch dispatch{.kernel = m.kernel, .constants = constants_of(a, m, gated)};
    dispatch.operands = {form ? Operand::of_form(0) : Operand::of(a.x), Operand::of_page(a.weight, int32_t(range.page)),
                         a.operand(kBias), a.operand(kResidual), y};
    if (m.norms) dispatch.operands.push_back(a.operand(kNormWeight));
    dispatch.params = params_bytes(params);
    dispatch.groups = {groups_for(range.count, m.lanes * (gated ? m.rows_per_lane / 2 : m.rows_per_lane)), groups_y,
                       groups_z};
    const int64_t read = range.count * (gated ? 2 : 1);
    dispatch.flops = 2.0 * double(a.tokens) * double(read) * double(a.k);
    dispatch.bytes = uint64_t(read) * row_bytes + uint64_t(a.tokens) * uint64_t(columns + range.count) * 4;
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
  const bool form = m.needs_form(a);
  Choice choice{.name = m.choice};
  if (form) choice.forms.push_back(prepared(a));
  if (!a.gated || gate_beside_up(a)) {
    add_dispatches(a, m, form, a.gated, a.n, Operand::of(a.y), choice);
    return choice;
  }
  // Gate and up as one plain product, then the gate.
  const int64_t stored = a.weight.shape.rows();
  choice.scratch.push_back(uint64_t(a.tokens * stored) * 4);
  add_dispatches(a, m, form, false, stored, Operand::of_scratch(0), choice);
  const shader::MatmulGateParams params{uint32_t(a.tokens), uint32_t(a.n), uint32_t(padded_rows(a.n)),
                                        uint32_t(stored)};
  const auto [y, z] = token_grid(a.tokens);
  choice.dispatches.push_back({.kernel = "matmul_gate",
                               .operands = {Operand::of_scratch(0), Operand::of(a.y)},
                               .params = params_bytes(params),
                               .groups = {groups_for(a.n, 64), y, z},
                               .bytes = uint64_t(a.tokens * 3 * a.n) * 4});
  return choice;
}

// Lanes of a group on a software device: a subgroup, because lanes beyond it bring nothing.
uint32_t software_lanes(const DeviceProfile& profile) { return std::clamp<uint32_t>(profile.subgroup_size, 8, 64); }

bool old_lavapipe(const DeviceProfile& profile) {
  constexpr uint32_t kVulkan14 = (1u << 22) | (4u << 12);
  return profile.api_version < kVulkan14;
}

// How the kernels run on this device: see the forms in shaders/matmul_tile.comp.
std::string_view software_form(const DeviceProfile& profile) {
  if (profile.subgroup_size < 8) return "fixed";  // SwiftShader
  return profile.subgroup_arithmetic && !old_lavapipe(profile) ? "broadcast" : "any";
}

// Rows a lane for about 64 rows a group, so that two cores, or any even number of them, end together.
uint32_t even_rows(const Product& a, uint32_t lanes) {
  const uint32_t usual = std::max<uint32_t>(64 / lanes, 2);
  uint32_t best = usual;
  double least = INFINITY;
  for (const uint32_t rows : {usual, usual + 1, usual + 2, usual - 2}) {
    if (rows < 2 || (a.gated && rows % 2)) continue;
    const int64_t group_rows = int64_t(lanes) * (a.gated ? rows / 2 : rows);
    const double worked = double((a.n + 2 * group_rows - 1) / (2 * group_rows) * 2 * group_rows);
    if (worked < least) least = worked, best = rows;
  }
  return best;
}

// One row. Software devices: about 64 rows a group, all columns in one lane. GPUs: one row a lane, and the columns cut
// among the lanes of a group, because few rows alone cannot fill one.
Method vec_method(const Product& a) {
  Method m{.choice = "vec", .slices = 1, .tokens_fixed = true};
  std::string_view form = "any";
  if (a.profile.kind == DeviceKind::cpu) {
    form = software_form(a.profile);
    m.lanes = software_lanes(a.profile);
    m.rows_per_lane = form == "fixed" ? 8 : even_rows(a, m.lanes);
  } else {
    m.lanes = std::clamp<uint32_t>(a.profile.subgroup_size, 32, 64);
    m.slices = std::max<uint32_t>(std::min<uint32_t>(a.profile.max_workgroup_lanes, 256) / m.lanes, 1);
    m.rows_per_lane = a.gated ? 2 : 1;
  }
  m.rows_fixed = form == "fixed";
  m.norms = form == "broadcast";
  m.kernel = join("matmul_vec/", name(a.weight.dtype), "/", form);
  return m;
}

// Tiles of 4 rows x 8 tokens keep every known GPU's compiler within its registers; software devices keep sums in memory
// anyway and prefer larger ones. Tokens are shared out evenly, so that few are counted twice.
Method tile_method(const Product& a) {
  const bool software = a.profile.kind == DeviceKind::cpu;
  const std::string_view form = software ? software_form(a.profile) : "any";
  const int64_t widest = form == "broadcast" ? 16 : 8;
  const int64_t tiles = (a.tokens + widest - 1) / widest;
  Method m{.choice = "tile", .lanes = software ? software_lanes(a.profile) : 64, .rows_per_lane = software ? 8u : 4u};
  m.tokens_per_lane = form == "fixed" ? 8 : uint32_t((a.tokens + tiles - 1) / tiles);
  m.rows_fixed = m.tokens_fixed = form == "fixed";
  m.kernel = join("matmul_tile/", name(a.weight.dtype), "/", form);
  return m;
}

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Product a{graph, node, profile};
  if (a.tokens == 1) {
    choices.push_back(make_choice(a, vec_method(a)));
    choices.back().pinned_order = false;
  }
  if (a.k <= kMaxTileColumns) choices.push_back(make_choice(a, tile_method(a)));
  const Method plain{.choice = "plain",
                     .kernel = join("matmul/", name(a.weight.dtype)),
                     .rows_per_lane = a.gated ? 2u : 1u,
                     .rows_fixed = true,
                     .tokens_fixed = true,
                     .any_columns = true};
  choices.push_back(make_choice(a, plain));
}

const Op kMatmul{"matmul", shape, lower};

}  // namespace

Tensor matmul(Graph& g, Tensor x, Tensor weight, Tensor bias) {
  return fused_matmul(g, {.x = x, .weight = weight, .bias = bias});
}

Tensor fused_matmul(Graph& g, const FusedMatmul& parts) {
  Attributes attributes;
  if (parts.gated_rows > 0) attributes.set("gated_rows", parts.gated_rows);
  if (parts.norm_weight) attributes.set("norm_eps", parts.norm_eps);
  return g.apply(kMatmul, {parts.x, parts.weight, parts.bias, parts.residual, parts.norm_weight}, attributes)[0];
}

}  // namespace lorikeet
