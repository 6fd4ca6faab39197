#include "frontend/checkpoint/quant/fit.h"

#include "frontend/checkpoint/quant/codec.h"

namespace lorikeet::quant {
namespace {

constexpr float kNothing = 1e-30f;  // below this the values count as zero; its reciprocal is still finite
constexpr int kLanes = 8;           // divides every count
constexpr int kMaximumCount = 32;

// How far the ends of the range of q may lie beyond (above 1) or within the values.
constexpr float kScaleSteps[] = {1.0f, 0.98f, 0.96f, 0.94f, 0.92f, 0.90f, 0.87f, 0.84f, 0.80f, 1.03f, 1.06f, 1.10f};
constexpr float kAffineSteps[] = {1.0f, 0.97f, 0.94f, 0.91f, 0.88f, 0.84f, 0.80f, 0.75f, 1.03f};

// As `nearest` of codec.h, as a float.
float whole(float value, float low, float high) {
  constexpr float kRound = 12582912.0f;
  return (std::min(std::max(value, low), high) + kRound) - kRound;
}

// A sum of products in lanes of its own order, which compilers turn into vector instructions.
double dot(const float* a, const float* b, int count) {
  float lanes[kLanes] = {};
  for (int i = 0; i < count; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  double total = 0;
  for (float lane : lanes) total += double(lane);
  return total;
}

double sum(const float* a, int count) {
  float lanes[kLanes] = {};
  for (int i = 0; i < count; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane];
  double total = 0;
  for (float lane : lanes) total += double(lane);
  return total;
}

struct ScaleScore {
  double scale, gain;  // gain: how much of the sum of squares the scale explains
};

// Least squares for the q that the scale `trial` gives.
ScaleScore refine(const float* x, int count, float low, float high, float trial) {
  const float inverse = 1 / trial;
  float q[kMaximumCount];
  for (int i = 0; i < count; ++i) q[i] = whole(x[i] * inverse, low, high);
  const double sum_xq = dot(x, q, count), sum_qq = dot(q, q, count);
  return sum_qq > 0 ? ScaleScore{sum_xq / sum_qq, sum_xq * sum_xq / sum_qq} : ScaleScore{0, 0};
}

// What least squares for scale and minimum needs.
struct Sums {
  double q, qq, x, xq, xx;
};

Sums sums_of(const float* x, int count, int levels, float scale, float minimum) {
  const float inverse = 1 / scale, high = float(levels);
  float q[kMaximumCount];
  for (int i = 0; i < count; ++i) q[i] = whole((x[i] - minimum) * inverse, 0, high);
  return {sum(q, count), dot(q, q, count), sum(x, count), dot(x, q, count), dot(x, x, count)};
}

struct AffineScore {
  double scale, minimum, error;
};

AffineScore refine(const Sums& sums, int count, double highest_minimum) {
  const double determinant = count * sums.qq - sums.q * sums.q;
  double scale = 0, minimum = sums.x / count;
  if (determinant > 0) {
    scale = (count * sums.xq - sums.q * sums.x) / determinant;
    minimum = (sums.qq * sums.x - sums.q * sums.xq) / determinant;
  }
  if (minimum > highest_minimum) {
    minimum = highest_minimum;
    scale = sums.qq > 0 ? (sums.xq - minimum * sums.q) / sums.qq : 0;
  }
  const double error = sums.xx - 2 * scale * sums.xq - 2 * minimum * sums.x + scale * scale * sums.qq +
                       2 * scale * minimum * sums.q + count * minimum * minimum;
  return {scale, minimum, error};
}

// For x within [0, 1].
AffineScore search(const float* x, int count, int levels, double highest_minimum) {
  AffineScore best{1.0 / levels, 0, 1e30};
  for (float step : kAffineSteps) {
    const float minimum = std::min((1 - step) / 2, float(highest_minimum));
    AffineScore score = refine(sums_of(x, count, levels, step / float(levels), minimum), count, highest_minimum);
    if (score.scale <= 1e-6) continue;
    const AffineScore again =
        refine(sums_of(x, count, levels, float(score.scale), float(score.minimum)), count, highest_minimum);
    if (again.scale > 1e-6 && again.error < score.error) score = again;
    if (score.error < best.error) best = score;
  }
  return best;
}

}  // namespace

float fit_scale(const float* x, int count, int low, int high) {
  float extreme = 0;
  for (int i = 0; i < count; ++i)
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  if (std::fabs(extreme) < kNothing) return 0;
  float unit[kMaximumCount];  // the values over the extreme one: no sum overflows
  for (int i = 0; i < count; ++i) unit[i] = x[i] / extreme;
  ScaleScore best{0, 0};
  for (float step : kScaleSteps) {
    const ScaleScore score = refine(unit, count, float(low), float(high), step / float(low));
    if (score.gain > best.gain) best = score;
  }
  if (best.gain == 0) return 0;
  const ScaleScore again = refine(unit, count, float(low), float(high), float(best.scale));
  return float((again.gain > best.gain ? again.scale : best.scale) * extreme);
}

Affine fit_affine(const float* x, int count, int levels, Minimum kind) {
  float least = x[0], most = x[0];
  for (int i = 1; i < count; ++i) {
    least = std::min(least, x[i]);
    most = std::max(most, x[i]);
  }
  if (kind == Minimum::not_positive) {
    least = std::min(least, 0.0f);
    most = std::max(most, 0.0f);
  }
  const double range = double(most) - double(least);
  if (range < double(kNothing)) return {0, least};
  float unit[kMaximumCount];  // the values within [0, 1]
  for (int i = 0; i < count; ++i) unit[i] = float((double(x[i]) - double(least)) / range);
  const double highest_minimum = kind == Minimum::not_positive ? -double(least) / range : 1;
  const AffineScore best = search(unit, count, levels, highest_minimum);
  return {float(best.scale * range), float(double(least) + best.minimum * range)};
}

}  // namespace lorikeet::quant
