#include "runtime/ops/ops.h"
#include "runtime/ops/rope_streams.h"
#include "shaders/rope.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  const int64_t heads = attributes.integer("heads"), kv_heads = attributes.integer("kv_heads"),
                head_dim = attributes.integer("head_dim");
  LK_TRY(expect_f32("qkv", inputs[0]));
  LK_TRY(expect_rows("rows", inputs[0].shape.rows()));
  LK_TRY(expect_rotary(heads, head_dim));
  LK_TRY(expect_rotary(kv_heads, head_dim));
  if (inputs[0].shape.columns() != (heads + 2 * kv_heads) * head_dim)
    return invalid(join("qkv is ", inputs[0].shape.text(), ", its last axis must be (", heads, " + 2 * ", kv_heads,
                        ") heads * ", head_dim, "."));
  LK_TRY(expect_vector("frequencies", inputs[1], head_dim / 2));
  LK_TRY(expect_caches(inputs[2], inputs[3], kv_heads * head_dim));
  LK_TRY(expect_words("control", inputs[4]));
  return Shapes{{DType::f32, {inputs[0].shape.rows(), heads * head_dim}}};
}

void lower(const Graph& g, const Node& node, const DeviceProfile& profile, Choices& choices) {
  const int64_t heads = node.attributes.integer("heads"), kv_heads = node.attributes.integer("kv_heads");
  const int64_t head_dim = node.attributes.integer("head_dim"), all_heads = heads + 2 * kv_heads;
  const Tensor& cache = node.inputs[2];
  const int64_t rows = node.inputs[0].shape.rows(), streams = rope_streams(profile, rows, all_heads);
  const shader::RopeParams params{.heads = uint32_t(heads),
                                  .kv_heads = uint32_t(kv_heads),
                                  .head_dim = uint32_t(head_dim),
                                  .frequencies_at = first_element(g, node.inputs[1]),
                                  .interleaved = uint32_t(node.attributes.integer("interleaved")),
                                  .factor = float(node.attributes.number("factor", 1)),
                                  .streams = uint32_t(streams),
                                  .places = uint32_t(cache.shape.rows())};
  Dispatch dispatch{.kernel = join("rope_kv/", cache_variant(cache)),
                    .operands = {Operand::of(node.inputs[0]), Operand::of(node.inputs[1]), Operand::of(node.inputs[4]),
                                 Operand::of(node.outputs[0]), Operand::of(cache), Operand::of(node.inputs[3])},
                    .params = params_bytes(params),
                    .groups = {groups_for(streams * head_dim / 2, 64), uint32_t(rows), 1},
                    .bytes = uint64_t(8 * rows * all_heads * head_dim)};
  choices.push_back({.name = "pairs", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "rope_kv", .shape = shape, .lower = lower};

}  // namespace

Tensor rope_kv(Graph& g, Tensor qkv, Tensor frequencies, Tensor cache_k, Tensor cache_v, Tensor control,
               const RopeKvAttributes& a) {
  return g.apply(kOp, {qkv, frequencies, cache_k, cache_v, control},
                 {{"heads", a.heads},
                  {"kv_heads", a.kv_heads},
                  {"head_dim", a.head_dim},
                  {"interleaved", int64_t(a.interleaved)},
                  {"factor", a.factor}})[0];
}

}  // namespace lorikeet
