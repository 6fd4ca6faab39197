// Params of the cross_attention kernels.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct CrossAttentionParams {
  uint queries;
  uint rows;     // of text that each query has
  uint columns;  // H
  float scale;
};
LK_PARAMS_END
