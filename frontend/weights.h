// WeightTable: which tensor of the file goes where on the device. Plain data: products that read the same input lie in
// one storage, so that they can become one product (q, k, v; gate, up).
#pragma once

#include <string>
#include <vector>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/config.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

struct Weight {
  WeightRole role{};
  uint32_t layer = 0;
  uint32_t expert = 0;
  const TensorInfo* source = nullptr;  // in the checkpoint; null: computed (rope frequencies)
  std::string name;                    // as in GGUF files
  DType type = DType::f32;             // on the device
  Shape shape;
  StorageRef place;
  int64_t interleaved_head_rows = 0;  // see MatrixSource
  int64_t source_row = 0;             // of the source, where the weight begins
};

struct WeightStorage {
  std::string name;
  DType type = DType::f32;
  int64_t rows = 0;        // padded to groups; elements of vectors
  int64_t columns = 0;     // 0: vectors
  uint64_t bytes = 0;      // on the device
  int64_t block_rows = 0;  // of an expert, see StorageRef
};

class WeightTable {
 public:
  // Finds every weight that the family names, with shapes checked against the configuration.
  static Result<WeightTable> build(const Checkpoint& checkpoint, const DecoderConfig& config);
  // What the table of such a model would be, its matrices of `matrices` where their columns are whole blocks, else f16:
  // for plans of memory without files. Its weights have no source.
  static WeightTable planned(const DecoderConfig& config, DType matrices);

  const std::vector<Weight>& weights() const { return weights_; }
  const std::vector<WeightStorage>& storages() const { return storages_; }
  uint64_t bytes() const;
  // The weight as a tensor of a graph; empty if the model has no such weight.
  Tensor tensor(Graph& graph, WeightRole role, uint32_t layer = 0) const;
  Tensor rope_frequencies(Graph& graph) const;
  // All experts of a layer as one matrix, as expert_matmul takes it: gate beside up, or down. `gate` is the role of the
  // experts' gates.
  Tensor gate_up_stack(Graph& graph, WeightRole gate, uint32_t layer = 0) const;
  Tensor down_stack(Graph& graph, WeightRole gate, uint32_t layer = 0) const;
  // Types that no kernel reads, which become f16 when they are loaded: "iq4_nl, q2_k"; empty if there are none.
  std::string converted_types() const;

 private:
  Tensor stack(Graph& graph, std::string_view name) const;
  void add(const DecoderConfig& config, Weight weight);
  void place(const DecoderConfig& config);
  void place_experts(const DecoderConfig& config);
  void place_stack(const std::vector<Weight*>& members, const std::string& name);

  std::vector<Weight> weights_;
  std::vector<WeightStorage> storages_;
  int64_t frequencies_ = 0;
};

inline constexpr std::string_view kRopeFrequencies = "rope_frequencies";  // the storage of the computed vector

}  // namespace lorikeet
