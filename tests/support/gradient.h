// Gradients against finite differences, for tests of ops.
#pragma once

#include <functional>

#include "tests/support/run_graph.h"

namespace lorikeet::test {

// Builds the op under test: adds its inputs to the graph and returns its result. Must do the same each time.
using BuildOp = std::function<Tensor(Graph&)>;

// Compares the gradients of sum(weight * result), weights at random, that `differentiate` gives for the named f32
// tensors with differences of the forward pass along random directions. Returns the normalised mean squared error over
// all of them; infinity, with the message printed, where something fails.
double gradient_error(Device& device, const BuildOp& build, const Data& data, const std::vector<std::string>& wanted,
                      double step = 1e-2);

}  // namespace lorikeet::test
