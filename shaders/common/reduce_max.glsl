// Largest value of a workgroup of 256 lanes. Every lane gets it. Call from uniform control flow.
#ifndef LORIKEET_COMMON_REDUCE_MAX_GLSL
#define LORIKEET_COMMON_REDUCE_MAX_GLSL
shared float maxima[256];
shared float maxima_parts[16];

float group_max(float value) {
  const uint lane = gl_LocalInvocationIndex;
  maxima[lane] = value;
  barrier();
  if (lane < 16u) {
    for (uint k = lane; k < 256u; k += 16u) value = max(value, maxima[k]);
    maxima_parts[lane] = value;
  }
  barrier();
  value = maxima_parts[0];
  for (uint k = 1u; k < 16u; ++k) value = max(value, maxima_parts[k]);
  return value;
}
#endif
