#include <algorithm>
#include <array>

#include "runtime/base/text.h"
#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/weight_ranges.h"
#include "shaders/matmul.h"
#include "shaders/matmul_prepare.h"

namespace lorikeet {
namespace {

// Specialisation constants of the matmul kernels (shaders/common/product.glsl).
enum Constant : uint32_t { kLanes = 0, kSlices = 1, kRowsPerLane = 2, kGated = 3, kHasBias = 4, kHasResidual = 5, kNorm = 6, kTokensPerLane = 7 };

// Some drivers silently end an invocation's loops after 65,535 turns; the plain kernel takes 32 columns a turn, twice
// when gated.
constexpr int64_t kMaxColumns = 1'000'000;
constexpr int64_t kMaxTileColumns = 380'000;
constexpr uint32_t kMaxGroupsY = 32768;

enum Input { kX, kWeight, kBias, kResidual, kNormWeight };

// ---- shape rule -----------------------------------------------------------------------------------------------------

Status check_weight(const Tensor& x, const Tensor& weight) {
  if (!x || !weight) return invalid("x and weight must be given.");
  if (x.dtype != DType::f32) return invalid(join("x is ", name(x.dtype), ", expected f32."));
  if (weight.shape.rank() != 2) return invalid(join("weight is ", weight.shape.text(), ", expected (rows, columns)."));
  if (unit_layout(weight.dtype).columns == 0) return invalid(join("weight is ", name(weight.dtype), ", which is not a weight type."));
  const int64_t k = weight.shape.columns();
  if (x.shape.columns() != k) return invalid(join("weight has ", k, " columns, the last axis of x has ", x.shape.columns(), "."));
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
    return invalid(join("weight has ", weight.shape.rows(), " rows, expected ", padded_rows(gated) + gated, " for gate and up of ", gated, "."));
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

// How a kernel cuts the work.
struct Tiling {
  uint32_t lanes = 64, slices = 1, rows_per_lane = 1, tokens_per_lane = 1;
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

// The dispatches of one kernel over all pages of the weight. `form`: x is the choice's form 0.
void add_dispatches(const Product& a, std::string_view kernel, const Tiling& tiling, bool form, Choice& choice) {
  const bool vec = kernel == "matmul_vec";
  const bool plain = kernel == "matmul";
  const bool norm_here = a.normed && !form;
  const uint32_t outputs = tiling.lanes * (plain ? 1 : a.gated ? tiling.rows_per_lane / 2 : tiling.rows_per_lane);
  std::vector<std::pair<uint32_t, uint32_t>> constants = {
      {kLanes, tiling.lanes}, {kGated, a.gated}, {kHasBias, bool(a.node.inputs[kBias])}, {kHasResidual, bool(a.node.inputs[kResidual])}};
  constants.push_back({kRowsPerLane, plain ? (a.gated ? 2u : 1u) : tiling.rows_per_lane});
  if (vec) constants.insert(constants.end(), {{kSlices, tiling.slices}, {kNorm, norm_here}});
  if (!vec && !plain) constants.push_back({kTokensPerLane, tiling.tokens_per_lane});

  const int64_t columns = form ? (a.k + 31) / 32 * 32 : a.k;
  const uint64_t row_bytes = group_bytes(a.weight.dtype, a.k) / kGroupRows;
  const auto [y, z] = token_grid((a.tokens + tiling.tokens_per_lane - 1) / tiling.tokens_per_lane);
  for (const WeightRange& range : weight_ranges(a.graph, a.weight, a.n, a.gated, a.profile)) {
    shader::MatmulParams params{};
    params.tokens = uint32_t(a.tokens);
    params.x_columns = params.columns = uint32_t(columns);
    params.y_columns = uint32_t(a.n);
    params.first = uint32_t(range.first);
    params.count = uint32_t(range.count);
    params.row = uint32_t(range.row);
    params.up_row = uint32_t(range.up_row);
    params.units = uint32_t(units(a.weight.dtype, a.k));
    params.bias_at = a.element_of(kBias);
    params.norm_at = a.element_of(kNormWeight) / 4;
    params.eps = float(a.node.attributes.number("norm_eps"));
    Dispatch dispatch{.kernel = join(kernel, "/", name(a.weight.dtype)), .constants = constants};
    dispatch.operands = {form ? Operand::of_form(0) : Operand::of(a.x), Operand::of_page(a.weight, int32_t(range.page)),
                         Operand::of_page(a.weight, int32_t(range.up_page)), a.operand(kBias), a.operand(kResidual), Operand::of(a.y)};
    if (vec) dispatch.operands.push_back(a.operand(kNormWeight));
    dispatch.params = params_bytes(params);
    dispatch.groups = {groups_for(range.count, outputs), y, z};
    const int64_t rows = range.count * (a.gated ? 2 : 1);
    dispatch.flops = 2.0 * double(a.tokens) * double(rows) * double(a.k);
    dispatch.bytes = uint64_t(rows) * row_bytes + uint64_t(a.tokens) * uint64_t(columns + range.count) * 4;
    choice.dispatches.push_back(std::move(dispatch));
  }
}

Choice make_choice(const Product& a, std::string choice_name, std::string_view kernel, const Tiling& tiling, bool form) {
  Choice choice{.name = std::move(choice_name)};
  if (form) choice.forms.push_back(prepared(a));
  add_dispatches(a, kernel, tiling, form, choice);
  return choice;
}

bool old_lavapipe(const DeviceProfile& profile) {
  constexpr uint32_t kVulkan14 = (1u << 22) | (4u << 12);
  return profile.kind == DeviceKind::cpu && profile.api_version < kVulkan14 && profile.name.find("llvmpipe") != std::string::npos;
}

// One row. Software devices: 64 rows a group, all columns in one lane. GPUs: one or two rows a lane, and the columns cut
// among the lanes of a group, because few rows alone cannot fill one.
Tiling vec_tiling(const Product& a) {
  if (a.profile.kind == DeviceKind::cpu) {
    const uint32_t lanes = std::clamp<uint32_t>(a.profile.subgroup_size, 8, 64);
    return {lanes, 1, std::max<uint32_t>(64 / lanes, 2), 1};
  }
  const uint32_t lanes = std::clamp<uint32_t>(a.profile.subgroup_size, 32, 64);
  return {lanes, std::min<uint32_t>(a.profile.max_workgroup_lanes, 256) / lanes, a.gated ? 2u : 1u, 1};
}

Tiling tile_tiling(const Product& a, uint32_t tokens_per_lane) {
  const bool cpu = a.profile.kind == DeviceKind::cpu;
  const uint32_t lanes = cpu ? std::clamp<uint32_t>(a.profile.subgroup_size, 8, 64) : 64;
  const bool wide = old_lavapipe(a.profile);
  if (wide) tokens_per_lane = std::min(tokens_per_lane, 4u);
  return {lanes, 1, wide ? 8u : 4u, tokens_per_lane};
}

void lower(const Graph& graph, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Product a{graph, node, profile};
  const bool form = a.normed || !a.aligned;
  if (a.tokens == 1) {
    const bool norm_in_kernel = a.aligned && a.element_of(kNormWeight) % 4 == 0;
    Choice vec = make_choice(a, "vec", "matmul_vec", vec_tiling(a), !norm_in_kernel);
    vec.pinned_order = false;
    choices.push_back(std::move(vec));
  }
  if (a.k <= kMaxTileColumns) {
    const uint32_t wanted = a.tokens == 1 ? 1 : a.tokens == 2 ? 2 : a.tokens <= 4 ? 4 : 8;
    const Tiling tiling = tile_tiling(a, wanted);
    choices.push_back(make_choice(a, join("tile_", tiling.rows_per_lane, "x", tiling.tokens_per_lane), "matmul_tile", tiling, form));
  }
  // Rows that the form norms are also padded; the plain kernel itself takes any number of columns.
  choices.push_back(make_choice(a, "plain", "matmul", {.lanes = 64}, a.normed));
}

const Op kMatmul{"matmul", shape, lower};

}  // namespace

Tensor matmul(Graph& g, Tensor x, Tensor weight, Tensor bias) { return fused_matmul(g, {.x = x, .weight = weight, .bias = bias}); }

Tensor fused_matmul(Graph& g, const FusedMatmul& parts) {
  Attributes attributes;
  if (parts.gated_rows > 0) attributes.set("gated_rows", parts.gated_rows);
  if (parts.norm_weight) attributes.set("norm_eps", parts.norm_eps);
  return g.apply(kMatmul, {parts.x, parts.weight, parts.bias, parts.residual, parts.norm_weight}, attributes)[0];
}

}  // namespace lorikeet
