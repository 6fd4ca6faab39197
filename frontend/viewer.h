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
#include "frontend/picture_tokens.h"
#include "frontend/vision.h"
#include "runtime/plan/plan.h"

namespace lorikeet {

// How a picture was routed for a question.
struct PictureRouting {
  std::vector<int32_t> text;         // the question's tokens
  std::vector<float> attention;      // of the class token over them
  std::vector<float> probabilities;  // of the experts
  std::vector<float> weights;        // after the policy; 0: skipped
  float entropy = 0;                 // of the probabilities, normalised (Shannon)
  bool reused = false;               // the picture had been seen before
  // Of the vision pass (or of a copy, when the picture was reused), and of the pass that routes it and runs its
  // experts. Making the plans is not in them.
  double vision_ms = 0, experts_ms = 0;
  // The share of each expert in experts_ms, 0 for those that were skipped. Not measured one by one: the experts run
  // together in the same dispatches, so their time is divided by the rows each had, and who works has all rows.
  std::vector<double> expert_ms;
};

struct ViewerOptions {
  RoutingPolicy policy;  // the published one is all experts, by their probabilities
  bool fuse = true;
  Progress progress;  // of kernel compilation
};

// What the model sees with. Errors: invalid_argument for a model for text alone.
Result<const PictureConfig*> need_picture(const Model& model);
// A picture as the model's tower takes it. Errors: these, and those of pixel_values.
Result<Pixels> see_pixels(const Model& model, const Picture& picture);

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
