#include "runtime/base/dtype.h"

#include <array>

namespace lorikeet {
namespace {

constexpr std::array kLayouts = {
    DTypeLayout{"f32", 1, 4},      DTypeLayout{"f16", 1, 2},      DTypeLayout{"bf16", 1, 2},
    DTypeLayout{"i32", 1, 4},      DTypeLayout{"u32", 1, 4},      DTypeLayout{"i8", 1, 1},
    DTypeLayout{"i16", 1, 2},      DTypeLayout{"i64", 1, 8},      DTypeLayout{"f64", 1, 8},
    DTypeLayout{"q8_0", 32, 34},   DTypeLayout{"q4_0", 32, 18},   DTypeLayout{"q4_1", 32, 20},
    DTypeLayout{"q5_0", 32, 22},   DTypeLayout{"q5_1", 32, 24},   DTypeLayout{"q4_k", 256, 144},
    DTypeLayout{"q5_k", 256, 176}, DTypeLayout{"q6_k", 256, 210}, DTypeLayout{"q2_k", 256, 84},
    DTypeLayout{"q3_k", 256, 110}, DTypeLayout{"iq4_nl", 32, 18}, DTypeLayout{"iq4_xs", 256, 136},
    DTypeLayout{"mxfp4", 32, 17},  DTypeLayout{"u8", 1, 1},       DTypeLayout{"bool", 1, 1},
};
static_assert(kLayouts.size() == size_t(DType::boolean) + 1);

}  // namespace

DTypeLayout layout(DType type) { return kLayouts[size_t(type)]; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (size_t i = 0; i < kLayouts.size(); ++i)
    if (kLayouts[i].name == name) return DType(i);
  return std::nullopt;
}

}  // namespace lorikeet
