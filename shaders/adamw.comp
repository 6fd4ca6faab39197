#version 450
// One step of AdamW (Loshchilov and Hutter, 2019), or of Adam (Kingma and Ba, 2015), in place. A lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/adamw.h"
#include "shaders/common/grid.glsl"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { AdamwParams p; };
layout(binding = 0) buffer Parameter { float parameter[]; };
layout(binding = 1) readonly buffer Gradient { float gradient[]; };
layout(binding = 2) buffer Momentum { float momentum[]; };
layout(binding = 3) buffer Variance { float variance[]; };
layout(binding = 4) readonly buffer Step { float values[]; };     // of the step
layout(binding = 5) readonly buffer Squares { float squares[]; };  // sum of the squares of all gradients, as they come

void main() {
  const uint i = group_number() * 64u + gl_LocalInvocationIndex;
  if (i >= p.count) return;
  float by = values[kStepGradientScale];
  if (p.clip > 0.0) by *= min(1.0, p.clip / (sqrt(squares[0]) * by + 1e-6));
  const float rate = values[kStepRate];
  float weight = parameter[i], slope = gradient[i] * by;
  if (p.decoupled == 1u) weight *= 1.0 - rate * p.decay;
  else slope += p.decay * weight;
  const float m = p.beta1 * momentum[i] + (1.0 - p.beta1) * slope;
  const float v = p.beta2 * variance[i] + (1.0 - p.beta2) * slope * slope;
  momentum[i] = m;
  variance[i] = v;
  parameter[i] = weight - rate * values[kStepMomentum] * m / (sqrt(v) * values[kStepVariance] + p.eps);
}
