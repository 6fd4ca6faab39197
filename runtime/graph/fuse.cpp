#include "runtime/graph/fuse.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "runtime/graph/packing.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/route_row.h"

namespace lorikeet {
namespace {

// Who reads each tensor (through aliases: those count as foreign readers), and which node makes it.
struct Readers {
  std::vector<std::vector<size_t>> of;  // node numbers by tensor
  std::vector<int> maker;               // node number by tensor; -1
  std::vector<bool> pinned;             // kept or aliased: must stay

  explicit Readers(const Graph& g)
      : of(g.tensors().size()), maker(g.tensors().size(), -1), pinned(g.tensors().size(), false) {
    for (size_t i = 0; i < g.nodes().size(); ++i) {
      for (const Tensor& input : g.nodes()[i].inputs)
        if (input) of[size_t(input.id)].push_back(i);
      for (const Tensor& output : g.nodes()[i].outputs) maker[size_t(output.id)] = int(i);
    }
    for (const GraphTensor& info : g.tensors()) {
      const size_t own = size_t(info.tensor.id);
      if (info.kept) pinned[own] = true;
      const bool in_use = info.kept || !of[own].empty() || maker[own] >= 0;
      if (info.alias_of >= 0 && in_use) pinned[size_t(info.alias_of)] = pinned[own] = true;
    }
  }
  // The number of the only node that reads the tensor, if it need not be stored.
  std::optional<size_t> only_reader(const Tensor& tensor) const {
    if (!tensor || pinned[size_t(tensor.id)] || of[size_t(tensor.id)].size() != 1) return std::nullopt;
    return of[size_t(tensor.id)].front();
  }
};

bool is(const Node& node, std::string_view op) { return node.op->name == op; }

// A product without any epilogue or prologue but a bias.
bool plain_product(const Node& node) {
  return is(node, "matmul") && !node.inputs[3] && !node.inputs[4] && node.attributes.integer("gated_rows") == 0;
}

// True if `second` begins where `first` ends in the same storage (matrices in steps of 32 rows).
bool neighbours(const Graph& g, const Tensor& first, const Tensor& second, bool padded) {
  if (!first || !second) return !first && !second;
  const StorageRef &a = g.info(first).storage, &b = g.info(second).storage;
  const int64_t rows = first.shape.rank() > 1 ? first.shape.rows() : first.shape.elements();
  if (a.name != b.name || first.dtype != second.dtype) return false;
  return b.first_row == a.first_row + (padded ? padded_rows(rows) : rows);
}

// Rewrites the node list: dropped nodes vanish, and at the place of a node others may be emitted. Outputs that are
// replaced are renamed in all later nodes.
class Rewriter {
 public:
  explicit Rewriter(Graph& g) : g_(g), nodes_(g.nodes()) {}

  const std::vector<Node>& nodes() const { return nodes_; }
  void drop(size_t node) { dropped_.insert(node); }
  // `emit` appends nodes to the graph and returns what stands for the first output of `node` from then on.
  void replace(size_t node, std::function<Tensor()> emit) { emitters_[node] = std::move(emit); }

  void apply() {
    if (emitters_.empty()) return;
    g_.replace_nodes({});
    std::vector<Node> out;
    std::map<int32_t, Tensor> renamed;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const size_t before = out.size();
      if (const auto emitter = emitters_.find(i); emitter != emitters_.end()) {
        g_.replace_nodes({});
        g_.label(nodes_[i].label);
        g_.after({.id = nodes_[i].after});
        const Tensor made = emitter->second();
        for (const Node& node : g_.nodes()) out.push_back(node);
        if (!nodes_[i].outputs.empty()) {
          renamed[nodes_[i].outputs.front().id] = made;
          g_.move_keep(nodes_[i].outputs.front(), made);
        }
      } else if (!dropped_.contains(i)) {
        out.push_back(nodes_[i]);
      }
      for (size_t k = before; k < out.size(); ++k) {
        for (Tensor& input : out[k].inputs)
          if (const auto found = renamed.find(input.id); found != renamed.end()) input = found->second;
        if (const auto found = renamed.find(out[k].after); found != renamed.end()) out[k].after = found->second.id;
      }
    }
    g_.replace_nodes(std::move(out));
  }

 private:
  Graph& g_;
  std::vector<Node> nodes_;
  std::set<size_t> dropped_;
  std::map<size_t, std::function<Tensor()>> emitters_;
};

// Where no gradient goes any more a detached tensor is the tensor itself.
void forget_detached(Graph& g) {
  std::vector<Node> nodes = g.nodes();
  for (Node& node : nodes)
    for (Tensor& input : node.inputs)
      while (input && g.info(input).constant && g.info(input).alias_of >= 0 && !g.info(input).kept)
        input = g.tensors()[size_t(g.info(input).alias_of)].tensor;
  g.replace_nodes(std::move(nodes));
}

// q, k, v products -> rope, rope -> kv_write, attention.
void fuse_qkv(Graph& g) {
  const Readers readers(g);
  Rewriter rewriter(g);
  const auto& nodes = rewriter.nodes();
  for (size_t write = 0; write < nodes.size(); ++write) {
    if (!is(nodes[write], "kv_write")) continue;
    const Tensor k_rotated = nodes[write].inputs[0], v = nodes[write].inputs[1];
    const int k_rope = readers.maker[size_t(k_rotated.id)], v_product = readers.maker[size_t(v.id)];
    if (k_rope < 0 || v_product < 0 || !is(nodes[size_t(k_rope)], "rope") || !plain_product(nodes[size_t(v_product)]))
      continue;
    const Tensor k = nodes[size_t(k_rope)].inputs[0];
    const int k_product = readers.maker[size_t(k.id)];
    if (k_product < 0 || !plain_product(nodes[size_t(k_product)])) continue;
    const Tensor x = nodes[size_t(k_product)].inputs[0];
    // q: the other plain product of x that goes through rope with the same frequencies.
    std::optional<size_t> q_product, q_rope;
    for (size_t reader : readers.of[size_t(x.id)]) {
      if (int(reader) == k_product || int(reader) == v_product || !plain_product(nodes[reader])) continue;
      const auto next = readers.only_reader(nodes[reader].outputs[0]);
      if (next && is(nodes[*next], "rope") && nodes[*next].inputs[1].id == nodes[size_t(k_rope)].inputs[1].id)
        q_product = reader, q_rope = next;
    }
    if (!q_product || readers.pinned[size_t(nodes[*q_rope].outputs[0].id)]) continue;
    const Node &qp = nodes[*q_product], &kp = nodes[size_t(k_product)], &vp = nodes[size_t(v_product)];
    const Node &qr = nodes[*q_rope], &kr = nodes[size_t(k_rope)];
    const bool single =
        readers.only_reader(k) && readers.only_reader(v) && readers.only_reader(k_rotated) && vp.inputs[0].id == x.id;
    const bool aligned = qp.inputs[1].shape.rows() % kGroupRows == 0 && kp.inputs[1].shape.rows() % kGroupRows == 0;
    const bool adjacent =
        neighbours(g, qp.inputs[1], kp.inputs[1], true) && neighbours(g, kp.inputs[1], vp.inputs[1], true) &&
        neighbours(g, qp.inputs[2], kp.inputs[2], false) && neighbours(g, kp.inputs[2], vp.inputs[2], false);
    const bool same_rope = qr.attributes.integer("head_dim") == kr.attributes.integer("head_dim") &&
                           qr.attributes.integer("interleaved") == kr.attributes.integer("interleaved") &&
                           qr.attributes.number("factor") == kr.attributes.number("factor");
    if (!single || !aligned || !adjacent || !same_rope) continue;

    const Node node = nodes[write];
    const int64_t q_rows = qp.inputs[1].shape.rows(), k_rows = kp.inputs[1].shape.rows();
    const int64_t n = q_rows + k_rows + vp.inputs[1].shape.rows();
    const RopeKvAttributes a{qr.attributes.integer("heads"), kr.attributes.integer("heads"),
                             qr.attributes.integer("head_dim"), qr.attributes.integer("interleaved") != 0,
                             qr.attributes.number("factor", 1)};
    for (size_t dropped : {*q_product, size_t(k_product), size_t(v_product), size_t(k_rope)}) rewriter.drop(dropped);
    // k and v of the cache are written where q is rotated: before the attention that reads both.
    rewriter.drop(write);
    const Tensor weight = qp.inputs[1], bias = qp.inputs[2];
    rewriter.replace(*q_rope, [&g, x, weight, bias, n, node, qr, a] {
      const Tensor whole = g.add_weight_view(weight, {n, weight.shape.columns()});
      const Tensor whole_bias = bias ? g.add_weight_view(bias, {n}) : Tensor{};
      const Tensor qkv = matmul(g, x, whole, whole_bias);
      return rope_kv(g, qkv, qr.inputs[1], node.inputs[2], node.inputs[3], node.inputs[4], a);
    });
  }
  rewriter.apply();
}

// silu_mul(gate product, up product).
void fuse_gated(Graph& g) {
  const Readers readers(g);
  Rewriter rewriter(g);
  const auto& nodes = rewriter.nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!is(nodes[i], "silu_mul")) continue;
    const int gate = readers.maker[size_t(nodes[i].inputs[0].id)], up = readers.maker[size_t(nodes[i].inputs[1].id)];
    if (gate < 0 || up < 0 || gate == up || !plain_product(nodes[size_t(gate)]) || !plain_product(nodes[size_t(up)]))
      continue;
    const Node &gp = nodes[size_t(gate)], &upp = nodes[size_t(up)];
    const bool fits = readers.only_reader(gp.outputs[0]) && readers.only_reader(upp.outputs[0]) &&
                      gp.inputs[0].id == upp.inputs[0].id && !gp.inputs[2] && !upp.inputs[2] &&
                      gp.inputs[1].shape == upp.inputs[1].shape && neighbours(g, gp.inputs[1], upp.inputs[1], true);
    if (!fits) continue;
    const Tensor x = gp.inputs[0], weight = gp.inputs[1];
    const int64_t rows = weight.shape.rows();
    rewriter.drop(size_t(gate));
    rewriter.drop(size_t(up));
    rewriter.replace(i, [&g, x, weight, rows] {
      const Tensor both = g.add_weight_view(weight, {padded_rows(rows) + rows, weight.shape.columns()});
      return fused_matmul(g, {.x = x, .weight = both, .gated_rows = rows});
    });
  }
  rewriter.apply();
}

FusedMatmul parts_of(const Node& product) {
  return {.x = product.inputs[0],
          .weight = product.inputs[1],
          .bias = product.inputs[2],
          .residual = product.inputs[3],
          .norm_weight = product.inputs[4],
          .norm_eps = product.attributes.number("norm_eps"),
          .gated_rows = product.attributes.integer("gated_rows")};
}

// add(x, product) or add(product, x).
void fuse_residual(Graph& g) {
  const Readers readers(g);
  Rewriter rewriter(g);
  const auto& nodes = rewriter.nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!is(nodes[i], "add")) continue;
    for (const int side : {1, 0}) {
      const Tensor product = nodes[i].inputs[size_t(side)], other = nodes[i].inputs[size_t(1 - side)];
      const int maker = readers.maker[size_t(product.id)];
      if (maker < 0 || product.id == other.id || !plain_product(nodes[size_t(maker)]) || !readers.only_reader(product))
        continue;
      FusedMatmul parts = parts_of(nodes[size_t(maker)]);
      parts.residual = other;
      rewriter.drop(size_t(maker));
      rewriter.replace(i, [&g, parts] { return fused_matmul(g, parts); });
      break;
    }
  }
  rewriter.apply();
}

// A product of this many rows or more is better off with a norm of its own.
constexpr int64_t kNormPrologueRows = 2;

void fuse_norm(Graph& g) {
  const Readers readers(g);
  Rewriter rewriter(g);
  const auto& nodes = rewriter.nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!is(nodes[i], "matmul") || nodes[i].inputs[4]) continue;
    const int norm = readers.maker[size_t(nodes[i].inputs[0].id)];
    if (norm < 0 || !is(nodes[size_t(norm)], "rms_norm") || !readers.only_reader(nodes[i].inputs[0])) continue;
    if (nodes[i].inputs[0].shape.rows() >= kNormPrologueRows) continue;
    FusedMatmul parts = parts_of(nodes[i]);
    parts.x = nodes[size_t(norm)].inputs[0];
    parts.norm_weight = nodes[size_t(norm)].inputs[1];
    parts.norm_eps = nodes[size_t(norm)].attributes.number("eps");
    rewriter.drop(size_t(norm));
    rewriter.replace(i, [&g, parts] { return fused_matmul(g, parts); });
  }
  rewriter.apply();
}

// rms_norm -> the router's product -> route -> sort_rows, of one row.
void fuse_routing(Graph& g, const DeviceProfile& profile) {
  const Readers readers(g);
  Rewriter rewriter(g);
  const auto& nodes = rewriter.nodes();
  for (size_t sort = 0; sort < nodes.size(); ++sort) {
    if (!is(nodes[sort], "sort_rows") || nodes[sort].attributes.integer("share") != 1) continue;
    const int route = readers.maker[size_t(nodes[sort].inputs[0].id)];
    if (route < 0 || !is(nodes[size_t(route)], "route")) continue;
    const Node& policy = nodes[size_t(route)];
    const bool weights_alone = std::all_of(policy.outputs.begin() + 1, policy.outputs.end(), [&](const Tensor& output) {
      return readers.of[size_t(output.id)].empty() && !readers.pinned[size_t(output.id)];
    });
    const int product = readers.maker[size_t(policy.inputs[0].id)];
    if (!weights_alone || product < 0 || !plain_product(nodes[size_t(product)]) ||
        !readers.only_reader(policy.inputs[0]))
      continue;
    const Node& scores = nodes[size_t(product)];
    const int norm = readers.maker[size_t(scores.inputs[0].id)];
    if (norm < 0 || !is(nodes[size_t(norm)], "rms_norm")) continue;
    const Node& normed = nodes[size_t(norm)];
    const auto& readers_of_list = readers.of[size_t(nodes[sort].outputs[0].id)];
    const auto products = std::count_if(readers_of_list.begin(), readers_of_list.end(),
                                        [&](size_t reader) { return is(nodes[reader], "expert_matmul"); });
    if (products < 1 || products > 2 || !can_route_row(g, normed.inputs[0], scores.inputs[1], profile)) continue;
    const RouteRow parts{.h = normed.inputs[0],
                         .norm = normed.inputs[1],
                         .router = scores.inputs[1],
                         .bias = scores.inputs[2],
                         .eps = normed.attributes.number("eps"),
                         .most = nodes[sort].attributes.integer("most")};
    // One node makes the outputs of three, where the first of them stood.
    const auto made = std::make_shared<RoutedRow>();
    const Attributes attributes = policy.attributes;
    rewriter.drop(size_t(product));
    rewriter.replace(size_t(norm), [&g, parts, attributes, made] {
      *made = route_row(g, parts, attributes);
      return made->x;
    });
    rewriter.replace(size_t(route), [made] { return made->weights; });
    rewriter.replace(sort, [made] { return made->list; });
  }
  rewriter.apply();
}

}  // namespace

void fuse(Graph& graph, const DeviceProfile& profile) {
  if (graph.error()) return;
  forget_detached(graph);
  fuse_qkv(graph);
  fuse_gated(graph);
  fuse_residual(graph);
  fuse_norm(graph);
  fuse_routing(graph, profile);
}

}  // namespace lorikeet
