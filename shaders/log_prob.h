// Params of log_prob.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct LogProbParams {
  uint rows;
  uint columns;
};
LK_PARAMS_END
