#version 450
// y = silu(gate) * up, where gate and up are columns of one product: for gated products whose gate and up rows lie in
// different pages. One lane an element.
#extension GL_GOOGLE_include_directive : require
#include "shaders/matmul_gate.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { MatmulGateParams p; };
layout(binding = 0) readonly restrict buffer GateUp { float gate_up[]; };
layout(binding = 1) writeonly restrict buffer Y { float y[]; };

void main() {
  const uint column = gl_GlobalInvocationID.x;
  const uint token = gl_WorkGroupID.z * gl_NumWorkGroups.y + gl_WorkGroupID.y;
  if (column >= p.columns || token >= p.tokens) return;
  const float gate = gate_up[token * p.stride + column];
  y[token * p.columns + column] = gate / (1.0 + exp(-gate)) * gate_up[token * p.stride + p.up + column];
}
