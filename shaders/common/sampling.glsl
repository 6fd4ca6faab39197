// What the two sampling shaders share: which rows are sampled, what a segment's summary holds.
#ifndef LORIKEET_COMMON_SAMPLING_GLSL
#define LORIKEET_COMMON_SAMPLING_GLSL
#include "shaders/common/control.glsl"

const float kLowestLogit = -3.4028234e38;  // stands for -inf and NaN
const uint kNoToken = 0xffffffffu;

// The slot of wanted entry i, or kNoSlot where there is nothing to do.
uint sampled_slot(uint i) {
  if (i >= step_wanted()) return kNoSlot;
  const uint row = wanted_row(i);
  if (row >= step_rows()) return kNoSlot;
  const uint slot = row_slot(row);
  if (slot >= control[2] || slot_stopped(slot)) return kNoSlot;
  return slot;
}

float slot_float(uint at, uint word) { return uintBitsToFloat(control[at + word]); }

// Greedy, or a temperature that cannot be divided by.
bool takes_largest(uint at) { return control[at + 3u] != 0u || !(slot_float(at, 4u) > 0.0); }

// A finite number for every logit: NaN counts as the lowest.
float finite(float value) {
  if ((floatBitsToUint(value) & 0x7fffffffu) > 0x7f800000u) return kLowestLogit;
  return clamp(value, kLowestLogit, -kLowestLogit);
}

// exp of a difference to the largest logit; nothing below 1e-43.
float mass_of(float difference) { return difference > -100.0 ? exp(difference) : 0.0; }
#endif
