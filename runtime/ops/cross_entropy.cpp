#include <algorithm>

#include "runtime/base/text.h"
#include "runtime/ops/gradients.h"

namespace lorikeet {
namespace {

constexpr int64_t kChunkLogits = 4 << 20;

}  // namespace

// A composition: each chunk of rows computes its logits, its losses and at once the gradients, and waits for the chunk
// before it, whose logits lay in the same memory.
Tensor cross_entropy(Graph& g, const CrossEntropy& parts) {
  if (g.error()) return {};
  const int64_t rows = parts.x.shape.rows(), vocabulary = parts.head.shape.rows();
  if (parts.teacher && !(parts.teacher.shape == parts.x.shape)) {
    g.fail(invalid(
        join("[cross_entropy] x is ", parts.x.shape.text(), ", the teacher ", parts.teacher.shape.text(), ".")));
    return {};
  }
  if ((!parts.teacher && parts.target.shape.elements() != rows) || parts.weights.shape.elements() != rows) {
    g.fail(invalid(join("[cross_entropy] x has ", rows, " rows, target ", parts.target.shape.elements(),
                        " and weights ", parts.weights.shape.elements(), " elements.")));
    return {};
  }
  // Chunks begin at multiples of 64 rows, so that each begins at an address that devices can bind.
  const int64_t most = std::max<int64_t>(kChunkLogits / vocabulary / 64 * 64, 64);
  const int64_t chunk = parts.chunk_rows > 0 ? parts.chunk_rows : most;
  const bool packed = g.info(parts.head).kind == TensorKind::weight;
  if (packed && parts.head_wanted) {
    g.fail(unsupported("[cross_entropy] a packed head has no gradient."));
    return {};
  }
  const Tensor targets = parts.teacher ? Tensor{} : g.reshape(parts.target, {rows, 1}),
               weights = g.reshape(parts.weights, {rows, 1});
  Tensor losses, dx, dhead;
  for (int64_t first = 0; first < rows; first += chunk) {
    const int64_t count = std::min(chunk, rows - first);
    const Tensor x = take_rows(g, parts.x, first, count);  // (count, hidden)
    if (dx) g.after(dx);
    const Tensor logits = matmul(g, x, parts.head);  // (count, vocabulary)
    const Tensor of_rows = g.rows(weights, first, count);
    const SoftmaxLoss loss =
        parts.teacher
            ? softmax_divergence(g, logits,
                                 matmul(g, take_rows(g, g.detach(parts.teacher), first, count), g.detach(parts.head)),
                                 of_rows)
            : softmax_loss(g, logits, g.rows(targets, first, count), of_rows);
    const Tensor part = g.reshape(loss.losses, {count, 1});
    losses = losses ? concat_rows(g, losses, part) : part;
    if (parts.head_wanted) dhead = gemm(g, {.a = loss.logits, .b = x, .addend = dhead, .transpose_a = true});
    if (!parts.x_wanted) continue;
    const Tensor dpart =
        packed ? matmul_grad(g, loss.logits, parts.head) : gemm(g, {.a = loss.logits, .b = parts.head});
    dx = dx ? concat_rows(g, dx, dpart) : dpart;
  }
  const Tensor loss = sum_rows(g, losses);  // (1)
  Tensors inputs, gradients;
  if (parts.x_wanted) inputs.push_back(parts.x), gradients.push_back(dx);
  if (parts.head_wanted) inputs.push_back(parts.head), gradients.push_back(dhead);
  return inputs.empty() ? loss : with_gradients(g, loss, inputs, gradients);
}

}  // namespace lorikeet
