// WeightLoader: brings weights from file bytes to their packed place on the device, a few megabytes at a time, so that
// neither the host nor the device ever holds a second copy. Packing is done by the `pack` kernel.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/graph/tensor.h"
#include "runtime/plan/kernels.h"
#include "runtime/plan/upload.h"

namespace lorikeet {

// A matrix as a file holds it: row-major blocks of `type`.
struct MatrixSource {
  DType type = DType::f32;
  int64_t rows = 0, columns = 0;
  std::span<const std::byte> bytes;
  // llama GGUF files hold the rows of q and k in interleaved rotary order; > 0: rows a head, to be put back into
  // Hugging Face's order.
  int64_t interleaved_head_rows = 0;
};

// The pages of a packed matrix that lies in one piece from the start of `whole`.
std::vector<Slice> page_slices(const Slice& whole, DType type, const StorageRef& storage, int64_t columns,
                               const DeviceProfile& profile);

class WeightLoader {
 public:
  static Result<WeightLoader> create(Device& device, KernelLibrary& kernels);
  // Packs a matrix into its rows of a storage. `pages` are the slices of the whole storage.
  Status load_matrix(const MatrixSource& source, const std::vector<Slice>& pages, const StorageRef& place);
  // Copies plain f32 values to their place.
  Status load_vector(std::span<const float> values, const Slice& target);
  Status finish();  // waits for the device

 private:
  Status make_room(uint64_t bytes);
  Device* device_ = nullptr;
  KernelLibrary* kernels_ = nullptr;
  std::unique_ptr<Uploader> uploader_;
};

}  // namespace lorikeet
