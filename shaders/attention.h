// Params of the attention shaders.
#ifndef LORIKEET_SHADERS_ATTENTION_H
#define LORIKEET_SHADERS_ATTENTION_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct AttentionParams {
  uint rows;
  uint heads;
  uint kv_heads;
  float scale;
  uint window;  // 0: all earlier positions
  uint splits;  // parts that a context is cut into at most
};
const uint kMaxHeadDim = 256u;
const uint kGridPairs =
    2u;  // in front of the splits' weights: the grid of attention_combine, written by attention_flash
LK_PARAMS_END
#endif
