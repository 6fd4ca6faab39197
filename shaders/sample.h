// Params of sample_scan.comp and sample.comp.
#ifndef LORIKEET_SHADERS_SAMPLE_H
#define LORIKEET_SHADERS_SAMPLE_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
const uint kSampleSegments = 256u;  // runs of neighbouring tokens that the scan sums up, one a lane of sample.comp

struct SampleParams {
  uint vocabulary;
  uint segment;   // tokens of a segment, a multiple of 8; kSampleSegments of them cover the vocabulary
  uint ring;      // tokens kept of each slot
  uint has_bias;  // 0: there is no logit bias
  uint first;     // wanted entry of the first workgroup; scratch is counted from it
};
LK_PARAMS_END
#endif
