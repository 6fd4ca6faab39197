#include <new>
#include <unordered_set>

#include "frontend/adapters/adapter_kinds.h"
#include "frontend/adapters/adapter_tensors.h"
#include "frontend/checkpoint/quant/quant.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

class Reader {
 public:
  Reader(const AdapterConfig& config, const AdapterBase& base, const TensorFiles& files)
      : config_(config), base_(base), files_(files), file_(files.file(0).path().string()) {}

  Result<AdapterTensors> read() {
    LK_ASSIGN(AdapterTensors tensors, adapter_layout(config_, base_));
    const std::vector<AdapterSlot> slots = adapter_slots(tensors, config_.kind, naming());
    for (const AdapterSlot& slot : slots) LK_TRY(check(slot));
    LK_TRY(refuse_others(slots));
    try {  // not more than the file has, but it may be twice as much in memory
      allocate_values(tensors);
    } catch (const std::bad_alloc&) {
      return Error{ErrorCode::out_of_memory, join("[adapter] ", file_, ": the adapter does not fit in memory."), {}};
    }
    for (const AdapterSlot& slot : slots) {
      const TensorInfo& tensor = *files_.find(slot.name);
      LK_ASSIGN(const Bytes bytes, files_.data(tensor));
      LK_TRY(dequantise(tensor.type, bytes, values_of(tensors, slot)));
      files_.release(tensor);
    }
    return tensors;
  }

 private:
  AdapterNaming naming() const {
    if (!config_.is_mixlora()) return AdapterNaming::published;
    bool first = false, numbered = false;
    for (const TensorInfo& tensor : files_.tensors()) {
      first |= tensor.name.ends_with(".gate.weight");
      for (const char* projection : {".w1_proj.", ".w2_proj.", ".w3_proj."})
        numbered |= tensor.name.find(projection) != std::string::npos;
    }
    if (!first) return AdapterNaming::published;
    return numbered ? AdapterNaming::mixlora_numbered : AdapterNaming::mixlora_first;
  }

  Status check(const AdapterSlot& slot) const {
    const TensorInfo* tensor = files_.find(slot.name);
    if (!tensor) {
      const std::string given = files_.tensors().empty() ? "nothing" : files_.tensors().front().name;
      return not_found(join("[adapter] ", file_, ": tensor ", slot.name, " of shape ", shape_text(slot.shape),
                            " is missing; the file begins with ", given, "."));
    }
    if (tensor->shape != slot.shape)
      return invalid(join("[adapter] ", file_, ": tensor ", slot.name, " must have the shape ", shape_text(slot.shape),
                          " to fit this base, it has ", shape_text(tensor->shape), "."));
    if (tensor->type != DType::f32 && tensor->type != DType::f16 && tensor->type != DType::bf16)
      return unsupported(join("[adapter] ", file_, ": tensor ", slot.name, " must be f32, f16 or bf16, it is ",
                              name(tensor->type), "."));
    return Done{};
  }

  Status refuse_others(const std::vector<AdapterSlot>& slots) const {
    std::unordered_set<std::string_view> expected;
    for (const AdapterSlot& slot : slots) expected.insert(slot.name);
    for (const TensorInfo& tensor : files_.tensors())
      if (!expected.contains(tensor.name))
        return invalid(join("[adapter] ", file_, ": tensor ", tensor.name.substr(0, 200), " of shape ",
                            shape_text(tensor.shape), " is not one of the ", slots.size(),
                            " that the adapter has by its configuration on a base of ", base_.layers, " layers."));
    return Done{};
  }

  const AdapterConfig& config_;
  const AdapterBase& base_;
  const TensorFiles& files_;
  std::string file_;
};

}  // namespace

Result<AdapterTensors> read_adapter_tensors(const AdapterConfig& config, const AdapterBase& base,
                                            const TensorFiles& files) {
  return Reader(config, base, files).read();
}

}  // namespace lorikeet
