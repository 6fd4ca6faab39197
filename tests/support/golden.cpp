#include "tests/support/golden.h"

#include "runtime/base/options.h"

namespace lorikeet::test {

std::filesystem::path golden(std::string_view name) { return std::filesystem::path(LORIKEET_GOLDEN_DIR) / name; }

std::optional<std::filesystem::path> shared_golden(std::string_view name) {
  auto path = std::filesystem::path(LORIKEET_SHARED_DIR) / "goldens" / name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

std::optional<std::filesystem::path> demo_model() {
  const std::filesystem::path path =
      std::filesystem::path(Options::from_environment().cache_folder()) / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace lorikeet::test
