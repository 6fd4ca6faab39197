#version 450
// variants: T=float|vec4
// y = silu(gate) * up as in silu_mul.comp, with a rounding to bf16 after every operation.
#extension GL_GOOGLE_include_directive : require
#include "shaders/common/bf16.glsl"
T apply(T gate, T up) {
  const T divisor = round_bf16(1.0 + round_bf16(exp(-gate)));
  return round_bf16(round_bf16(gate / divisor) * up);
}
#include "shaders/common/pointwise.glsl"
