#version 450
// variants: T=float|vec4
// One step of AdamW (Loshchilov and Hutter, 2019), or of Adam (Kingma and Ba, 2015), in place. A group of 64 lanes does 64 * turns
// neighbouring elements, counted in T.
#extension GL_GOOGLE_include_directive : require
#include "shaders/adamw.h"
#include "shaders/common/grid.glsl"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { AdamwParams p; };
layout(binding = 0) buffer Parameter { T parameter[]; };
layout(binding = 1) readonly buffer Gradient { T gradient[]; };
layout(binding = 2) buffer Momentum { T momentum[]; };
layout(binding = 3) buffer Variance { T variance[]; };
layout(binding = 4) readonly buffer Step { float values[]; };     // of the step
layout(binding = 5) readonly buffer Squares { float squares[]; };  // sum of the squares of all gradients, as they come

void main() {
  uint i = group_number() * 64u * p.turns + gl_LocalInvocationIndex;
  float by = values[kStepGradientScale];
  if (p.clip > 0.0) by *= min(1.0, p.clip / (sqrt(squares[0]) * by + 1e-6));
  const float rate = values[kStepRate];
  for (uint turn = 0u; turn < p.turns; ++turn, i += 64u) {
    if (i >= p.count) return;
    T weight = parameter[i], slope = gradient[i] * by;
    if (p.decoupled == 1u) weight *= 1.0 - rate * p.decay;
    else slope += p.decay * weight;
    const T m = p.beta1 * momentum[i] + (1.0 - p.beta1) * slope;
    const T v = p.beta2 * variance[i] + (1.0 - p.beta2) * slope * slope;
    momentum[i] = m;
    variance[i] = v;
    parameter[i] = weight - rate * values[kStepMomentum] * m / (sqrt(v) * values[kStepVariance] + p.eps);
  }
}
