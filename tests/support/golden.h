// Where reference data lies: small copies in tests/golden, the full set in ../shared/goldens (may be missing), the
// demo's model in the cache folder (tools/fetch_model.sh; may be missing).
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace lorikeet::test {

std::filesystem::path golden(std::string_view name);                        // tests/golden/NAME
std::optional<std::filesystem::path> shared_golden(std::string_view name);  // ../shared/goldens/NAME, if it is there
std::optional<std::filesystem::path> demo_model();  // SmolLM2-135M-Instruct.Q4_1.gguf, if it is there

}  // namespace lorikeet::test
