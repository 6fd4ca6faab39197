#include "tests/support/golden.h"

namespace lorikeet::test {

std::filesystem::path golden(std::string_view name) { return std::filesystem::path(LORIKEET_GOLDEN_DIR) / name; }

std::optional<std::filesystem::path> shared_golden(std::string_view name) {
  auto path = std::filesystem::path(LORIKEET_SHARED_DIR) / "goldens" / name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace lorikeet::test
