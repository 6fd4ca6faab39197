#include "frontend/adapters/adapter.h"

#include <system_error>

#include "frontend/adapters/adapter_folder.h"
#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// "meta-llama/Llama-2-7b-hf/" -> "Llama-2-7b-hf"
std::string last_part(std::string name) {
  while (name.size() > 1 && (name.back() == '/' || name.back() == '\\')) name.pop_back();
  const size_t slash = name.find_last_of("/\\");
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

Result<std::filesystem::path> tensor_file(const std::filesystem::path& folder) {
  for (const char* file : {kAdapterSafetensors, kAdapterTorch}) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / file, ignored)) return folder / file;
  }
  return not_found(
      join("[adapter] ", folder.string(), " has neither ", kAdapterSafetensors, " nor ", kAdapterTorch, "."));
}

}  // namespace

std::string base_warning(const AdapterConfig& config, const AdapterBase& base) {
  const bool hashes = !config.base_sha256.empty() && !base.sha256.empty();
  if (hashes && config.base_sha256 == base.sha256) return "";
  if (hashes)
    return join("The adapter was made for a base with the SHA-256 ", config.base_sha256, ", this base has ",
                base.sha256, "; the shapes fit, but the results may not.");
  if (config.base_model.empty() || base.name.empty() || last_part(config.base_model) == last_part(base.name)) return "";
  return join("The adapter was made for the base ", config.base_model.substr(0, 200), ", this base is ", base.name,
              "; the shapes fit, but the results may not.");
}

Result<Adapter> open_adapter(const std::filesystem::path& folder, const AdapterBase& base) {
  Adapter adapter;
  LK_ASSIGN(adapter.config, AdapterConfig::open(folder));
  LK_ASSIGN(const std::filesystem::path file, tensor_file(folder));
  LK_ASSIGN(const TensorFiles files, open_tensors(file));
  LK_ASSIGN(adapter.tensors, read_adapter_tensors(adapter.config, base, files));
  adapter.warnings = adapter.config.warnings;
  if (std::string warning = base_warning(adapter.config, base); !warning.empty())
    adapter.warnings.push_back(std::move(warning));
  return adapter;
}

}  // namespace lorikeet
