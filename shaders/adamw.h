// Params and step values of adamw.
#ifndef LORIKEET_SHADERS_ADAMW_H
#define LORIKEET_SHADERS_ADAMW_H
#include "shaders/types.h"
LK_PARAMS_BEGIN
struct AdamwParams {
  uint count;  // elements, in units of the variant's type
  uint turns;  // elements a lane
  float beta1;
  float beta2;
  float eps;
  float decay;
  float clip;      // largest norm of all gradients together; 0: any
  uint decoupled;  // 1: AdamW; 0: Adam with the decay as a part of the gradient
};
// What the host writes before each step, by index.
const uint kStepRate = 0u;           // learning rate
const uint kStepMomentum = 1u;       // 1 / (1 - beta1^t)
const uint kStepVariance = 2u;       // 1 / sqrt(1 - beta2^t)
const uint kStepGradientScale = 3u;  // of the gradients as they come: 1 / (gradients that were added up)
const uint kStepFloats = 4u;
LK_PARAMS_END
#endif
