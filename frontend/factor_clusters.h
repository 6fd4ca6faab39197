// Neurons that fire together, put together: equal clusters of the intermediate rows of a layer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "frontend/dataset/dataset.h"
#include "frontend/model.h"

namespace lorikeet {

// Cuts items with features (items, columns) into `count` clusters of equal size, by k-means on the sphere: each item
// joins the centre whose direction is most like its own, those with the clearest choice first, as long as there is
// room. Returns the items cluster by cluster, ascending within each. `items` must be a multiple of `count`. The
// features are scaled to length 1 in place.
std::vector<uint32_t> balanced_clusters(std::span<float> features, size_t items, size_t count, uint64_t seed);

struct ClusterOptions {
  uint32_t experts = 4;
  size_t tokens = 2048;  // of the text that neurons are watched on, at most
  uint64_t seed = 0;
  std::function<bool(size_t done, size_t total)> progress;  // of layers; false: stop
};

// An order of the intermediate rows of a dense model, (layers, intermediate), whose neighbours make experts: features
// of a neuron are the sizes of its activation silu(gate x) * up x over the tokens of the text, less the mean of all
// neurons. Errors: invalid_argument for too little text; cancelled; those of the device.
Result<std::vector<uint32_t>> clustered_order(Model& model, const Dataset& text, const ClusterOptions& options);

}  // namespace lorikeet
