#version 450
// Sorts rows by expert: from the routing weights (zero: not chosen) to a work list (see work_list.h).
//
// One workgroup. Lanes form parts of `columns` lanes: lane -> (part of the rows, expert). Each part counts the rows of its
// experts; then a lane for each height class walks the experts and cuts their rows into tiles; then each part writes the
// numbers of its rows to where those of the parts before it end. So the order is always: by expert, then by row.
// An expert's rows are cut into full tiles and one for the rest, of the smallest class that holds it.
#extension GL_GOOGLE_include_directive : require
#include "shaders/work_list.h"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint LANES = 64;
layout(push_constant) uniform Params { WorkListParams p; };
layout(binding = 0) readonly buffer Weights { float weights[]; };  // (rows / share, experts)
layout(binding = 1) writeonly buffer List { uint list[]; };

shared uint counts[kMaxExperts];  // (part, expert)
shared uint pairs_of[kMaxExperts];
shared uint first_pair[kMaxExperts];

uint height_of(uint height_class) { return (p.heights >> (5u * height_class)) & 31u; }
uint largest_height() { return height_of(p.classes - 1u); }
uint width_of(uint consumer, uint height_class) { return (p.widths[consumer * 3u + height_class / 2u] >> (16u * (height_class % 2u))) & 0xffffu; }

// The class that holds a rest of 1 .. largest_height() - 1 rows.
uint class_of_rest(uint rest) {
  uint height_class = 0u;
  while (height_of(height_class) < rest) ++height_class;
  return height_class;
}

// Writes the tiles of one class and, for each consumer, the entries of its windows of experts.
void cut(uint height_class) {
  const uint height = height_of(height_class), largest = largest_height();
  const bool full = height_class + 1u == p.classes;
  uint at = p.tiles_at[height_class];
  uint window_first[kMaxConsumers];
  uint entry[kMaxConsumers];
  for (uint c = 0u, before = 0u; c < p.consumers; ++c) {
    const uint windows = (p.experts + p.window_experts[c] - 1u) / p.window_experts[c];
    window_first[c] = at;
    entry[c] = before + height_class * windows;
    before += windows * p.classes;
  }
  for (uint e = 0u; e < p.experts; ++e) {
    const uint first = first_pair[e], count = pairs_of[e], rest = count % largest;
    for (uint done = 0u; full && done + largest <= count; done += largest) {
      list[at] = e;
      list[at + 1u] = first + done;
      list[at + 2u] = largest;
      at += kTileWords;
    }
    if (rest > 0u && class_of_rest(rest) == height_class) {
      list[at] = e;
      list[at + 1u] = first + count - rest;
      list[at + 2u] = rest;
      at += kTileWords;
    }
    for (uint c = 0u; c < p.consumers; ++c) {
      const uint window = p.window_experts[c];
      if (e + 1u < p.experts && (e + 1u) % window != 0u) continue;
      const uint tiles = (at - window_first[c]) / kTileWords;
      const uint entry_at = (entry[c] + e / window) * kEntryWords;
      list[entry_at] = tiles > 0u ? width_of(c, height_class) : 0u;
      list[entry_at + 1u] = tiles;
      list[entry_at + 2u] = 1u;
      list[entry_at + kEntryFirst] = window_first[c];
      list[entry_at + kEntryTiles] = tiles;
      list[entry_at + kEntryExpert] = e / window * window;
      window_first[c] = at;
    }
  }
}

void main() {
  const uint lane = gl_LocalInvocationIndex;
  const uint columns = min(p.experts, LANES), parts = LANES / columns;
  const uint part = lane / columns, rows_a_part = (p.rows + parts - 1u) / parts;
  const uint begin = min(part * rows_a_part, p.rows), end = part < parts ? min(begin + rows_a_part, p.rows) : begin;
  for (uint e = lane % columns; e < p.experts && part < parts; e += columns) {
    uint count = 0u;
    for (uint row = begin; row < end; ++row) count += weights[row / p.share * p.experts + e] != 0.0 ? 1u : 0u;
    counts[part * columns + e] = count;  // beyond `columns` experts there is one part
  }
  barrier();
  for (uint e = lane; e < p.experts; e += LANES) {
    uint pairs = 0u;
    for (uint other = 0u; other < parts; ++other) pairs += counts[other * columns + e];
    pairs_of[e] = pairs;
  }
  barrier();
  if (lane == 0u) {
    uint pairs = 0u;
    for (uint e = 0u; e < p.experts; ++e) {
      first_pair[e] = pairs;
      pairs += pairs_of[e];
    }
  }
  barrier();
  for (uint e = lane; e <= p.experts; e += LANES)
    list[p.starts_at + e] = e < p.experts ? first_pair[e] : first_pair[e - 1u] + pairs_of[e - 1u];
  if (lane < p.classes) cut(lane);
  for (uint e = lane % columns; e < p.experts && part < parts; e += columns) {
    uint pair = first_pair[e];
    for (uint other = 0u; other < part; ++other) pair += counts[other * columns + e];
    for (uint row = begin; row < end; ++row) {
      if (weights[row / p.share * p.experts + e] == 0.0) continue;
      list[p.rows_at + pair] = row;
      list[p.places_at + row * p.experts + e] = pair;
      ++pair;
    }
  }
}
