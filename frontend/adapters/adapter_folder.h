// Internal. The files of an adapter's folder.
#pragma once

namespace lorikeet {

inline constexpr const char* kAdapterConfig = "adapter_config.json";
inline constexpr const char* kAdapterSafetensors = "adapter_model.safetensors";
inline constexpr const char* kAdapterTorch = "adapter_model.bin";

}  // namespace lorikeet
