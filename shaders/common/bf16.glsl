// Rounding of f32 to bf16's 8 bits of fraction, to nearest, ties to even; infinities and what is no number stay.
#ifndef LORIKEET_COMMON_BF16_GLSL
#define LORIKEET_COMMON_BF16_GLSL
float round_bf16(float x) {
  const uint bits = floatBitsToUint(x);
  const uint rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
  return (bits & 0x7f800000u) == 0x7f800000u ? x : uintBitsToFloat(rounded);
}
vec4 round_bf16(vec4 x) { return vec4(round_bf16(x.x), round_bf16(x.y), round_bf16(x.z), round_bf16(x.w)); }
#endif
