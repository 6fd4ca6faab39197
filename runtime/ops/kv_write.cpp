#include "shaders/kv_write.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

Result<Shapes> shape(Inputs inputs, const Attributes&) {
  LK_TRY(expect_same_shape("k", inputs[0], "v", inputs[1]));
  LK_TRY(expect_rows("rows", inputs[0].shape.rows()));
  const int64_t columns = inputs[0].shape.columns();
  LK_TRY(expect_caches(inputs[2], inputs[3], columns));
  if (inputs[2].dtype == DType::f16 && columns % 2)
    return invalid(join("an f16 cache needs an even number of columns, not ", columns, "."));
  LK_TRY(expect_words("control", inputs[4]));
  return Shapes{};
}

void lower(const Graph&, const Node& node, const DeviceProfile&, Choices& choices) {
  const Tensor &k = node.inputs[0], &cache = node.inputs[2];
  const int64_t words = cache.dtype == DType::f16 ? k.shape.columns() / 2 : k.shape.columns();
  Dispatch dispatch{.kernel = join("kv_write/", cache_variant(cache)),
                    .operands = {Operand::of(k), Operand::of(node.inputs[1]), Operand::of(node.inputs[4]),
                                 Operand::of(cache), Operand::of(node.inputs[3])},
                    .params = params_bytes(shader::KvWriteParams{uint32_t(words), uint32_t(cache.shape.rows())}),
                    .groups = {groups_for(words, 64), uint32_t(k.shape.rows()), 1},
                    .bytes = uint64_t(8 * k.shape.elements() + 8 * k.shape.rows() * words)};
  choices.push_back({.name = "words", .dispatches = {std::move(dispatch)}});
}

const Op kOp = {.name = "kv_write", .shape = shape, .lower = lower};

}  // namespace

void kv_write(Graph& g, Tensor k, Tensor v, Tensor cache_k, Tensor cache_v, Tensor control) {
  g.apply(kOp, {k, v, cache_k, cache_v, control});
}

}  // namespace lorikeet
