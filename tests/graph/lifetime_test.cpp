#include "runtime/graph/lifetime.h"

#include <random>

#include "tests/support/catch.h"

using namespace lorikeet;

TEST_CASE("lifetimes that do not meet share memory") {
  const Placement placement = place({{100, 0, 1}, {100, 2, 3}}, 16);
  CHECK(placement.offsets[0] == 0);
  CHECK(placement.offsets[1] == 0);
  CHECK(placement.bytes == 100);
}

TEST_CASE("whatever the lifetimes, nothing alive at once overlaps and offsets are aligned") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lifetimes;
    for (int i = 0; i < 40; ++i) {
      const int32_t first = int32_t(random() % 30);
      lifetimes.push_back({1 + random() % 1000, first, first + int32_t(random() % 6)});
    }
    const Placement placement = place(lifetimes, 64);
    for (size_t a = 0; a < lifetimes.size(); ++a) {
      REQUIRE(placement.offsets[a] % 64 == 0);
      REQUIRE(placement.offsets[a] + lifetimes[a].bytes <= placement.bytes);
      for (size_t b = 0; b < a; ++b) {
        const bool together = lifetimes[a].first <= lifetimes[b].last && lifetimes[b].first <= lifetimes[a].last;
        const bool apart = placement.offsets[a] + lifetimes[a].bytes <= placement.offsets[b] ||
                           placement.offsets[b] + lifetimes[b].bytes <= placement.offsets[a];
        REQUIRE((!together || apart));
      }
    }
  }
}
