// RunFolder: what a run leaves on the disk beside what it trained: the last checkpoint, the losses as a table and a
// drawing.
#pragma once

#include <filesystem>
#include <vector>

#include "frontend/training/loss_curve.h"

namespace lorikeet {

class RunFolder {
 public:
  // Makes the folder. One that has anything in it is refused, unless a run is to go on in it: then it may hold what
  // runs leave. Errors: io, invalid_argument.
  static Result<RunFolder> open(const std::filesystem::path& folder, bool resume);

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path checkpoint() const;
  bool has_checkpoint() const;
  const std::vector<LossPoint>& losses() const { return losses_; }

  Status take_losses(uint64_t last_step);  // those of a run that stopped, up to this step
  Status add_loss(const LossPoint& point);
  Status draw_losses() const;

 private:
  explicit RunFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
  std::vector<LossPoint> losses_;
};

}  // namespace lorikeet
