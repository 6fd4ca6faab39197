// Params of scale_pairs and pair_dot.
#ifndef LORIKEET_SHADERS_SCALE_PAIRS_H
#define LORIKEET_SHADERS_SCALE_PAIRS_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct PairParams {
  uint rows;
  uint columns;
  uint experts;
  uint share;
  uint places_at;
  float scale;
};
LK_PARAMS_END
#endif
