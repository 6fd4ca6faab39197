// The tensors of an adapter as parameters, and back.
#pragma once

#include <functional>

#include "frontend/adapters/adapter_tensors.h"
#include "frontend/training/parameters.h"

namespace lorikeet {

inline constexpr const char* kAdapterParameters = "adapter";  // the name of the one that a run trains

// NAME.router.I, NAME.a.I, NAME.b.I: as AdapterWriter names its states.
std::vector<Parameter> adapter_parameters(const AdapterTensors& tensors, const std::string& name);
// Fills the values of the adapter from those of the parameters, which `read` gives by name.
Status read_adapter_parameters(AdapterTensors& tensors, const std::string& name,
                               const std::function<Result<std::vector<float>>(const std::string&)>& read);

}  // namespace lorikeet
