#include "frontend/rope_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

double llama3(double frequency, const RopeConfig& rope) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength > rope.original_context / rope.low_factor) return frequency / rope.factor;
  if (wavelength < rope.original_context / rope.high_factor) return frequency;
  const double kept = (rope.original_context / wavelength - rope.low_factor) / (rope.high_factor - rope.low_factor);
  return (1 - kept) * frequency / rope.factor + kept * frequency;
}

// The (fractional) pair that turns `rotations` times within the original context.
double yarn_pair(double rotations, const RopeConfig& rope, uint32_t head_dim) {
  return head_dim * std::log(rope.original_context / (rotations * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
}

struct Range {
  double low, high;
};

Range yarn_range(const RopeConfig& rope, uint32_t head_dim) {
  Range range{yarn_pair(rope.beta_fast, rope, head_dim), yarn_pair(rope.beta_slow, rope, head_dim)};
  if (rope.truncate) range = {std::floor(range.low), std::ceil(range.high)};
  range = {std::max(range.low, 0.0), std::min(range.high, head_dim - 1.0)};
  if (range.low == range.high) range.high += 0.001;
  return range;
}

double yarn(double frequency, uint32_t pair, const RopeConfig& rope, const Range& range) {
  const double interpolated = std::clamp((pair - range.low) / (range.high - range.low), 0.0, 1.0);
  return interpolated * frequency / rope.factor + (1 - interpolated) * frequency;
}

bool positive(double value) { return std::isfinite(value) && value > 0; }

Status check(const RopeConfig& rope, uint32_t head_dim, const std::string& file) {
  if (!positive(rope.theta) || rope.theta == 1)
    return corrupt(join(file, ": the rotary base must be positive, it is ", rope.theta, "."));
  if (!positive(rope.factor) || !positive(rope.attention_factor))
    return corrupt(join(file, ": the rotary scaling factors must be positive, they are ", rope.factor, " and ",
                        rope.attention_factor, "."));
  if ((rope.scaling == RopeScaling::llama3 || rope.scaling == RopeScaling::yarn) && rope.original_context == 0)
    return corrupt(join(file, ": the rotary scaling needs the original context length."));
  if (rope.scaling == RopeScaling::llama3 &&
      (!positive(rope.low_factor) || !positive(rope.high_factor) || rope.high_factor <= rope.low_factor))
    return corrupt(join(file, ": the rotary scaling needs a low frequency factor below the high one, they are ",
                        rope.low_factor, " and ", rope.high_factor, "."));
  if (rope.scaling == RopeScaling::yarn && (!positive(rope.beta_fast) || !positive(rope.beta_slow)))
    return corrupt(join(file, ": beta_fast and beta_slow must be positive, they are ", rope.beta_fast, " and ",
                        rope.beta_slow, "."));
  if (rope.scaling == RopeScaling::given &&
      (rope.factors.size() != head_dim / 2 || !std::all_of(rope.factors.begin(), rope.factors.end(), positive)))
    return corrupt(
        join(file, ": ", head_dim / 2, " positive rotary factors were expected, ", rope.factors.size(), " are given."));
  return Done{};
}

}  // namespace

double yarn_attention_factor(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

Status RopeConfig::compute(uint32_t head_dim, const std::string& file) {
  LK_TRY(check(*this, head_dim, file));
  const Range range = scaling == RopeScaling::yarn ? yarn_range(*this, head_dim) : Range{0, 1};
  inverse_frequencies.resize(head_dim / 2);
  for (uint32_t pair = 0; pair < head_dim / 2; ++pair) {
    double frequency = std::pow(theta, -2.0 * pair / head_dim);
    switch (scaling) {
      case RopeScaling::none:
        break;
      case RopeScaling::linear:
        frequency /= factor;
        break;
      case RopeScaling::llama3:
        frequency = llama3(frequency, *this);
        break;
      case RopeScaling::yarn:
        frequency = yarn(frequency, pair, *this, range);
        break;
      case RopeScaling::given:
        frequency /= factors[pair];
        break;
    }
    inverse_frequencies[pair] = float(frequency);
  }
  return Done{};
}

}  // namespace lorikeet
