#include "shaders/gemm.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/product.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

enum Input { kA, kB, kAddend };

struct Sizes {
  int64_t m, n, k;
};

Sizes sizes(const Tensor& a, const Tensor& b, const Attributes& attributes) {
  const bool ta = attributes.integer("transpose_a") != 0, tb = attributes.integer("transpose_b") != 0;
  return {ta ? a.shape.columns() : a.shape.rows(), tb ? b.shape.rows() : b.shape.columns(),
          ta ? a.shape.rows() : a.shape.columns()};
}

Result<Shapes> shape(Inputs in, const Attributes& attributes) {
  LK_TRY(expect_f32("a", in[kA]));
  LK_TRY(expect_f32("b", in[kB]));
  const bool ta = attributes.integer("transpose_a") != 0, tb = attributes.integer("transpose_b") != 0;
  if (ta && tb) return invalid("a and b cannot both be transposed.");
  const auto [m, n, k] = sizes(in[kA], in[kB], attributes);
  const int64_t k_of_b = tb ? in[kB].shape.columns() : in[kB].shape.rows();
  if (k != k_of_b)
    return invalid(join(ta ? "a has " : "the rows of a have ", k, ta ? " rows, " : " columns, ",
                        tb ? "those of b have " : "b has ", k_of_b, tb ? " columns." : " rows."));
  if (k > kMaxTileColumns / 2) return invalid(join("k is ", k, ", at most ", kMaxTileColumns / 2, " is supported."));
  if (in[kAddend]) LK_TRY(expect_vector("the addend", in[kAddend], m * n));
  return Shapes{{DType::f32, {m, n}}};
}

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const Tensor &a = node.inputs[kA], &b = node.inputs[kB], &addend = node.inputs[kAddend];
  const auto [m, n, k] = sizes(a, b, node.attributes);
  const std::string_view form = node.attributes.integer("transpose_a")    ? "tn"
                                : !node.attributes.integer("transpose_b") ? "nn"
                                : k % 4 == 0                              ? "nt4"
                                                                          : "nt";
  const uint32_t lanes = tile_lanes(profile);
  const auto choice = [&](std::string_view name, int64_t height, int64_t width, const SliceCut& cut) {
    const auto [groups_y, groups_z] = spread_yz((m + height - 1) / height);
    Dispatch dispatch{
        .kernel = join("gemm/", form, "/", height, "/", width),
        .constants = {{0, cut.lanes * cut.slices}, {kSliceCount, cut.slices}, {1, bool(addend)}},
        .operands = {Operand::of(a), Operand::of(b), Operand::of(addend ? addend : a), Operand::of(node.outputs[0])},
        .params = params_bytes(shader::GemmParams{uint32_t(m), uint32_t(n), uint32_t(k)}),
        .groups = {groups_for(n, cut.lanes * width), groups_y, groups_z},
        .flops = 2.0 * double(m) * double(n) * double(k)};
    return Choice{.name = std::string(name), .dispatches = {std::move(dispatch)}};
  };
  // Of four neighbouring columns a lane, where rows of both matrices are whole vectors.
  const auto vectors = [&](std::string_view name, int64_t height) {
    Choice made = choice(name, height, 4, {lanes, 1});
    made.dispatches[0].kernel = join("gemm_wide/", form, "/", height);
    made.dispatches[0].constants = {{0, lanes}, {1, bool(addend)}};
    return made;
  };
  const SliceCut one{lanes, 1};
  const bool wide = n > lanes;
  const bool whole_vectors = n % 4 == 0 && a.shape.columns() % 4 == 0 && (form == "nn" || form == "tn");
  const bool tall = m > 8 && profile.kind == DeviceKind::cpu;  // GPUs have no registers for so many sums
  if (tall && whole_vectors && n / 4 >= lanes) choices.push_back(vectors("vectors_tall", 16));
  if (m > 1 && whole_vectors && n / 4 >= lanes) choices.push_back(vectors("vectors", 8));
  if (tall && wide) choices.push_back(choice("tall", 16, 4, one));
  if (m > 1 && wide) choices.push_back(choice("tile", 8, 4, one));
  if (m > 1) choices.push_back(choice("column", 8, 1, one));
  if (wide) choices.push_back(choice("row", 1, 4, one));
  choices.push_back(choice("plain", 1, 1, one));
  const int64_t height = m > 1 ? 8 : 1;
  const SliceCut cut = slice_cut(profile, n, (m + height - 1) / height, k, uint32_t(height));
  if (cut.slices > 1) add_sliced(profile, choice("", height, 1, cut), choices);
}

// With y = a b: da = dy b^T, db = a^T dy; a transposed matrix has the transposed gradient.
Tensors backward(const Backward& r) {
  Graph& g = r.graph;
  const Tensor &a = r.node.inputs[kA], &b = r.node.inputs[kB], dy = r.gradients[0];
  const bool ta = r.node.attributes.integer("transpose_a") != 0, tb = r.node.attributes.integer("transpose_b") != 0;
  Tensor da, db;
  if (r.wanted[kA])
    da = ta ? gemm(g, {.a = b, .b = dy, .transpose_b = true}) : gemm(g, {.a = dy, .b = b, .transpose_b = !tb});
  if (r.wanted[kB])
    db = tb ? gemm(g, {.a = dy, .b = a, .transpose_a = true}) : gemm(g, {.a = a, .b = dy, .transpose_a = !ta});
  return {da, db, dy};
}

const Op kOp = {.name = "gemm", .shape = shape, .lower = lower, .backward = backward};

}  // namespace

Tensor gemm(Graph& g, const Gemm& parts) {
  return g.apply(kOp, {parts.a, parts.b, parts.addend},
                 {{"transpose_a", int64_t(parts.transpose_a)}, {"transpose_b", int64_t(parts.transpose_b)}})[0];
}

}  // namespace lorikeet
