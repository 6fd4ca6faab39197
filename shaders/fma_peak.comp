#version 450
// The multiply-adds that a device can do when nothing else is asked of it: 8 independent sums a lane, held in registers.
#extension GL_GOOGLE_include_directive : require
#include "shaders/fma_peak.h"
layout(local_size_x = kFmaPeakLanes) in;
layout(push_constant) uniform Params { FmaPeakParams p; };
layout(binding = 0) writeonly buffer Y { float y[]; };

#define ONCE a = fma(a, factor, addend); b = fma(b, factor, addend);
#define FOUR ONCE ONCE ONCE ONCE

void main() {
  const uint i = gl_GlobalInvocationID.x;
  vec4 a = vec4(float(i)) + vec4(0.0, 1.0, 2.0, 3.0);
  vec4 b = a + 4.0;
  const vec4 factor = vec4(p.factor), addend = vec4(p.addend);
  for (uint turn = 0u; turn < p.turns; ++turn) {
    FOUR FOUR FOUR FOUR
  }
  const vec4 s = a + b;
  y[i] = s.x + s.y + s.z + s.w;
}
