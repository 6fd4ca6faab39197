// Shape rule and lowering of the pointwise ops: one dispatch, vec4 where the number of elements allows.
#pragma once

#include "runtime/ops/support.h"

namespace lorikeet {

Result<Shapes> pointwise_shape(Inputs inputs, std::string_view a, std::string_view b);
void lower_pointwise(const Node& node, const DeviceProfile& profile, std::string_view kernel, Choices& choices);

}  // namespace lorikeet
