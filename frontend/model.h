// Model: the numbers, the weights and the texts of one checkpoint, on one device. It owns the weights' memory; the
// device must outlive it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/config.h"
#include "frontend/text/tokenizer.h"
#include "frontend/weights.h"
#include "runtime/device/device.h"
#include "runtime/plan/choices.h"
#include "runtime/plan/kernels.h"

namespace lorikeet {

// Notices for people: one line each.
using Notice = std::function<void(const std::string&)>;

struct ModelOptions {
  Progress upload;  // bytes done, bytes in all
  Notice notice;
  std::filesystem::path vision;  // the vision tower's folder, see Checkpoint::open
};

struct ModelMemory {
  uint64_t weight_bytes = 0;  // on the device
  uint64_t file_bytes = 0;
};

class Model {
 public:
  // What a file needs, without a device.
  static Result<ModelMemory> memory(const std::filesystem::path& path);
  static Result<Model> load(Device& device, const std::filesystem::path& path, const ModelOptions& options = {});
  // `load` in two steps: what the files say, with nothing on the device yet, and the weights. In between, memory() and
  // Session::memory() tell what is going to be allocated.
  static Result<Model> open(Device& device, const std::filesystem::path& path, const ModelOptions& options = {});
  Status upload();  // once
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const Checkpoint& checkpoint() const;
  const DecoderConfig& config() const;
  const WeightTable& weights() const;
  ModelMemory memory() const;
  // Absent when the files have no tokenizer: ids can still be used. `tokenizer_error` says why.
  const Tokenizer* tokenizer() const;
  const std::optional<Error>& tokenizer_error() const;

  Device& device();
  KernelLibrary& kernels();
  ChoiceTable& choices();
  // The pages of a weight of a graph.
  Result<std::vector<Slice>> storage(const GraphTensor& weight) const;
  // False before upload(), and when the device was lost or opened again since.
  bool loaded() const;
  // After that: opens a lost device again and uploads the weights from the file.
  Status recover();
  uint64_t generation() const;  // uploads so far: what a session made before the last one is dead

 private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
