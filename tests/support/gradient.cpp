#include "tests/support/gradient.h"

#include <cmath>
#include <iostream>

#include "runtime/base/text.h"
#include "runtime/graph/gradient.h"
#include "runtime/ops/ops.h"

namespace lorikeet::test {
namespace {

constexpr int kDirections = 3;

double weighted_sum(const std::vector<float>& y, const std::vector<float>& weights) {
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += double(y[i]) * weights[i];
  return sum;
}

}  // namespace

double gradient_error(Device& device, const BuildOp& build, const Data& data, const std::vector<std::string>& wanted,
                      double step) {
  const auto failed = [](const Error& error) {
    std::cerr << error.message << "\n";
    return INFINITY;
  };
  // The gradient, on the device.
  Graph g;
  const Tensor y = build(g);
  if (g.error()) return failed(*g.error());
  const std::vector<float> weights = random_floats(size_t(y.shape.elements()), 99);
  Tensors named;
  for (const std::string& name : wanted) named.push_back(g.find(name));
  const Tensor weighted = mul(g, y, g.input("loss weights", DType::f32, y.shape));
  const Tensors gradients = differentiate(g, weighted, named);
  const auto name_of = [&](size_t i) { return join("gradient ", gradients[i].id); };  // some may be one
  for (size_t i = 0; i < wanted.size(); ++i) g.keep(gradients[i], name_of(i));
  Data with_weights = data;
  with_weights.floats["loss weights"] = weights;
  const auto backward = run_graph(device, g, with_weights);
  if (!backward) return failed(backward.error());

  // Differences of fourth order along random directions.
  double difference = 0, energy = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::vector<float>& at = data.floats.at(wanted[i]);
    const std::vector<float>& gradient = backward->floats.at(name_of(i));
    for (int direction = 0; direction < kDirections; ++direction) {
      const std::vector<float> along = random_floats(at.size(), uint64_t(1000 * i + size_t(direction)));
      const auto value = [&](double by) {
        Graph forward;
        forward.keep(build(forward), "y");
        Data moved = data;
        for (size_t e = 0; e < at.size(); ++e) moved.floats[wanted[i]][e] = float(at[e] + by * along[e]);
        const auto outcome = run_graph(device, forward, moved);
        return outcome ? weighted_sum(outcome->floats.at("y"), weights) : failed(outcome.error());
      };
      const double slope = (8 * (value(step) - value(-step)) - (value(2 * step) - value(-2 * step))) / (12 * step);
      const double claimed = weighted_sum(gradient, along);
      difference += (slope - claimed) * (slope - claimed);
      energy += slope * slope;
    }
  }
  return energy > 0 ? difference / energy : difference;
}

}  // namespace lorikeet::test
