#include "frontend/adapters/adapter_loss.h"

#include "frontend/adapters/adapter_routing.h"

namespace lorikeet {
namespace {

// Sum over routers of the mean over rows of x (rows, columns).                                            -> (1,
// columns)
class MeanOfRouters {
 public:
  MeanOfRouters(Graph& g, Tensor weights) : g_(g), weights_(g.reshape(weights, {1, weights.shape.elements()})) {}
  void add(Tensor x) {
    const int64_t rows = weights_.shape.columns();
    sum_ = gemm(g_, {.a = weights_, .b = g_.reshape(x, {rows, x.shape.elements() / rows}), .addend = sum_});
    ++count_;
  }
  Tensor mean() { return scale(g_, sum_, 1.0 / count_); }

 private:
  Graph& g_;
  Tensor weights_, sum_;
  int count_ = 0;
};

}  // namespace

Tensor adapter_loss(Graph& g, const AdapterConfig& config, const std::vector<RoutedLayer>& routed,
                    const RowWeights& rows) {
  const bool dynmole = config.kind == AdapterKind::dynmole;
  RoutingPolicy who = routing_policy(config);  // 1 for each expert that is chosen
  who.equal = true;
  who.renormalise = false;
  who.scale = 1;
  if (routed.empty() || !config.training.loss || (!dynmole && !config.is_mixlora())) return {};
  g.label("aux");
  MeanOfRouters entropy(g, rows.counted), chosen(g, rows.balanced), probable(g, rows.balanced);
  for (const RoutedLayer& layer : routed) {
    if (dynmole) entropy.add(layer.routing.entropy);
    chosen.add(dynmole ? layer.routing.weights : route(g, layer.scores, who).weights);
    probable.add(layer.routing.probabilities);
  }
  const double experts = double(config.experts);
  Tensor loss = scale(g, gemm(g, {.a = chosen.mean(), .b = probable.mean(), .transpose_b = true}),
                      experts * config.training.aux_loss_coef);  // (1, 1)
  if (dynmole) loss = add(g, loss, scale(g, entropy.mean(), config.training.dyn_loss_coef));
  return g.reshape(loss, {1});
}

}  // namespace lorikeet
