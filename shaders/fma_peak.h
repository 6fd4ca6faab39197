// Params of fma_peak.comp.
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct FmaPeakParams {
  uint turns;    // of kFmaPeakPerTurn multiply-adds a lane
  float factor;
  float addend;
};
const uint kFmaPeakPerTurn = 128u;  // multiply-adds
const uint kFmaPeakLanes = 64u;     // in a workgroup
LK_PARAMS_END
