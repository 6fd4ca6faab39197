// The kernels that the build compiled and embedded. C++ only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace lorikeet {

struct EmbeddedShader {
  std::string_view name;  // "rms_norm", "matmul/q4_1"
  std::span<const uint32_t> words;
};

std::span<const EmbeddedShader> embedded_shaders();
std::span<const uint32_t> embedded_shader(std::string_view name);  // empty if this build has no such kernel

}  // namespace lorikeet
