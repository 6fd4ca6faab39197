// RouterStatistics: what the routers of an adapter did with many rows, as sums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/adapters/adapter.h"
#include "frontend/session.h"

namespace lorikeet {

// One router, or all of them together.
struct RouterSums {
  uint32_t layer = 0;
  std::string module;  // "mlp.gate_proj"; "mlp" where a router serves a whole feed-forward network
  uint64_t rows = 0;
  double entropy = 0;            // sum over the rows
  std::vector<uint64_t> active;  // (experts + 1) rows with so many experts
  std::vector<uint64_t> chosen;  // (experts) rows that the expert worked for
  std::vector<double> weights;   // (experts) sum of its weights

  size_t experts() const { return chosen.size(); }
  double mean_entropy() const;  // normalised; see observed_policy
  double mean_active() const;
  double share_of_rows(size_t expert) const;     // 0 to 1
  double share_of_weights(size_t expert) const;  // they add up to 1
  void add(const RouterSums& other);
};

class RouterStatistics {
 public:
  explicit RouterStatistics(const AdapterTensors& tensors);

  void add(const RoutedRows& rows);  // of this adapter
  const std::vector<RouterSums>& routers() const { return routers_; }
  RouterSums all() const;

 private:
  std::vector<RouterSums> routers_;
};

}  // namespace lorikeet
