// The tensors of an adapter in one form for all kinds: routers, and low-rank experts of linear layers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "frontend/adapters/adapter_base.h"
#include "frontend/adapters/adapter_config.h"
#include "frontend/checkpoint/tensor_files.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Scores of the experts for one row: weight x, with x the input of the linear layer, or of the feed-forward network.
struct AdapterRouter {
  uint32_t layer = 0;
  std::string module;  // "mlp.gate_proj": of one linear layer; "mlp": of the whole feed-forward network (MixLoRA)
  uint32_t in = 0, experts = 0;
  std::vector<float> weight;  // (experts, in)
};

// Expert e adds scaling * b[e] (a[e] x) to the output of a linear layer of the base.
struct AdapterLinear {
  uint32_t layer = 0;
  WeightRole role = WeightRole::q;  // of the base's weight (out, in)
  std::string module;               // "mlp.gate_proj"
  uint32_t in = 0, out = 0;
  uint32_t experts = 1, rank = 0;
  float scaling = 1;
  std::optional<uint32_t> router;  // index into AdapterTensors::routers; none: one expert that always counts
  std::vector<float> a;            // (experts * rank, in): row e * rank + i is row i of expert e
  std::vector<float> b;            // (experts, out, rank)
};

// Linear layers that are not listed stay as the base has them.
struct AdapterTensors {
  std::vector<AdapterRouter> routers;  // layer by layer
  std::vector<AdapterLinear> linears;  // in the base's order
};

// Which tensors the adapter has on this base; their values are empty yet. Errors: invalid_argument if target_modules
// names something that the base lacks.
Result<AdapterTensors> adapter_layout(const AdapterConfig& config, const AdapterBase& base);
void allocate_values(AdapterTensors& tensors);  // all zero

// Reads an adapter's file; f32, f16 and bf16 become f32. The file must hold just the tensors of the layout, under the
// published names or MixLoRA's first ones. Errors name the tensor, what was expected and what was given: not_found
// (a tensor is missing), invalid_argument (another shape: the adapter is of another base; a tensor too many),
// unsupported (another type).
Result<AdapterTensors> read_adapter_tensors(const AdapterConfig& config, const AdapterBase& base,
                                            const TensorFiles& files);

// One tensor of a file, and where its values are.
struct AdapterSlot {
  enum class Part : uint8_t { router, a, b };

  std::string name;
  std::vector<uint64_t> shape;
  Part part = Part::router;
  size_t index = 0;  // of the router or the linear layer
  size_t first = 0;  // its values lie here in the vector of that part, one after the other

  size_t elements() const { return size_t(shape[0] * shape[1]); }
};

enum class AdapterNaming : uint8_t {
  published,
  mixlora_first,     // mixlora.layers.3.experts.0.gate_proj.lora_A.weight, mixlora.layers.3.gate.weight
  mixlora_numbered,  // the same with w1_proj, w2_proj and w3_proj for gate, down and up
};
// Every tensor once, in the published order.
std::vector<AdapterSlot> adapter_slots(const AdapterTensors& tensors, AdapterKind kind,
                                       AdapterNaming naming = AdapterNaming::published);
std::span<float> values_of(AdapterTensors& tensors, const AdapterSlot& slot);
std::span<const float> values_of(const AdapterTensors& tensors, const AdapterSlot& slot);

}  // namespace lorikeet
