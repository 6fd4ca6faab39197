// Internal: compiled pipelines on disk, one file a device and driver. A file that is damaged counts as absent.
#pragma once

#include <filesystem>
#include <mutex>

#include "runtime/device/facts.h"

namespace lorikeet {

class PipelineCache {
 public:
  // `folder` empty: nothing is read or saved.
  Status open(const VolkDeviceTable& functions, VkDevice device, const Facts& facts,
              const std::filesystem::path& folder);
  Status save();  // writes the file if the driver's data has grown; safe from any thread
  void close();
  VkPipelineCache handle() const { return handle_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  const VolkDeviceTable* vk_ = nullptr;
  VkDevice device_ = VK_NULL_HANDLE;
  VkPipelineCache handle_ = VK_NULL_HANDLE;
  std::filesystem::path path_;
  uint64_t device_hash_ = 0;
  size_t saved_bytes_ = 0;  // of the driver's data in the file
  std::mutex lock_;
};

}  // namespace lorikeet
