// Sum over a workgroup of LANES lanes (a constant, a multiple of 8), the same order on every device. Every lane gets it.
// Call from uniform control flow.
#ifndef LORIKEET_COMMON_REDUCE_GLSL
#define LORIKEET_COMMON_REDUCE_GLSL
shared float lk_parts[LANES];
shared float lk_eighths[8];

float group_sum(float value) {
  const uint lane = gl_LocalInvocationIndex;
  lk_parts[lane] = value;
  barrier();
  if (lane < 8u) {
    float sum = 0.0;
    for (uint i = lane; i < LANES; i += 8u) sum += lk_parts[i];
    lk_eighths[lane] = sum;
  }
  barrier();
  float sum = 0.0;
  for (uint i = 0u; i < 8u; ++i) sum += lk_eighths[i];
  return sum;
}
#endif
