// Params of patches.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct PatchesParams {
  uint channels, height, width;
  uint size;   // side of a square
  uint count;  // elements of either
};
LK_PARAMS_END
