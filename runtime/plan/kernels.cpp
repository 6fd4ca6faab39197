#include "runtime/plan/kernels.h"

#include "runtime/base/text.h"
#include "shaders/embedded.h"

namespace lorikeet {

std::string KernelLibrary::key(const Dispatch& dispatch) {
  std::string text = dispatch.kernel;
  for (const auto& [id, value] : dispatch.constants) text += join(" ", id, "=", value);
  if (dispatch.subgroup_size) text += join(" subgroups of ", dispatch.subgroup_size);
  return text;
}

Result<const KernelInterface*> KernelLibrary::interface(std::string_view kernel) {
  if (const auto found = interfaces_.find(kernel); found != interfaces_.end()) return &found->second;
  const auto words = embedded_shader(kernel);
  if (words.empty()) return unsupported(join("[kernel] this build has no kernel \"", kernel, "\"."));
  LK_ASSIGN(KernelInterface reflected, reflect(words));
  return &interfaces_.emplace(std::string(kernel), std::move(reflected)).first->second;
}

Status KernelLibrary::compile(Device& device, const std::vector<const Dispatch*>& dispatches,
                              const Progress& progress) {
  std::map<std::string, KernelRequest> missing;
  for (const Dispatch* dispatch : dispatches) {
    const std::string name = key(*dispatch);
    if (kernels_.contains(name)) continue;
    KernelRequest request{dispatch->kernel, embedded_shader(dispatch->kernel), {}};
    for (const auto& [id, value] : dispatch->constants) request.constants.push_back({id, value});
    request.required_subgroup_size = dispatch->subgroup_size;
    missing.emplace(name, std::move(request));
  }
  if (missing.empty()) return Done{};
  std::vector<KernelRequest> requests;
  for (const auto& [name, request] : missing) requests.push_back(request);
  LK_ASSIGN(auto kernels, device.create_kernels(requests, progress));
  size_t i = 0;
  for (const auto& [name, request] : missing) kernels_[name] = std::make_unique<Kernel>(std::move(kernels[i++]));
  return Done{};
}

const Kernel* KernelLibrary::find(const Dispatch& dispatch) const {
  const auto found = kernels_.find(key(dispatch));
  return found == kernels_.end() ? nullptr : found->second.get();
}

std::vector<const Kernel*> KernelLibrary::all() const {
  std::vector<const Kernel*> result;
  for (const auto& [name, kernel] : kernels_) result.push_back(kernel.get());
  return result;
}

}  // namespace lorikeet
