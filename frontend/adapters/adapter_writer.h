// Writes adapters into the graph of a decoder: low-rank experts on its linear layers, along the same road as all
// experts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_config.h"
#include "frontend/adapters/adapter_tensors.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

// An adapter as the builder of a graph sees it. Its tensors are states, plain f32, numbered as in AdapterTensors:
//   NAME.router.I (experts, in), NAME.a.I (experts, rank, in), NAME.b.I (experts, out, rank)
struct AdapterInGraph {
  const AdapterConfig* config = nullptr;
  const AdapterTensors* tensors = nullptr;  // what there is; values are not read
  std::string name;
  double scale = 1;  // of all that it adds
  // The conversations whose slots have this bit use it (shaders/control.h); without one all rows do.
  std::optional<uint32_t> bit = {};
  // Learning: with a seed (3 words, see `dropout`) inputs are dropped at the configured rate.
  Tensor seed = {};
  // Results are kept that say how router I routed, before rows of other conversations are masked: NAME.weights.I
  // (rows, experts), NAME.entropy.I (rows).
  bool observe = false;
};

// How a router routed; for losses and observation.
struct RoutedLayer {
  size_t adapter = 0, router = 0;
  Tensor scores;    // (rows, experts)
  Routing routing;  // before rows of other conversations are masked
};

class AdapterWriter {
 public:
  // `round_bf16`: results are rounded to bf16 where those of the published code are in a model that is bf16 itself; x
  // and y, and what else comes in, should be bf16's numbers already.
  AdapterWriter(Graph& g, std::vector<AdapterInGraph> adapters, Tensor control, bool round_bf16 = false);

  // y plus what the adapters add to the linear layer of x (rows, in) and y (rows, out).
  Tensor linear(uint32_t layer, WeightRole role, Tensor x, Tensor y);

  // Where experts are whole feed-forward networks (MixLoRA): x (rows, hidden) went in, gate and up (rows, intermediate)
  // are its products, y (rows, hidden) came out; `down` is the weight.
  struct FeedForward {
    Tensor x, gate, up, y, down;
  };
  Tensor feed_forward(uint32_t layer, const FeedForward& parts);

  const std::vector<RoutedLayer>& routed() const { return routed_; }

 private:
  struct Chosen {
    Tensor weights, list;
  };
  Chosen choose(size_t adapter, size_t router, Tensor x);
  Tensor everywhere(size_t adapter, size_t linear, Tensor x, Tensor y);
  Tensor dropped(size_t adapter, Tensor x, double rate);
  Tensor state(size_t adapter, const char* part, size_t index, Shape shape);
  Tensor rounded(Tensor x) { return round_bf16_ ? round_bf16(g_, x) : x; }
  Tensor added(size_t adapter, size_t linear, Tensor inner, const Chosen& chosen, Tensor y);

  Graph& g_;
  std::vector<AdapterInGraph> adapters_;
  Tensor control_;
  bool round_bf16_;
  std::vector<RoutedLayer> routed_;
  int64_t salts_ = 0;
};

}  // namespace lorikeet
