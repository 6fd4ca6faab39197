// The auxiliary losses of adapters with routers, as published.
#pragma once

#include "frontend/adapters/adapter_writer.h"

namespace lorikeet {

// Weights of rows, each adding up to 1: of the mean entropy, which counts padding too as published, and of the balance.
struct RowWeights {
  Tensor counted, balanced;  // (rows)
};

// With coefficients; empty if this kind has none or no router routed. (1)
//   DynMoLE: dyn * mean entropy + aux * E sum_e f_e g_e, f the mean weight and g the mean probability of expert e over
//   the
//            rows of all routers
//   MixLoRA: aux * E sum_e f_e g_e, f the share of rows that chose expert e
Tensor adapter_loss(Graph& g, const AdapterConfig& config, const std::vector<RoutedLayer>& routed,
                    const RowWeights& rows);

}  // namespace lorikeet
