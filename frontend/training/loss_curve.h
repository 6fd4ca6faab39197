// The losses of a run, step by step, as a table and a drawing.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

struct LossPoint {
  uint64_t step = 0;  // from 1
  double epoch = 0;
  double cross_entropy = 0, aux = 0;
  double rate = 0, gradient_norm = 0, tokens_per_second = 0;
  std::optional<double> evaluation;  // loss on other data after the step
};

// One line a point below a line of names: step,epoch,ce,aux,rate,norm,tokens/s,eval loss.
std::string loss_csv(std::span<const LossPoint> points);
std::string loss_csv_line(const LossPoint& point);
// What loss_csv wrote, up to and including this step. Lines that are not whole are left out, and all after them.
std::vector<LossPoint> read_loss_csv(std::string_view text, uint64_t last_step);
std::string loss_svg(std::span<const LossPoint> points);

}  // namespace lorikeet
