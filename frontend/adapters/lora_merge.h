// Plain LoRAs added to the weights that they are for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "frontend/adapters/adapter.h"

namespace lorikeet {

class LoraMerge {
 public:
  LoraMerge() = default;  // changes nothing
  // The adapter must outlive it; `scale` multiplies all that it adds. Errors: unsupported for an adapter with routers,
  // whose addends depend on the input, naming its kind and `name`.
  Status add(const Adapter& adapter, double scale, const std::string& name);

  bool touches(uint32_t layer, WeightRole role) const;
  // values (columns) are row `row` of the weight, in Hugging Face's order: adds scale * scaling * B[row] A of every
  // LoRA on it.
  void add_row(uint32_t layer, WeightRole role, uint64_t row, std::span<float> values) const;

 private:
  struct Addend {
    const AdapterLinear* linear;
    double scale;
  };
  std::vector<Addend> addends_;
};

}  // namespace lorikeet
