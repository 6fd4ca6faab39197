#include <algorithm>
#include <system_error>

#include "frontend/adapters/adapter.h"
#include "frontend/adapters/adapter_folder.h"
#include "frontend/checkpoint/safetensors.h"
#include "frontend/checkpoint/torch_zip_writer.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using std::filesystem::path;

Error cannot(const path& folder, const std::error_code& why) {
  return {ErrorCode::io, join("[adapter] cannot write ", folder.string(), ": ", why.message(), "."), {}};
}

path beside(const path& folder, const char* ending) {
  path other = folder;
  return other += ending;
}

// Removes the folder with everything in it when it goes, unless it was moved away before.
class Staging {
 public:
  explicit Staging(path folder) : folder_(std::move(folder)) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Status create() {
    std::error_code failure;
    std::filesystem::remove_all(folder_, failure);  // what an interrupted run left
    std::filesystem::create_directories(folder_, failure);
    if (failure) return cannot(folder_, failure);
    return Done{};
  }
  const path& folder() const { return folder_; }

 private:
  path folder_;
};

// Nothing, or just an adapter.
bool may_be_replaced(const path& folder) {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    const std::string file = entry.path().filename().string();
    if (file != kAdapterConfig && file != kAdapterSafetensors && file != kAdapterTorch) return false;
  }
  return !failure;
}

Status check_place(const path& folder, const AdapterFiles& files) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored) || std::filesystem::is_empty(folder, ignored)) return Done{};
  if (files.replace && may_be_replaced(folder)) return Done{};
  return invalid(join("[adapter] ", folder.string(), " is there already",
                      files.replace ? " and holds more than an adapter" : "", "; give the name of a new folder."));
}

// What was there is moved aside first, and back if the new folder cannot take its place.
Status put_in_place(const path& made, const path& folder) {
  std::error_code failure, ignored;
  const path aside = beside(folder, ".replaced");
  const bool was_there = std::filesystem::exists(folder, ignored);
  if (was_there) {
    std::filesystem::remove_all(aside, ignored);
    std::filesystem::rename(folder, aside, failure);
    if (failure) return cannot(folder, failure);
  }
  std::filesystem::rename(made, folder, failure);
  if (failure && was_there) std::filesystem::rename(aside, folder, ignored);
  if (failure) return cannot(folder, failure);
  if (was_there) std::filesystem::remove_all(aside, ignored);
  return Done{};
}

size_t values_in_part(const AdapterTensors& tensors, const AdapterSlot& slot) {
  if (slot.part == AdapterSlot::Part::router) return tensors.routers[slot.index].weight.size();
  const AdapterLinear& linear = tensors.linears[slot.index];
  return slot.part == AdapterSlot::Part::a ? linear.a.size() : linear.b.size();
}

Result<std::vector<NamedBytes>> named_bytes(const AdapterConfig& config, const AdapterTensors& tensors) {
  std::vector<NamedBytes> all;
  for (AdapterSlot& slot : adapter_slots(tensors, config.kind)) {
    if (slot.first + slot.elements() > values_in_part(tensors, slot))
      return invalid(join("[adapter] tensor ", slot.name, " of shape ", shape_text(slot.shape), " has no values."));
    const Bytes bytes = std::as_bytes(values_of(tensors, slot));
    all.push_back({std::move(slot.name), DType::f32, std::move(slot.shape), bytes});
  }
  if (all.empty()) return invalid("[adapter] an adapter without tensors was to be written.");
  return all;
}

}  // namespace

Status write_adapter(const path& place, const AdapterConfig& config, const AdapterTensors& tensors,
                     const AdapterFiles& files) {
  if (!files.safetensors && !files.torch) return invalid("[adapter] neither file of tensors was asked for.");
  const path folder = place.has_filename() ? place : place.parent_path();  // without a slash at the end
  LK_TRY(check_place(folder, files));
  LK_ASSIGN(const std::vector<NamedBytes> all, named_bytes(config, tensors));
  Staging staging(beside(folder, ".partial"));
  LK_TRY(staging.create());
  LK_TRY(write_whole(staging.folder() / kAdapterConfig, config.text()));
  if (files.safetensors) LK_TRY(write_safetensors(staging.folder() / kAdapterSafetensors, all, {{"format", "pt"}}));
  if (files.torch) LK_TRY(write_torch_zip(staging.folder() / kAdapterTorch, all));
  return put_in_place(staging.folder(), folder);
}

}  // namespace lorikeet
