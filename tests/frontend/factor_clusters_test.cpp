// Neurons that fire together end up in one cluster, and clusters have equal sizes.
#include "frontend/factor_clusters.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/run_graph.h"

using namespace lorikeet;

TEST_CASE("clusters: items of one direction stay together, whatever their length", "[factor]") {
  constexpr size_t kItems = 48, kClusters = 4, kColumns = 20;
  const auto noise = test::random_floats(kItems * kColumns, 5, -0.05f, 0.05f);
  for (const uint64_t seed : {1u, 2u, 3u}) {
    std::vector<float> features(kItems * kColumns);
    for (size_t item = 0; item < kItems; ++item)
      for (size_t c = 0; c < kColumns; ++c) {
        const float length = 1 + float(item % 7);
        features[item * kColumns + c] = length * ((c % kClusters == item % kClusters) + noise[item * kColumns + c]);
      }
    const std::vector<uint32_t> order = balanced_clusters(features, kItems, kClusters, seed);
    std::vector<uint32_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < kItems; ++i) REQUIRE(sorted[i] == i);
    for (size_t first = 0; first < kItems; first += kItems / kClusters) {
      CHECK(std::is_sorted(order.begin() + ptrdiff_t(first), order.begin() + ptrdiff_t(first + kItems / kClusters)));
      for (size_t i = 1; i < kItems / kClusters; ++i) CHECK(order[first + i] % kClusters == order[first] % kClusters);
    }
    CHECK(balanced_clusters(features, kItems, kClusters, seed) == order);
  }
}

TEST_CASE("clusters: equal and silent items are shared out equally", "[factor]") {
  std::vector<float> features(12 * 5, 0.0f);
  std::vector<uint32_t> order = balanced_clusters(features, 12, 3, 9);
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < 12; ++i) CHECK(order[i] == i);
  std::vector<float> one(4, 1.0f);
  CHECK(balanced_clusters(one, 4, 1, 0) == std::vector<uint32_t>{0, 1, 2, 3});
}
