#version 450
// All that comes before the experts of one row, in one launch: x = rms_norm(h), scores = router x (+ bias), the policy
// (shaders/common/route.glsl), and the work list of the experts that it chose (shaders/work_list.h). One workgroup.
//
// Lanes go over pieces of 8 columns, each for all experts, at most kRouteRowExperts. Columns: a multiple of 32.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "shaders/route_row.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
layout(constant_id = 1) const uint EXPERTS = 4;
layout(constant_id = 2) const bool HAS_BIAS = false;
#include "shaders/common/reduce.glsl"
layout(push_constant) uniform Params { RouteRowParams p; };
layout(binding = 0) readonly restrict buffer H { vec4 h[]; };
layout(binding = 1) readonly restrict buffer Norm { float norm[]; };
layout(binding = 2) readonly restrict buffer W { uint w[]; };  // the router, packed f32
layout(binding = 3) readonly restrict buffer Bias { float bias[]; };
layout(binding = 4) writeonly restrict buffer X { vec4 x[]; };
layout(binding = 5) writeonly restrict buffer Weights { float weights[]; };
layout(binding = 6) writeonly restrict buffer List { uint list[]; };

uint load_word(uint at) { return w[at]; }
#define WEIGHT_f32
#include "shaders/common/weights.glsl"

shared float scores[kRouteRowExperts];
float score_of(uint expert) { return scores[expert]; }
#define POLICY p.policy
#include "shaders/common/route.glsl"

vec4 norm_of(uint at) { return vec4(norm[p.norm_at + at], norm[p.norm_at + at + 1u], norm[p.norm_at + at + 2u], norm[p.norm_at + at + 3u]); }

void score() {
  const uint lane = gl_LocalInvocationIndex, pieces = p.columns / 8u;
  float square = 0.0;
  for (uint piece = lane; piece < pieces; piece += LANES) {
    const vec4 a = h[piece * 2u], b = h[piece * 2u + 1u];
    square += dot(a, a) + dot(b, b);
  }
  const float factor = inversesqrt(group_sum(square) / float(p.columns) + p.eps);
  float sums[EXPERTS];
  [[unroll]] for (uint e = 0u; e < EXPERTS; ++e) sums[e] = 0.0;
  for (uint piece = lane; piece < pieces; piece += LANES) {
    const vec4 a = h[piece * 2u] * factor * norm_of(piece * 8u), b = h[piece * 2u + 1u] * factor * norm_of(piece * 8u + 4u);
    x[piece * 2u] = a;
    x[piece * 2u + 1u] = b;
    [[unroll]] for (uint e = 0u; e < EXPERTS; ++e) {
      vec4 wa, wb;
      weight_piece(weight_row(p.row + e, p.units) + piece / 4u * UNIT_WORDS * 32u, 0u, piece % 4u, wa, wb);
      sums[e] += dot(a, wa) + dot(b, wb);
    }
  }
  [[unroll]] for (uint e = 0u; e < EXPERTS; ++e) {
    const float sum = group_sum(sums[e]);
    if (lane == 0u) scores[e] = sum + (HAS_BIAS ? bias[p.bias_at + e] : 0.0);
  }
  barrier();
}

// The entries of one grouped product; they begin at `first`. Returns where they end.
uint write_entries(uint first, uint window, uint width) {
  uint at = first, pairs = 0u, begin = 0u;
  for (uint e = 0u; e < EXPERTS; ++e) {
    if (chosen[e] != 0.0) ++pairs;
    if (e + 1u < EXPERTS && (e + 1u) % window != 0u) continue;
    list[at] = pairs > begin ? width : 0u;
    list[at + 1u] = pairs - begin;
    list[at + 2u] = 1u;
    list[at + kEntryFirst] = p.tiles_at + begin * kTileWords;
    list[at + kEntryTiles] = pairs - begin;
    list[at + kEntryExpert] = e / window * window;
    at += kEntryWords;
    begin = pairs;
  }
  return at;
}

// Every expert that was chosen is a tile of one row.
void write_list() {
  const uint next = write_entries(0u, p.window_0, p.width_0);
  if (p.consumers > 1u) write_entries(next, p.window_1, p.width_1);
  uint pair = 0u;
  for (uint e = 0u; e < EXPERTS; ++e) {
    list[p.starts_at + e] = pair;
    if (chosen[e] == 0.0) continue;
    const uint tile = p.tiles_at + pair * kTileWords;
    list[p.rows_at + pair] = 0u;
    list[p.places_at + e] = pair;
    list[tile] = e;
    list[tile + 1u] = pair;
    list[tile + 2u] = 1u;
    ++pair;
  }
  list[p.starts_at + EXPERTS] = pair;
}

void main() {
  score();
  route_experts();
  const uint lane = gl_LocalInvocationIndex;
  for (uint e = lane; e < EXPERTS; e += LANES) weights[e] = chosen[e];
  barrier();
  if (lane == 0u) write_list();
}
