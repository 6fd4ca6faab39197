#include <volk.h>

#include "runtime/device/pipeline_cache.h"

#include <cstring>
#include <string_view>

#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// The file: this header, then what vkGetPipelineCacheData gave.
struct FileHeader {
  char magic[8];  // "LKPIPE1\n"
  uint64_t device;
  uint64_t bytes;
  uint64_t checksum;
};
constexpr char kMagic[8] = {'L', 'K', 'P', 'I', 'P', 'E', '1', '\n'};

uint64_t fnv(std::string_view bytes, uint64_t hash = 0xcbf29ce484222325u) {
  for (const char c : bytes) hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

std::string_view raw(const void* data, size_t size) { return {static_cast<const char*>(data), size}; }

uint64_t device_hash(const Facts& facts) {
  uint64_t hash = fnv(facts.profile.key());
  hash = fnv(facts.profile.driver, hash);
  return fnv(raw(facts.cache_uuid, sizeof facts.cache_uuid), hash);
}

// Drivers trust the data that they are given, so it must be exactly what was written, for exactly this device.
std::string_view payload(std::string_view file, const Facts& facts) {
  FileHeader header;
  VkPipelineCacheHeaderVersionOne inner;
  if (file.size() < sizeof header + sizeof inner) return {};
  std::memcpy(&header, file.data(), sizeof header);
  const std::string_view data = file.substr(sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) || header.device != device_hash(facts) ||
      header.bytes != data.size() || header.checksum != fnv(data)) {
    return {};
  }
  std::memcpy(&inner, data.data(), sizeof inner);
  const bool fits = inner.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
                    inner.vendorID == facts.profile.vendor_id && inner.deviceID == facts.profile.device_id &&
                    inner.headerSize <= data.size() &&
                    !std::memcmp(inner.pipelineCacheUUID, facts.cache_uuid, VK_UUID_SIZE);
  return fits ? data : std::string_view();
}

}  // namespace

Status PipelineCache::open(const VolkDeviceTable& functions, VkDevice device, const Facts& facts,
                           const std::filesystem::path& folder) {
  vk_ = &functions;
  device_ = device;
  device_hash_ = device_hash(facts);
  std::string file;
  std::string_view data;
  if (!folder.empty()) {
    std::ostringstream name;
    name << std::hex << device_hash_ << ".bin";
    path_ = folder / name.str();
    if (auto content = read_text(path_)) {
      file = std::move(content).value();
      data = payload(file, facts);
    }
  }
  auto info = typed<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  // A header alone says nothing to a driver; SwiftShader would append it to its own.
  info.initialDataSize = data.size() > sizeof(VkPipelineCacheHeaderVersionOne) ? data.size() : 0;
  info.pInitialData = data.data();
  VkResult result = vk_->vkCreatePipelineCache(device_, &info, nullptr, &handle_);
  if (result != VK_SUCCESS && !data.empty()) {
    info.initialDataSize = 0;
    data = {};
    result = vk_->vkCreatePipelineCache(device_, &info, nullptr, &handle_);
  }
  if (result != VK_SUCCESS) return vulkan_error("[device] vkCreatePipelineCache", result);
  saved_bytes_ = data.size();
  return Done{};
}

Status PipelineCache::save() {
  const std::lock_guard lock(lock_);
  if (path_.empty() || !handle_) return Done{};
  size_t size = 0;
  if (vk_->vkGetPipelineCacheData(device_, handle_, &size, nullptr) != VK_SUCCESS) return Done{};
  std::string file(sizeof(FileHeader) + size, '\0');
  if (vk_->vkGetPipelineCacheData(device_, handle_, &size, file.data() + sizeof(FileHeader)) < 0) return Done{};
  // The same pipelines may come in another order, but not in fewer bytes. Some drivers give not even a header.
  if (size == saved_bytes_ || size < sizeof(VkPipelineCacheHeaderVersionOne)) return Done{};
  file.resize(sizeof(FileHeader) + size);
  const std::string_view data = std::string_view(file).substr(sizeof(FileHeader));
  FileHeader header{{}, device_hash_, size, fnv(data)};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::memcpy(file.data(), &header, sizeof header);
  std::error_code failure;
  std::filesystem::create_directories(path_.parent_path(), failure);
  LK_TRY(write_whole(path_, file));
  saved_bytes_ = size;
  return Done{};
}

void PipelineCache::close() {
  if (handle_) vk_->vkDestroyPipelineCache(device_, handle_, nullptr);
  handle_ = VK_NULL_HANDLE;
}

}  // namespace lorikeet
