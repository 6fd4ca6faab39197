// How the routers of a factored model learn (FactorLLM, "Prior-Approximate" loss): from which experts alone come
// closest to what all of them together would say. The experts are frozen; who is chosen is constant for the gradient.
#pragma once

#include <string_view>

#include "frontend/feed_forward.h"

namespace lorikeet {

// What a layer's router sees while it learns.
enum class RouterView {
  own,      // the layer's own input: its layers before go through the chosen experts, as in use
  dense,    // the dense model's: all layers go through all experts
  chained,  // as published: what the dense network of the layer before makes of such an input, with nothing in between.
            // Not of use on real models, where it overflows within a few layers
};
std::string_view name(RouterView view);  // "own", "dense", "chained"

struct RouterLesson {
  RouterView view = RouterView::own;
  double route = 0.05, balance = 0.01;  // coefficients, as published
};

// Writes the factored networks of a training pass and gathers what their routers have to learn.
class PriorApproximation {
 public:
  // counted (rows): weights of the rows in the means, adding up to 1.
  PriorApproximation(Graph& g, const FactorConfig& factor, const RouterLesson& lesson, Tensor counted)
      : g_(g), factor_(factor), lesson_(lesson), counted_(counted) {}

  // As write_factored, layer after layer.                                                           -> (rows, hidden)
  Tensor write(const GatedExperts& experts, const FactoredInput& input);

  // route * sum over layers of KL(router || label) + balance * sum over layers of the mean over rows and experts of
  // mask * p, where p = softmax(scores) and the label is the softmax of 1 for the k experts closest to their share of
  // the total, which is 1 / FactorConfig::scale of it, and 0 for the others. -> (1)
  Tensor loss();

 private:
  struct AllExperts {
    Tensor list, outputs, total;  // outputs (pairs, hidden), total (rows, hidden)
  };
  AllExperts all_experts(const GatedExperts& experts, Tensor x);
  void learn(const AllExperts& teacher, const Routing& routing, uint32_t active);
  Tensor mean(Tensor x, Tensor sum) const;

  Graph& g_;
  const FactorConfig& factor_;
  const RouterLesson lesson_;
  Tensor counted_;
  Tensor everyone_;                  // weights by which each row goes through each expert
  Tensor chained_;                   // the input of the next layer
  Tensor entropy_, close_, chosen_;  // sums over layers: (1), (experts), (experts)
  double constant_ = 0;              // sum over layers of what does not depend on the router
  double balance_scale_ = 0;         // from the sum over experts of scaled masks to their mean
};

}  // namespace lorikeet
