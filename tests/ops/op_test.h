// What the tests of ops share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <span>

#include "runtime/base/half.h"
#include "runtime/base/text.h"
#include "runtime/ops/ops.h"
#include "shaders/control.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/run_graph.h"
#include "tests/support/skip.h"

namespace lorikeet::test {

// Runs the graph with every choice of its last node and compares the kept result "y".
inline void check_choices(Device& device, Graph& g, const Data& data, const std::vector<float>& expected,
                          double tolerance = 1e-7) {
  REQUIRE(!g.error());
  for (const std::string& choice : choices_of_last_node(device, g)) {
    const auto outcome = run_graph(device, g, data, {.choice = choice});
    INFO(g.print() << "choice " << choice << (outcome ? "" : ": " + outcome.error().message));
    REQUIRE(outcome);
    CHECK(nmse(outcome->floats.at("y"), expected) < tolerance);
  }
}

// The message of the graph's error; "" if there is none.
inline std::string error_of(const Graph& g) { return g.error() ? g.error()->message : ""; }

inline Tensor control_state(Graph& g, const std::vector<uint32_t>& words) {
  return g.state("control", DType::u32, {int64_t(words.size())});
}

}  // namespace lorikeet::test
