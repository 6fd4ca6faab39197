#version 450
// Rotary embedding of x (rows, heads * head_dim) by each row's position (RoFormer, section 3.2.2).
// Row = workgroup y; a lane owns elements 2 w, 2 w + 1 of every head of its stream: w = lane % (head_dim / 2),
// stream = lane / (head_dim / 2). Padding rows are left as they are. head_dim is even.
#extension GL_GOOGLE_include_directive : require
#define CONTROL_BINDING 2
#include "shaders/common/control.glsl"
#include "shaders/rope.h"
layout(local_size_x = 64) in;
layout(push_constant) uniform Params { RopeParams p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Frequencies { float frequencies[]; };
float frequency(uint i) { return frequencies[p.frequencies_at + i]; }
layout(binding = 3) writeonly buffer Y { float y[]; };

float source(uint index) { return x[index]; }
#include "shaders/common/rope_pair.glsl"

void main() {
  const uint row = gl_WorkGroupID.y;
  const uint pairs = p.head_dim / 2u;
  const uint stream = gl_GlobalInvocationID.x / pairs;
  if (row >= step_rows() || stream >= p.streams || row_slot(row) == kNoSlot) return;
  const uint e = gl_GlobalInvocationID.x % pairs * 2u;
  const PairTurn turn = pair_turn(row_position(row), e, p);
  for (uint head = stream; head < p.heads; head += p.streams) {
    const uint base = (row * p.heads + head) * p.head_dim;
    const vec2 pair = turned_pair(base, e, p.head_dim, p.interleaved, turn);
    y[base + e] = pair.x;
    y[base + e + 1u] = pair.y;
  }
}
