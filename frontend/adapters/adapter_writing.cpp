#include <algorithm>
#include <system_error>

#include "frontend/adapters/adapter.h"
#include "frontend/adapters/adapter_folder.h"
#include "frontend/checkpoint/output_folder.h"
#include "frontend/checkpoint/safetensors.h"
#include "frontend/checkpoint/torch_zip_writer.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using std::filesystem::path;

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
  LK_ASSIGN(OutputFolder made, OutputFolder::create(folder, "[adapter]"));
  LK_TRY(write_whole(made.folder() / kAdapterConfig, config.text()));
  if (files.safetensors) LK_TRY(write_safetensors(made.folder() / kAdapterSafetensors, all, {{"format", "pt"}}));
  if (files.torch) LK_TRY(write_torch_zip(made.folder() / kAdapterTorch, all));
  return made.finish();
}

}  // namespace lorikeet
