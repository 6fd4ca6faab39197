#include "frontend/training/adapter_parameters.h"

#include "runtime/base/text.h"

namespace lorikeet {

std::vector<Parameter> adapter_parameters(const AdapterTensors& tensors, const std::string& name) {
  std::vector<Parameter> parameters;
  for (size_t i = 0; i < tensors.routers.size(); ++i) {
    const AdapterRouter& router = tensors.routers[i];
    parameters.push_back({join(name, ".router.", i), {router.experts, router.in}, router.weight});
  }
  for (size_t i = 0; i < tensors.linears.size(); ++i) {
    const AdapterLinear& linear = tensors.linears[i];
    parameters.push_back({join(name, ".a.", i), {linear.experts, linear.rank, linear.in}, linear.a});
    parameters.push_back({join(name, ".b.", i), {linear.experts, linear.out, linear.rank}, linear.b});
  }
  return parameters;
}

Status read_adapter_parameters(AdapterTensors& tensors, const std::string& name,
                               const std::function<Result<std::vector<float>>(const std::string&)>& read) {
  for (size_t i = 0; i < tensors.routers.size(); ++i) {
    LK_ASSIGN(tensors.routers[i].weight, read(join(name, ".router.", i)));
  }
  for (size_t i = 0; i < tensors.linears.size(); ++i) {
    LK_ASSIGN(tensors.linears[i].a, read(join(name, ".a.", i)));
    LK_ASSIGN(tensors.linears[i].b, read(join(name, ".b.", i)));
  }
  return Done{};
}

}  // namespace lorikeet
