// The scale (and minimum) that represents a few values best in whole numbers: a search over candidates, each of them
// improved by least squares. Private to this folder.
#pragma once

namespace lorikeet::quant {

// x[i] ~ scale * q[i] with whole q within [low, high]. `low` is the end with the larger magnitude, so that the scale is
// negative where the largest value is positive. 0 if the values are (nearly) zero.
float fit_scale(const float* x, int count, int low, int high);

// x[i] ~ scale * q[i] + minimum with whole q within [0, levels], scale >= 0.
struct Affine {
  float scale, minimum;
};
enum class Minimum { any, not_positive };
Affine fit_affine(const float* x, int count, int levels, Minimum kind);

}  // namespace lorikeet::quant
