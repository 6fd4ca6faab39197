// Viewer: what a session sees with. It turns pictures into visual tokens on the device: the vision plan once a picture,
// whose projected tokens are kept by content, and the experts' plan once a question. The model must outlive it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "frontend/control.h"
#include "frontend/model.h"
#include "frontend/vision.h"
#include "runtime/plan/plan.h"

namespace lorikeet {

// How a picture was routed for a question.
struct PictureRouting {
  std::vector<float> attention;      // of the class token over the question's tokens
  std::vector<float> probabilities;  // of the experts
  std::vector<float> weights;        // after the policy; 0: skipped
  float entropy = 0;                 // of the probabilities, normalised (Shannon)
  bool reused = false;               // the picture had been seen before
  double vision_ms = 0, experts_ms = 0;
};

struct ViewerOptions {
  RoutingPolicy policy;  // the published one is all experts, by their probabilities
  bool fuse = true;
  Progress progress;  // of kernel compilation
};

class Viewer {
 public:
  static Result<Viewer> create(Model& model, const ViewerOptions& options);
  Viewer(Viewer&&) noexcept;
  Viewer& operator=(Viewer&&) noexcept;
  ~Viewer();

  // Writes the visual tokens of a picture for a question to `target`, (visual tokens, hidden) f32.
  // pixels (channels, side, side); `text`: the prompt's tokens but the picture.
  Result<PictureRouting> see(std::span<const float> pixels, std::span<const int32_t> text, const Slice& target);

  // Scratch that the two plans need for a question of so many tokens.
  static Result<uint64_t> scratch_bytes(const DecoderConfig& config, const WeightTable& weights,
                                        const DraftRequest& request, const ViewerOptions& options, int64_t text_rows);

 private:
  struct Impl;
  explicit Viewer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
