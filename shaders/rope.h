// Params of rope.comp and rope_kv.comp.
#ifndef LORIKEET_SHADERS_ROPE_H
#define LORIKEET_SHADERS_ROPE_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct RopeParams {
  uint heads;
  uint kv_heads;  // rope: 0
  uint head_dim;
  uint frequencies_at;  // where they begin in their storage
  uint interleaved;     // 1: pairs (2 i, 2 i + 1); 0: pairs (i, i + head_dim / 2)
  float factor;
  uint streams;  // lanes that share the heads of one pair of elements: lane s does heads s, s + streams, ...
  uint places;   // rows of the caches; rope: 0
  uint back;     // 1: by the opposite angle
};
LK_PARAMS_END
#endif
