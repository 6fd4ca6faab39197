// FrozenTower: the vision tower while others learn: each picture's features are computed once and kept.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "frontend/model.h"
#include "frontend/picture_tokens.h"
#include "runtime/device/buffer.h"
#include "runtime/plan/plan.h"

namespace lorikeet {

class FrozenTower {
 public:
  static Result<FrozenTower> create(Model& model);
  // Bytes on the device once it has seen so many different pictures.
  static Result<uint64_t> memory(Model& model, int64_t pictures);
  FrozenTower(FrozenTower&&) noexcept;
  FrozenTower& operator=(FrozenTower&&) noexcept;
  ~FrozenTower();

  // Writes the features (visual tokens, T) of the picture to the target; `pixels` is asked where they are not known.
  Status see(const std::string& path, const std::function<Result<Pixels>(const std::string&)>& pixels,
             const Slice& target);

 private:
  struct Impl;
  explicit FrozenTower(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
