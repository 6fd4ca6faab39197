// The two stages in which a factored model is trained (FactorLLM), as runs like any other: first its routers, by the
// Prior-Approximate loss, then its experts under routers that stay as they are.
#pragma once

#include <string_view>

#include "frontend/training/run_options.h"

namespace lorikeet {

enum class FactorStage { routers, experts };
std::string_view name(FactorStage stage);  // "routers", "experts"

// What a stage trains and by which optimiser: Adam with L2 decay 1e-5 and betas 0.9 and 0.95 as published, a cosine
// without warm-up. The rate is 1e-3 for routers, which start from nothing here, and the published 4e-5 for experts.
RunOptions stage_options(FactorStage stage);

}  // namespace lorikeet
