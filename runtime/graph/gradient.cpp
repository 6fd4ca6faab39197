#include "runtime/graph/gradient.h"

#include <algorithm>
#include <utility>

#include "runtime/base/text.h"
#include "runtime/graph/recompute.h"
#include "runtime/ops/gradients.h"
#include "runtime/ops/ops.h"

namespace lorikeet {
namespace {

class Differentiation {
 public:
  Differentiation(Graph& g, std::span<const Tensor> wanted, bool recompute)
      : g_(g),
        forward_(g.nodes()),
        recomputation_(g, forward_),
        recompute_(recompute),
        takes_part_(g.tensors().size(), false),
        aliases_(g.tensors().size()),
        gradients_(g.tensors().size()) {
    for (const GraphTensor& info : g.tensors())
      if (info.alias_of >= 0) aliases_[size_t(info.alias_of)].push_back(info.tensor);
    for (const Tensor& tensor : wanted) takes_part_[size_t(tensor.id)] = true;
    for (const Node& node : forward_) {
      bool any = false;
      for (const Tensor& input : node.inputs) any = any || takes_part(input);
      for (const Tensor& output : node.outputs)
        if (any) takes_part_[size_t(output.id)] = true;
    }
  }

  void run(Tensor loss) {
    g_.label("loss");
    add_gradient(loss, fill(g_, loss.shape.elements(), 1));
    for (size_t i = forward_.size(); i-- > 0 && !g_.error();) visit(i);
    if (recompute_) recomputation_.prune();
  }

  // The gradient of a tensor and of all its aliases, once all their readers have been visited.
  Tensor gradient(const Tensor& tensor) {
    for (const Tensor& alias : std::exchange(aliases_[size_t(tensor.id)], {}))
      if (const Tensor part = gradient(alias)) add_gradient(tensor, unalias(part, tensor, g_.info(alias)));
    return gradients_[size_t(tensor.id)];
  }

 private:
  bool takes_part(const Tensor& tensor) const {
    if (!tensor || g_.info(tensor).constant) return false;
    const int32_t base = g_.info(tensor).alias_of;
    return takes_part_[size_t(tensor.id)] || (base >= 0 && takes_part(g_.tensors()[size_t(base)].tensor));
  }

  void visit(size_t number) {
    const Node& node = forward_[number];
    Tensors gradients;
    std::vector<bool> wanted;
    Tensor arrived;
    for (const Tensor& output : node.outputs) {
      gradients.push_back(takes_part(output) ? gradient(output) : Tensor{});
      if (gradients.back()) arrived = gradients.back();
    }
    for (const Tensor& input : node.inputs) wanted.push_back(takes_part(input));
    if (!arrived || std::find(wanted.begin(), wanted.end(), true) == wanted.end()) return;
    if (!node.op->backward) {
      g_.fail(unsupported(join("[", node.op->name, "] has no gradient",
                               node.label.empty() ? "" : " (at " + node.label + ")",
                               ": it cannot lie between a loss and what is trained.")));
      return;
    }
    const std::string label = join("gradient of ", node.label.empty() ? std::string(node.op->name) : node.label);
    const Node again = recompute_ ? recomputation_.again(number, arrived) : node;
    g_.label(label);
    const Tensors parts = node.op->backward({.graph = g_, .node = again, .gradients = gradients, .wanted = wanted});
    for (size_t i = 0; i < node.inputs.size() && i < parts.size(); ++i)
      if (wanted[i] && parts[i]) add_gradient(node.inputs[i], parts[i]);
  }

  void add_gradient(const Tensor& tensor, Tensor part) {
    if (g_.error()) return;
    if (!(part.shape == tensor.shape)) part = g_.reshape(part, tensor.shape);
    Tensor& sum = gradients_[size_t(tensor.id)];
    sum = sum ? add(g_, sum, part) : part;
  }

  // What the gradient of an alias is to its base: the same numbers in the base's shape, zero outside of the alias.
  Tensor unalias(const Tensor& part, const Tensor& base, const GraphTensor& alias) {
    if (part.shape.elements() == base.shape.elements()) return g_.reshape(part, base.shape);
    const int64_t row = int64_t(row_bytes(base.dtype, uint64_t(base.shape.columns())));
    return take_rows(g_, part, -alias.alias_offset / row, base.shape.rows());
  }

  Graph& g_;
  const std::vector<Node> forward_;
  Recomputation recomputation_;
  const bool recompute_;
  std::vector<bool> takes_part_;   // by tensor: a wanted one is among what it is computed from
  std::vector<Tensors> aliases_;   // by tensor
  std::vector<Tensor> gradients_;  // by tensor: the sum of those that have arrived
};

}  // namespace

Tensors differentiate(Graph& g, Tensor loss, std::span<const Tensor> wanted, bool recompute) {
  Tensors gradients(wanted.size());
  if (g.error()) return gradients;
  for (const Tensor& tensor : wanted) {
    if (tensor) continue;
    g.fail(invalid("[differentiate] a wanted tensor is missing."));
    return gradients;
  }
  Differentiation pass(g, wanted, recompute);
  pass.run(loss);
  for (size_t i = 0; i < wanted.size() && !g.error(); ++i) {
    gradients[i] = pass.gradient(wanted[i]);
    if (gradients[i]) continue;
    const std::string& name = g.info(wanted[i]).name;
    g.fail(invalid(join("[differentiate] the loss does not depend on ",
                        name.empty() ? join("tensor ", wanted[i].id) : name, ".")));
  }
  return g.error() ? Tensors(wanted.size()) : gradients;
}

}  // namespace lorikeet
