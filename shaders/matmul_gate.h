// Params of matmul_gate.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct MatmulGateParams {
  uint tokens;
  uint columns;  // of y
  uint up;       // column of gate_up where up begins
  uint stride;   // columns of gate_up
};
LK_PARAMS_END
