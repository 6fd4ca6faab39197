#include "runtime/base/half.h"

#include <cmath>

#include "tests/support/catch.h"

using namespace lorikeet;

TEST_CASE("every f16 value survives the way to f32 and back") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(uint16_t(bits));
    if (std::isnan(value)) continue;
    REQUIRE(f32_to_f16(value) == bits);
  }
}

TEST_CASE("f32 to f16 rounds to nearest even and saturates to infinity") {
  CHECK(f32_to_f16(65504.0f) == 0x7bff);
  CHECK(f32_to_f16(65519.0f) == 0x7bff);
  CHECK(f32_to_f16(65520.0f) == 0x7c00);
  CHECK(f32_to_f16(1.0f + 0x1p-11f) == 0x3c00);
  CHECK(f32_to_f16(1.0f + 3 * 0x1p-11f) == 0x3c02);
  CHECK(f32_to_f16(0x1p-25f) == 0);
  CHECK(f32_to_f16(0x1.8p-25f) == 1);
  CHECK(std::isnan(f16_to_f32(f32_to_f16(NAN))));
}

TEST_CASE("f32 to bf16 rounds to nearest even") {
  CHECK(f32_to_bf16(1.0f) == 0x3f80);
  CHECK(f32_to_bf16(1.0f + 0x1p-8f) == 0x3f80);
  CHECK(f32_to_bf16(1.0f + 3 * 0x1p-8f) == 0x3f82);
  CHECK(bf16_to_f32(f32_to_bf16(-2.5f)) == -2.5f);
}
