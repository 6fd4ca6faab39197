// Params of the cross_attention kernels.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct CrossAttentionParams {
  uint rows;     // of text at most
  uint columns;  // H
  float scale;
};
LK_PARAMS_END
