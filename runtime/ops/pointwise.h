// Shape rule and lowering of the pointwise ops: one dispatch, vec4 where the number of elements allows.
#pragma once

#include "runtime/ops/support.h"

namespace lorikeet {

Result<Shapes> pointwise_shape(Inputs inputs, std::string_view a, std::string_view b);
// Elements a lane: few groups where handing one out is dear, many where there are many cores.
int64_t pointwise_turns(int64_t elements, const DeviceProfile& profile);
void lower_pointwise(Inputs operands, int64_t elements, const DeviceProfile& profile, std::string_view kernel,
                     Choices& choices);
// Its inputs, then its output.
void lower_pointwise(const Node& node, const DeviceProfile& profile, std::string_view kernel, Choices& choices);

}  // namespace lorikeet
