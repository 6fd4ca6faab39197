// Params of kv_write.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct KvWriteParams {
  uint words;   // of a row of a cache: columns (f32) or columns / 2 (f16)
  uint places;  // rows of the caches
};
LK_PARAMS_END
